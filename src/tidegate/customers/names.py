"""Column names as the whole system uses them."""

from __future__ import annotations

import re

_WORD_BREAKS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^0-9a-z]+")


def snake_case(header: str) -> str:
    """A header in snake_case, or an empty string where it holds no letter or digit.

    >>> snake_case("Sales_Q4_Q1"), snake_case("MonthlyCharges"), snake_case("customerID"), snake_case("Net income (EUR)")
    ('sales_q4_q1', 'monthly_charges', 'customer_id', 'net_income_eur')
    """
    spaced = _WORD_BREAKS.sub("_", header.strip())
    return _NOT_WORD.sub("_", spaced.lower()).strip("_")
