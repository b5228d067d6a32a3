"""One reason as a plain English sentence: what is known of the customer, and which way it moves the model's answer. It names no cause."""

from __future__ import annotations

from typing import Literal

Direction = Literal["raises", "lowers", "none"]
# "Compared with the average customer" is what a contribution is: the base is what the model says of an average training customer.
_SAYS: dict[Direction, str] = {
    "raises": "raises the predicted probability of leaving, compared with the average customer",
    "lowers": "lowers the predicted probability of leaving, compared with the average customer",
    "none": "does not move the predicted probability of leaving",
}


def direction_of(contribution: float) -> Direction:
    """Which way a contribution moves the probability, whatever space it is counted in."""
    return "raises" if contribution > 0 else "lowers" if contribution < 0 else "none"


def sentence_of(label: str, words: str, direction: Direction) -> str:
    """The sentence.

    >>> sentence_of("Length of the relationship", "39 months", "lowers")
    'Length of the relationship: 39 months, lowers the predicted probability of leaving, compared with the average customer.'
    """
    return f"{label}: {words}, {_SAYS[direction]}."
