"""Sentences that an API composed in English, said in the language of the person: each is known by its words, its figures move along."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    "{column}: expected {expects}, found {found}. (rule: {rule})",
    "{column}: expected {expects}, found {found}.",
    # renewals: why one is asked for, what is learned from, what was decided by which gates
    "The data of batch {batch} failed its checks: repair the source, a renewal would learn the fault.",
    "{count} features drifted in batch {batch}, more than {limit}: {columns}.",
    "Batch {batch}: {count} drifted features (a renewal begins above {limit}), and performance is not known to be worse.",
    "The realised ROC-AUC of batch {batch} is {share} below the holdout's, more than {limit}.",
    "The estimated ROC-AUC of batch {batch} is {share} below the holdout's, more than {limit}.",
    "Asked for: {asked}",
    "Batch {batch} was compared with another version; version {version} is the champion now.",
    "Run `tidegate monitor`, or give --reason TEXT.",
    "Renewal {number} has answered this monitoring run already: {decision}, version {version}.",
    "Monitor a newer batch, or give --reason TEXT.",
    "Gate reserved_positives: {count} of the reserved new customers left, {limit} are needed: wait for labels.",
    "Gate reserved_positives: {count} of the reserved new customers left, {limit} are needed: wait for labels. Left out: {left_out}.",
    "The new customers to learn from are of one class only: wait for labels.",
    "The new customers to learn from are of one class only: wait for labels. Left out: {left_out}.",
    "A batch is left out: {reason}",
    "Every old customer is learned from, as set.",
    "No old customer is learned from, as set.",
    "Every old customer is learned from: the new ones hold {count} of one outcome, fewer than {limit}.",
    "All {count} old customers are learned from: without them new ones are not foretold better (log-loss {value}).",
    "{count} of {rows} old customers are learned from: new ones are foretold better so (log-loss {value}, with all {reference}).",
    "Gate {gate}: it is better than the champion by at least {value}.",
    "Gate {gate}: the champion is worse on the audit than on the holdout by {value} standard errors, so the holdout's gates are waived.",
    "Gate {gate}: it gave no probability for {count} customers of the newest batch.",
    "Gate {gate}: {finding} ({value}, limit {limit}).",
    "Experiment {number} is running, and a promotion would end it.",
    "{count} predictions in the last hour: {share} % of the customers try it for {minutes} minutes.",
    "The champion changed while the renewal was at work.",
    "Renewal {number} promoted version {version} and was interrupted before it could say so.",
)
# What such a sentence has in a field of this name, where it says more than a figure or a name: as it is written → as it is said.
_KINDS = ("a whole number", "a finite number", "true or false", "a date as YYYY-MM-DD", "a level")
PARTS: dict[str, dict[str, str]] = {
    "kind": {kind: kind for kind in _KINDS},
    "expects": {
        "{kind}, and it is not nullable": "{kind}, never empty",
        "{kind} from {low} to {high}": "{kind} from {low} to {high}",
        "one of {levels}": "one of {levels}",
        **{kind: kind for kind in _KINDS},
    },
    "found": {
        "text": "text",
        "number": "a number",
        "null": "nothing",
        "empty": "an empty cell",
        "boolean": "true or false",
        "another relation": "another relation",
    },
    "decision": {"promoted": "promoted", "held": "held", "refused": "refused", "canary": "in a canary", "not_needed": "not needed"},
    "evidence": {name: name for name in ("the frozen holdout", "the reserved slice", "the audit sample")},
    "left_out": {
        said: said
        for said in (
            "{treated} treated, {unknown} not matured or not labelled",
            "{treated} treated",
            "{unknown} not matured or not labelled",
        )
    },
    "finding": {
        said: said
        for said in (
            "what would be served is not what was trained",
            "the time of an answer was not measured",
            "it takes longer to answer than the limit allows",
            "there is no audit sample",
            "too few customers of {evidence} left",
            "it is not better than the champion on {evidence} beyond noise",
            "it may be worse than the champion on {evidence}",
            "its probabilities are further from the truth on {evidence}",
            "it flags a very different number of customers on {evidence}",
            "no audit shows that the world has changed since the holdout",
            "too few audited customers have an ordinary label to compare",
            "of {count} audited customers {wrong} have another ordinary label",
            "customers of the same score left more or less often in the slice than in the audit",
            "too few left in a group of {column}",
            "in a group of {column} it misses {share} more of those who left",
        )
    },
}
_FIELD = re.compile(r"{(\w+)}")
_FIGURE = re.compile(r"[+-]?[\d,]*\d(\.\d+)?(e[+-]?\d+)?%?")
_BETWEEN = re.compile(r"(?<=\.) (?=[A-Z])")


def retold(sentence: str, language: str) -> str:
    r"""The sentence in that language, or several one after the other; one that is not known as it is.

    >>> retold("P95 latency is 240 ms", "fr").replace("\N{NO-BREAK SPACE}", " ")
    'Latence P95 : 240 ms'
    """
    if language == ENGLISH:
        return sentence
    each = _BETWEEN.split(sentence)
    told = [_known(one, _patterns(""), language) for one in each]
    if None not in told:
        return " ".join(map(str, told))
    whole = _known(sentence, _patterns(""), language)
    return whole or " ".join(other or one for one, other in zip(each, told, strict=True))


def _known(sentence: str, patterns: Sequence[tuple[re.Pattern[str], str]], language: str) -> str | None:
    for pattern, known in patterns:
        if found := pattern.fullmatch(sentence):
            return translated(known, language, **{name: _part(name, value, language) for name, value in found.groupdict().items()})
    return None


@cache
def _patterns(field: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Sentences, or what a field of this name may say, with how each is said; those that leave least open first."""
    known = PARTS[field] if field else {sentence: sentence for sentence in KNOWN}
    ordered = sorted(known.items(), key=lambda pair: -len(_FIELD.sub("", pair[0])))
    return tuple((re.compile(_pattern(written), re.DOTALL), said) for written, said in ordered)


def _pattern(known: str) -> str:
    parts = _FIELD.split(known)
    return "".join(f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))


def _part(name: str, value: str, language: str) -> str:
    """A number or share as the French write it; anything else may be a sentence itself."""
    if not _FIGURE.fullmatch(value):
        return (_known(value, _patterns(name), language) or value) if name in PARTS else retold(value, language)
    return value.replace(",", "\u202f").replace(".", ",").replace("%", "\u00a0%")
