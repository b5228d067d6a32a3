"""Columns that give the label away: each judged alone, on a sample, by how well it ranks those who left above those who stayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tidegate.customers.cells import repaired
from tidegate.customers.columns import Repairs, as_text, rows_from_arrow
from tidegate.customers.contract import compile_contract
from tidegate.customers.inspection.drafts import Draft
from tidegate.customers.inspection.label import Label
from tidegate.customers.inspection.names import names_the_outcome
from tidegate.customers.rows import UNREADABLE
from tidegate.customers.spec import Column, TableSpec

SUSPICIOUS_AUC = 0.98  # no honest single column of a churn table comes near
FEWEST_OF_CLASS = 10  # below it a perfect ranking is chance
MOST_CODES = 50  # up to here numbers may be codes, so that their order says nothing
SEED = 0


def flag_leaks(drafts: Sequence[Draft], spec: TableSpec, sample: pa.RecordBatch, left: NDArray[np.int8]) -> list[Draft]:
    """The drafts, with suspected leaks kept out of the model and the person told how to put them back."""
    aucs = lone_aucs(spec, sample, {draft.name: draft.position for draft in drafts}, left)
    flagged = []
    for draft in drafts:
        auc, reason = aucs.get(draft.name, 0.5), ""
        if draft.column and auc >= SUSPICIOUS_AUC and (not draft.out or draft.column.kind == "date"):
            reason = f"suspected leak: alone it tells who left with an AUC of {auc:.3f}"
        elif draft.column and names_the_outcome(draft.name):
            reason = "suspected leak: its name speaks of the outcome"
        warning = f"{draft.name}: {reason}. It is left out; delete its line `feature = false` in the spec to put it back."
        flagged.append(draft.left_out(reason, warning) if reason else draft)
    return flagged


def labels_of(cells: pa.Array, label: Label) -> NDArray[np.int8]:
    """1 left, 0 stayed, -1 unknown, int8 (n,), of the label's cells as the file has them."""
    reader = Column(name="label", kind="category", unknown="other", normalise=label.normalise)
    encoded = pc.dictionary_encode(as_text(cells))
    meaning = {label.positive: 1, label.negative: 0}
    codes = np.array([meaning.get(repaired(text, reader), -1) for text in encoded.dictionary.to_pylist()] + [-1], np.int8)
    return codes[np.asarray(pc.fill_null(encoded.indices, len(codes) - 1).to_numpy(zero_copy_only=False), np.int64)]


def lone_aucs(spec: TableSpec, sample: pa.RecordBatch, positions: Mapping[str, int], left: NDArray[np.int8]) -> dict[str, float]:
    """The ROC-AUC of each feature column of `spec` alone, 0.5 to 1, on the sample's labelled rows; none with fewer than 10 of a class."""
    known = left >= 0
    outcome = left[known].astype(bool)
    if min(int(outcome.sum()), int((~outcome).sum())) < FEWEST_OF_CLASS:
        return {}
    names = [column.name for column in spec.feature_columns]
    named = pa.RecordBatch.from_arrays([sample.column(positions[name]) for name in names], names=names)
    contract = compile_contract(spec)
    rows = rows_from_arrow(contract, named.filter(pa.array(known)), Repairs())
    first = np.random.default_rng(SEED).random(len(outcome)) < 0.5
    aucs = {}
    for column, numbers in zip(contract.layout.number_columns, rows.numbers, strict=True):
        aucs[column.name] = number_auc(numbers, outcome, first)
    for column, codes in zip(contract.layout.category_columns, rows.codes, strict=True):
        aucs[column.name] = level_auc(codes, outcome, first)
    return aucs


def number_auc(numbers: NDArray[np.float64], outcome: NDArray[np.bool_], first: NDArray[np.bool_]) -> float:
    """AUC of float64 (n,) in the better direction. Missing values are tried below and above all others, so that absence counts too."""
    absent = np.isnan(numbers) | (numbers == UNREADABLE)
    tried = [np.where(absent, -np.inf, numbers), np.where(absent, np.inf, numbers)] if absent.any() else [numbers]
    aucs = [rank_auc(values, outcome) for values in tried]
    distinct = np.unique(tried[0])
    if len(distinct) <= MOST_CODES:
        aucs.append(level_auc(np.searchsorted(distinct, tried[0]).astype(np.int32), outcome, first))
    return max(max(auc, 1 - auc) for auc in aucs)


def rank_auc(scores: NDArray[np.float64], outcome: NDArray[np.bool_]) -> float:
    """Probability that one who left scores above one who stayed, ties half (Mann-Whitney U); 0.5 where a class is absent.

    >>> rank_auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True]))
    0.875
    """
    left = int(outcome.sum())
    pairs = left * (len(outcome) - left)
    if not pairs:
        return 0.5
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return float((ranks[outcome].sum() - left * (left + 1) / 2) / pairs)


def level_auc(codes: NDArray[np.int32], outcome: NDArray[np.bool_], first: NDArray[np.bool_]) -> float:
    """AUC of a category, int32 (n,), scored by the other half's rate of leaving per level: a rare level cannot vouch for itself."""
    places = np.unique(codes, return_inverse=True)[1]
    halves = []
    for learn, judge in ((first, ~first), (~first, first)):
        seen = np.bincount(places[learn], minlength=int(places.max()) + 1)
        gone = np.bincount(places[learn], weights=outcome[learn], minlength=len(seen))
        rates = (gone + outcome.mean()) / (seen + 1)
        halves.append(rank_auc(rates[places[judge]], outcome[judge]))
    return float(np.mean(halves))
