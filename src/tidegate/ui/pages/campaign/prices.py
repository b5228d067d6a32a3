"""The prices of a campaign: filled in from the champion's spec where it has them, and checked as far as a page can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from tidegate.ui.client.campaigns import Needs
from tidegate.ui.pages.campaign.choices import chosen
from tidegate.ui.session import say

STAYS: Any = "session"
"""What is typed is there when the person comes back from another page."""
HUNDRED = 100.0
_DEFAULT_CURRENCY = "EUR"
_VALUE, _COLUMN, _ACCEPTED = "customer_value", "customer_value_column", "acceptance_rate"


def fields_of_prices(needs: Needs) -> tuple[dict[str, str], str | None]:
    """What is typed, as the API names and reads it, and one sentence where it cannot be used."""
    st.subheader(say("Prices"))
    if needs.prices is None:
        st.caption(say("The champion's spec (version {version}) has no prices: type those of today.", version=needs.model_version))
    else:
        st.caption(
            say("Filled in from the champion's spec (version {version}); change what is not true today.", version=needs.model_version)
        )
    first, second = st.columns(3), st.columns(3)
    currency = first[0].text_input(
        say("Currency"),
        value=needs.prices.currency if needs.prices else _DEFAULT_CURRENCY,
        max_chars=12,
        key="campaign.currency",
        persist_state=STAYS,
        help=say("Its code, as in EUR."),
    )
    fields = {"currency": currency.strip(), **_value(needs, first[1], first[2])}
    fields["contact_cost"] = _price(needs, "contact_cost", second[0], say("What a call or a letter costs, whatever comes of it."))
    offer = say("What the offer costs when it is taken; 0 where there is none. Who would have stayed anyway takes it, too.")
    fields["incentive_cost"] = _price(needs, "incentive_cost", second[1], offer)
    fields[_ACCEPTED] = _price(needs, _ACCEPTED, second[2], say("How many of those who would have left take the offer and stay."), HUNDRED)
    return fields, _wrong(fields)


def as_field(value: float | None) -> str:
    """As the API reads a number; empty where there is none."""
    return "" if value is None else repr(value)


def _titles() -> dict[str, str]:
    return {
        "currency": say("Currency"),
        _VALUE: say("Value of a customer"),
        _COLUMN: say("Column with the value"),
        "contact_cost": say("Cost of a contact"),
        "incentive_cost": say("Cost of the offer"),
        _ACCEPTED: say("Acceptance rate (%)"),
    }


def _value(needs: Needs, kind_place: Any, place: Any) -> dict[str, str]:
    """What a customer is worth: one amount, or a column."""
    columns = {column.name: column.meaning or column.name for column in needs.value_columns}
    kinds = {_VALUE: say("An amount, the same for all"), **({_COLUMN: say("A column of the table")} if columns else {})}
    known = needs.prices.customer_value_column if needs.prices else None
    start = _COLUMN if known in columns else _VALUE
    kind = chosen(kind_place, say("Value of a customer who stays"), kinds, "campaign.value.kind", start)
    if kind == _VALUE:
        return {_VALUE: _price(needs, _VALUE, place, say("What a customer brings in who would have left and stays."))}
    column = place.selectbox(
        _titles()[_COLUMN],
        list(columns),
        index=list(columns).index(known) if known in columns else None,
        format_func=columns.__getitem__,
        key="campaign.value.column",
        persist_state=STAYS,
        placeholder=say("Choose"),
        help=say("The scored table must have it."),
    )
    return {_COLUMN: column or ""}


def _price(needs: Needs, name: str, place: Any, help_text: str, shown_times: float = 1.0) -> str:
    known = getattr(needs.prices, name, None)
    typed = place.number_input(
        _titles()[name],
        value=None if known is None else round(known * shown_times, 9),
        step=1.0,
        format="%g",
        key=f"campaign.{name}",
        persist_state=STAYS,
        help=help_text,
    )
    return as_field(None if typed is None else typed / shown_times)


def _wrong(fields: Mapping[str, str]) -> str | None:
    """One sentence about the prices, or None."""
    titles = _titles()
    empty = [titles[name] for name, text in fields.items() if not text]
    if empty:
        return say("A price is missing: {names}.", names=", ".join(empty))
    if float(fields.get(_VALUE, 1)) <= 0:
        return say("{name}: it must be above 0.", name=titles[_VALUE])
    for name in ("contact_cost", "incentive_cost"):
        if float(fields[name]) < 0:
            return say("{name}: it must be 0 or more.", name=titles[name])
    if not 0 < float(fields[_ACCEPTED]) <= 1:
        return say("The acceptance rate must be above 0% and at most 100%.")
    return None
