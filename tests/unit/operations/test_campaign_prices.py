"""Which prices hold for a campaign: the spec's, those given, and what of them cannot be used."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from campaigns import PRICES, SHIPPED
from tidegate.customers.spec import TableSpec, parse_spec
from tidegate.errors import SettingRefused, SpecRefused
from tidegate.operations.campaign_prices import prices_of, value_columns

PLAIN = parse_spec(SHIPPED.read_text())
PRICED = parse_spec(SHIPPED.read_text() + PRICES)
GIVEN = {"currency": "USD", "customer_value": "900", "contact_cost": "4", "incentive_cost": "40", "acceptance_rate": "0.35"}


def test_nothing_given_is_what_the_spec_says() -> None:
    assert prices_of(PRICED, {}) == PRICED.money
    with pytest.raises(SpecRefused, match=r"has no \[money\]"):
        prices_of(PLAIN, {})


def test_prices_given_need_none_in_the_spec() -> None:
    found = prices_of(PLAIN, GIVEN)
    assert (found.currency, found.customer_value, found.contact_cost, found.acceptance_rate) == ("USD", 900, 4, 0.35)


def test_each_price_given_takes_the_place_of_the_spec_s() -> None:
    found = prices_of(PRICED, {"acceptance_rate": 0.1})
    assert found == PRICED.money.model_copy(update={"acceptance_rate": 0.1})  # type: ignore[union-attr]
    amount = prices_of(PRICED, {"customer_value": 900})
    assert (amount.customer_value, amount.customer_value_column, amount.contact_cost) == (900, None, 4)
    priced = parse_spec(PRICED.text.replace('customer_value_column = "credit_limit"', "customer_value = 5"))
    column = prices_of(priced, {"customer_value_column": "credit_limit"})
    assert (column.customer_value, column.customer_value_column) == (None, "credit_limit")


@pytest.mark.parametrize(
    ("spec", "given", "said"),
    [
        (PLAIN, {"contact_cost": "4"}, "acceptance_rate is not given."),
        (PLAIN, {**GIVEN, "customer_value_column": "credit_limit"}, "Give either customer_value or customer_value_column."),
        (PLAIN, {name: text for name, text in GIVEN.items() if name != "customer_value"}, "Give either customer_value"),
        (PRICED, {"contact_cost": "-1"}, "contact_cost must be greater than or equal to 0."),
        (PRICED, {"contact_cost": "four"}, "contact_cost must be a valid number"),
        (PRICED, {"incentive_cost": "nan"}, "incentive_cost must be a finite number."),
        (PRICED, {"customer_value": "0"}, "customer_value must be greater than 0."),
        (PRICED, {"customer_value": "inf"}, "customer_value must be a finite number."),
        (PRICED, {"acceptance_rate": "0"}, "acceptance_rate must be greater than 0."),
        (PRICED, {"acceptance_rate": "35"}, "acceptance_rate must be less than or equal to 1."),
        (PRICED, {"acceptance_rate": "nan"}, "acceptance_rate must be"),
        (PRICED, {"currency": " "}, "currency must be 1 to 12 printable characters."),
        (PRICED, {"currency": "E" * 13}, "currency must be 1 to 12 printable characters."),
        (PRICED, {"currency": "EUR\n"}, "currency must be 1 to 12 printable characters."),
        (PRICED, {"customer_value_column": "gender"}, "customer_value_column is no number column"),
        (PRICED, {"customer_value_column": "clientnum"}, "customer_value_column is no number column"),
        (PRICED, {"customer_value_column": "no_such"}, "customer_value_column is no number column"),
        (PRICED, {"discount": "1"}, "discount is no price."),
    ],
)
def test_what_cannot_be_used_is_one_sentence_that_names_it(spec: TableSpec, given: Mapping[str, object], said: str) -> None:
    with pytest.raises(SettingRefused) as refused:
        prices_of(spec, given)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value).replace("\\n", "")


def test_columns_that_may_hold_the_value_are_numbers_and_no_roles() -> None:
    found = value_columns(PLAIN)
    assert "credit_limit" in found
    assert not {"gender", "clientnum", "attrition_flag"} & set(found)
    number = parse_spec(SHIPPED.read_text() + '\n[columns.clientnum]\nkind = "integer"\n')
    assert "clientnum" not in value_columns(number)
