"""What the API says of campaigns in English, said for a person at a page, in the language of the visit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from tidegate.ui.client.http import ApiRefused
from tidegate.ui.plain import plain
from tidegate.ui.session import number, percent, say

Found = TypeVar("Found")
# A group n_… is a count, m_… an amount, p_… a percentage; every other one is shown as it came.
_COUNT, _SHARE = r"[\d,]+", r"-?[\d.]+%"
_POWER = (
    rf"With (?P<n_control>{_COUNT}) in the control group the expected uplift of (?P<p_uplift>{_SHARE}) would be proved in "
    rf"(?P<p_chance>{_SHARE}) of such campaigns"
)
_REFUSED = (
    (r"There is a campaign (?P<name>.+) already\. .*", "There is a campaign {name} already: give this one another name."),
    (r"The name of a campaign must be .*", "The name of a campaign must be 1 to 100 printable characters."),
    (r"(?P<file>.+) lacks the column churn_probability\. .*", "{file} is not scored: it lacks the column churn_probability."),
    (
        r"(?P<file>.+) lacks (?:the column|columns) (?P<names>.+)\. Give a table .*",
        "{file} lacks {names}: give a table that fits the champion's spec.",
    ),
    (
        rf"(?P<file>.+): (?P<n_rows>{_COUNT}) rows repeat an id, row (?P<n_first>{_COUNT}) the first\. .*",
        "{file}: {n_rows} rows repeat an id, row {n_first} the first. Give one row a customer.",
    ),
    (r"(?P<file>.+) has a header and no rows\. .*", "{file} has a header and no rows."),
    (r"(?P<file>.+) is empty\. .*", "{file} is empty."),
    (
        rf"(?P<file>.+): (?P<column>\S+) of row (?P<n_row>{_COUNT}) is not .+\. Correct it, .*",
        "{file}: {column} of row {n_row} cannot be used. Correct it, or leave the row out.",
    ),
    (r"Nobody is left to contact: .*", "Nobody is left to contact: all are left out. Check who opted out, or give fewer quiet days."),
    (r"At these prices no contact pays .*", "At these prices no contact pays for any customer left: check the prices."),
    (
        r"The budget does not cover a single contact\. Give at least (?P<m_least>[\d,]+\.\d\d) (?P<currency>.+)\.",
        "The budget does not cover a single contact: give at least {m_least} {currency}.",
    ),
    (r"The spec .+ names no id, .*", "The champion's spec names no id, so nobody could be told apart: no campaign can be planned."),
    (r"The ledger knows none of the customers in .*", "The ledger knows none of the customers in this file: check the column of the id."),
    (
        rf"(?P<n_customers>{_COUNT}) customers? ha(?:s|ve) .*; nothing was recorded\. .*",
        "{n_customers} customers of this file have two outcomes for the same time: nothing was recorded.",
    ),
)
_WARNED = (
    (
        rf"Left out, because scoring refused them: (?P<n_refused>{_COUNT}) of the rows\.",
        "Left out, because scoring refused them: {n_refused} of the rows.",
    ),
    (r"There is no control group: .*", "There is no control group: nothing can be proved later."),
    (
        rf"{_POWER}; 80 % would take (?P<n_needed>{_COUNT}) chosen .*",
        "With {n_control} in the control group the expected uplift of {p_uplift} would be proved in {p_chance} of such campaigns. "
        "A chance of 80% would take {n_needed} chosen customers at this share, or a larger control group.",
    ),
    (
        rf"{_POWER}, or .*",
        "With {n_control} in the control group the expected uplift of {p_uplift} would be proved in {p_chance} of such campaigns: "
        "take a larger control group.",
    ),
    (
        rf"(?P<n_both>{_COUNT}) of the chosen customers are also in the campaign (?P<name>.+), planned within (?P<n_days>{_COUNT}) .*",
        "{n_both} of the chosen customers are also in the campaign {name}, planned within {n_days} days: some would be called twice, "
        "and calling its control group spoils its proof.",
    ),
    (r"No control group was kept aside: .*", "No control group was kept aside: nothing can be proved."),
    (
        rf"(?P<n_gone>{_COUNT}) assignments are no longer in the ledger: (?P<n_treated>{_COUNT}) treated and (?P<n_control>{_COUNT}) .*",
        "{n_gone} assignments are no longer in the ledger: {n_treated} treated and {n_control} control are left.",
    ),
    (
        rf"Outcomes are missing unevenly: (?P<p_treated>{_SHARE}) of treated and (?P<p_control>{_SHARE}) of control have none, .*",
        "Outcomes are missing unevenly: {p_treated} of treated and {p_control} of control have none, so the arms may no longer be alike.",
    ),
    (
        r"Treated and control differ in the risk predicted .*",
        "Treated and control differ in the risk predicted before the campaign, more than chance makes them.",
    ),
)


def told(sentence: str) -> str:
    """The sentence for the page, as Markdown that shows it as it is; one that is not known here stays as the API said it."""
    for pattern, words in (*_REFUSED, *_WARNED):
        found = re.fullmatch(pattern, sentence)
        if found:
            return plain(say(words, **{name: _shown(name, text) for name, text in found.groupdict().items()}))
    return plain(sentence)


def refused_in_words(what: Callable[[], Found]) -> Found:
    """What an API answers; a refusal comes in the words of the page. Raises ApiFault."""
    try:
        return what()
    except ApiRefused as refused:
        raise ApiRefused(refused.status, told(refused.detail)) from None


def _shown(name: str, text: str) -> str:
    if name.startswith("n_"):
        return number(int(text.replace(",", "")))
    if name.startswith("m_"):
        return number(float(text.replace(",", "")), 2)
    if name.startswith("p_"):
        return percent(float(text.rstrip("%")) / 100, 1 if "." in text else 0)
    return text
