"""Sentences that an API composed in English, said in the language of the person: each is known by its words, its figures move along."""

from __future__ import annotations

import re
from functools import cache

from tidegate.ui.words import ENGLISH, translated

# As monitoring, alerts, the refusals that any page may meet and its client write them. What is not among them stays English.
KNOWN = (
    "{share} of the rows broke the contract and were quarantined.",
    "{share} of the rows occur in the reference, value by value: these may be the customers that the model learned from, "
    "and say nothing about new ones.",
    "The predicted probabilities have another distribution than the reference's ({effect} {value}).",
    "A classifier tells the batch from the reference by the columns that did not drift one by one (ROC-AUC {value}): "
    "something between them has changed.",
    "{column}: {share} of the values are missing, {before} in the reference.",
    "{column}: {share} of the rows have levels that the reference does not have: {levels}.",
    "{column}: levels of the reference no longer occur: {levels}.",
    "{column}: {share} of the values are outside the spec's expected range.",
    "{valid} of {rows} rows keep the contract: too few to judge drift.",
    "{count} labels are neither of the words that the spec names; they were read as not known.",
    "{count} customers of the batch have no id, so their labels can never come.",
    "{count} customers have outcomes from before the batch was seen only; these say nothing of it.",
    "{count} customers were looked at only after the {days} days of the horizon: say in observed_at when they left or stayed.",
    "{count} customers were seen to have left and later to have stayed; they count as left.",
    "The audit sample contradicts the outcomes of {count} customers; both are kept, and neither replaces the other.",
    "{page} leaves out columns without any value in the batch or in the reference: {columns}.",
    "{page} could not be drawn: {reason}. What monitoring decided does not depend on it.",
    "{page} could not be drawn ({reason}). What monitoring decided does not depend on it.",
    "Calibration has broken ({chance}): {left} left where the probabilities said {expected}; estimated ROC-AUC was off by {error}. "
    "Estimates are not to be trusted until the model is renewed.",
    "p below {value}",
    "Reading the reference",
    "Judging drift",
    "Looking for labels",
    "Drawing the reports",
    "{count} features have drifted",
    "The batch fails the checks of data quality",
    "ROC-AUC, realised, is down by {share}",
    "ROC-AUC, estimated, is down by {share}",
    "{share} of requests fail",
    "P95 latency is {count} ms",
    "A batch was refused",
    "The canary of experiment {number} was stopped",
    "Renewal: {decision}",
    "Batch {batch}: {count} of {rows} rows were quarantined.",
    "Batch {batch}: {value} realised, {reference} on the holdout.",
    "Batch {batch}: {value} estimated, {reference} on the holdout.",
    "Batch {batch}: {columns}.",
    "{count} of {rows} requests ended in a 5xx.",
    "Of {count} answers to /predict and /explain.",
    "scoring API",
    "operate API",
    "The {api} does not answer.",
    "The {api} did not answer in time.",
    "The {api} broke off in the middle of its answer.",
    "The {api} answered with HTTP status {status}.",
    "What answers as the {api} is something else.",
    "This home has no champion yet. Train one: tidegate train DATA --label COLUMN.",
    "{file} lacks {columns}. Give a table that fits the spec '{spec}', or another spec.",
    "columns {columns}",
    "the column {columns}",
    "{columns} and {count} more",
    "{file} is empty. Give a file with a header line and one line a customer.",
    "{file} has a header and no rows. Give a table with one row a customer.",
    "{file} is neither text nor Parquet: it holds NUL bytes. Export it as CSV in UTF-8, or as Parquet.",
    "{file} is a damaged or truncated Parquet file. Write it again; its end is missing or broken.",
    "The file {file} of bundle {version} is missing or changed. Promote another version, or restore the bundle from a backup.",
    "This API key may not call this route; it needs the role {role}. Ask whoever runs this service for such a key.",
)
_FIELD = re.compile(r"{(\w+)}")
_FIGURE = re.compile(r"[\d,]*\d(\.\d+)?%?")


def retold(sentence: str, language: str) -> str:
    """The sentence in that language; one that is not known as it is.

    >>> retold("P95 latency is 240 ms", "fr")
    'Latence P95 : 240 ms'
    """
    if language == ENGLISH:
        return sentence
    for pattern, known in _patterns():
        if found := pattern.fullmatch(sentence):
            return translated(known, language, **{name: _part(value, language) for name, value in found.groupdict().items()})
    return sentence


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(_pattern(known), re.DOTALL), known) for known in KNOWN)


def _pattern(known: str) -> str:
    parts = _FIELD.split(known)
    return "".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))


def _part(value: str, language: str) -> str:
    """A number or share as the French write it; anything else may be a sentence itself."""
    if not _FIGURE.fullmatch(value):
        return retold(value, language)
    return value.replace(",", "\u202f").replace(".", ",").replace("%", "\u00a0%")
