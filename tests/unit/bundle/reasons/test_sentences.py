"""What a reason says: names, values and directions, for every kind of column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tidegate.bundle.reasons.customers import Explained, Reason, reasons_of
from tidegate.bundle.reasons.sources import sources_of
from tidegate.customers.cells import rows_from_objects
from tidegate.customers.contract import breaches, compile_contract
from tidegate.customers.spec import parse_spec
from tidegate.features import compute, plan_features

SPEC = """
name = "phones"

[columns.months_with_us]
kind = "integer"
meaning = "Time with us."
unit = "months"
limit = [0, 500]
nullable = true

[columns.monthly_bill]
kind = "number"
unit = "EUR"
limit = [-1e9, 1e9]

[columns.first_year]
kind = "integer"
meaning = "Year of the first contract"

[columns.joined]
kind = "date"
meaning = "Joined on"

[columns.has_fibre]
kind = "boolean"
meaning = "Fibre at home"
nullable = true

[columns.plan]
kind = "category"
meaning = '''Plan: name
and size'''
levels = ["Basic", "Plus", "Unknown"]
normalise = ["strip"]
unknown = "other"
nullable = true

[[ratios]]
name = "bill_by_month"
numerator = "monthly_bill"
denominator = "months_with_us"
factor = 12
meaning = "Bill by tenure"

[[ratios]]
name = "unnamed"
numerator = "monthly_bill"
denominator = "months_with_us"
"""
GOOD: dict[str, Any] = {
    "months_with_us": 1,
    "monthly_bill": 12345.5,
    "first_year": 2019,
    "joined": "2020-02-29",
    "has_fibre": False,
    "plan": " Plus ",
}


def reasons(customer: dict[str, Any], contribution: float = 1.0) -> dict[str, Reason]:
    """Every reason of a customer whose contributions are all alike."""
    contract = compile_contract(parse_spec(SPEC))
    rows = rows_from_objects(contract, [customer])
    assert not breaches(contract, rows)
    plan = plan_features(contract.spec)
    sources = tuple(sources_of(contract)[name] for name in dict.fromkeys(plan.sources))
    given = np.full((1, len(sources)), contribution)
    explained = Explained("logit", 0.0, sources, given, np.arange(len(sources))[None], rows, compute(plan, rows))
    return {reason.source.name: reason for reason in reasons_of(explained, 0, customer, len(sources))}


@pytest.mark.parametrize(
    ("patch", "name", "beginning"),
    [
        ({}, "months_with_us", "Time with us: 1 month, "),
        ({"months_with_us": 24}, "months_with_us", "Time with us: 24 months, "),
        ({"months_with_us": None}, "months_with_us", "Time with us: not known, "),
        ({}, "monthly_bill", "Monthly bill: 12,345.5 EUR, "),
        ({"monthly_bill": -0.0}, "monthly_bill", "Monthly bill: 0 EUR, "),
        ({"monthly_bill": 1e-7}, "monthly_bill", "Monthly bill: 1e-07 EUR, "),
        ({}, "first_year", "Year of the first contract: 2019, "),
        ({"first_year": 1_234_567}, "first_year", "Year of the first contract: 1,234,567, "),
        ({}, "joined", "Joined on: 2020-02-29, "),
        ({}, "has_fibre", "Fibre at home: no, "),
        ({"has_fibre": 1}, "has_fibre", "Fibre at home: yes, "),
        ({"has_fibre": None}, "has_fibre", "Fibre at home: not known, "),
        ({}, "plan", "Plan: name and size: Plus, "),
        ({"plan": None}, "plan", "Plan: name and size: not known, "),
        ({"plan": "=HYPERLINK(1)"}, "plan", "Plan: name and size: none of the listed levels, "),
        ({"plan": "Unknown"}, "plan", "Plan: name and size: Unknown, "),
        ({"months_with_us": 10}, "bill_by_month", "Bill by tenure (monthly_bill / (months_with_us × 12)): 102.9, "),
        ({"months_with_us": 0}, "bill_by_month", "Bill by tenure (monthly_bill / (months_with_us × 12)): not known, "),
        ({}, "unnamed", "Monthly bill over time with us (monthly_bill / months_with_us): 12,350, "),
    ],
)
def test_values_are_said_as_people_say_them(patch: dict[str, Any], name: str, beginning: str) -> None:
    sentence = reasons(GOOD | patch)[name].sentence
    assert sentence == f"{beginning}raises the predicted probability of leaving, compared with the average customer."


def test_direction_is_the_sign_and_nothing_is_nothing() -> None:
    for contribution, direction, says in ((0.5, "raises", "raises the"), (-0.5, "lowers", "lowers the"), (0.0, "none", "does not move")):
        reason = reasons(GOOD, contribution)["plan"]
        assert (reason.direction, reason.contribution) == (direction, contribution)
        assert says in reason.sentence


def test_structured_parts_suffice_to_say_it_in_another_language() -> None:
    found = reasons(GOOD)
    assert {name: reason.value for name, reason in found.items() if reason.source.column is not None} == GOOD
    assert found["bill_by_month"].source.columns == ("monthly_bill", "months_with_us")
    assert found["bill_by_month"].value == 1028.7916
    assert reasons(GOOD | {"months_with_us": 0})["bill_by_month"].value is None
    assert found["months_with_us"].source.unit == "months"


def test_no_sentence_claims_a_cause() -> None:
    for reason in reasons(GOOD).values():
        assert not {"because", "cause", "causes", "due", "leads", "makes"} & set(reason.sentence.lower().replace(",", "").split())
