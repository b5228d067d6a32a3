"""One column of the batch beside the same column of the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL
from tidegate.customers.spec import OTHER, Column
from tidegate.measures.classification import Floats
from tidegate.monitoring.drift.effects import level_change, population_stability, stability_of_numbers, wasserstein
from tidegate.monitoring.drift.findings import ColumnDrift, Test
from tidegate.monitoring.drift.influence import moved_codes, moved_numbers
from tidegate.monitoring.drift.tests import Counts, chi_squared, kolmogorov_smirnov, share_test, steps_of

Codes = NDArray[np.int32]
TESTED = ("distribution", "missing", "new_levels")
ABSENT_BY_CHANCE = 5.0
"""Expected rows below which a level's absence is no news: at five, chance leaves it out once in 150 batches."""


def compare_numbers(
    column: Column, reference: Floats, batch: Floats, places: NDArray[np.int64], draws: Floats
) -> tuple[ColumnDrift, Floats]:
    """A number column, float64 (n,) and (m,) with NaN for missing; and the values of the reference at `places`, moved to the batch's.

    `draws`: uniform (2, k), see `influence`. A boolean is tested as two levels, and moved as a number.
    """
    old, new = (np.sort(values[~np.isnan(values)]) for values in (reference, batch))
    missing = len(reference) - len(old), len(batch) - len(new)
    shares = missing[0] / len(reference), missing[1] / len(batch)
    moved = moved_numbers(reference[places], old, new, shares, draws)
    if column.kind == "boolean":
        return compare_codes(column, _truths(reference), _truths(batch), ("false", "true")), moved
    statistic, p_values, effects = 0.0, {"distribution": 1.0}, {"ks_distance": 0.0}
    if len(old) and len(new):
        steps = steps_of(old, new)
        statistic, p_values["distribution"] = kolmogorov_smirnov(steps, len(old), len(new))
        effects = {"ks_distance": statistic, "psi": stability_of_numbers(old, new)}
        distance = wasserstein(steps, old)
        effects |= {} if distance is None else {"wasserstein": distance}
    if any(missing):
        p_values["missing"] = share_test(missing[0], len(reference), missing[1], len(batch))
    effects["missing_change"] = abs(shares[1] - shares[0])
    found = _column(column, "kolmogorov_smirnov", statistic, p_values, effects, shares)
    return _outside(found, column, (old, new), (len(reference), len(batch))), moved


def compare_codes(column: Column, reference: Codes, batch: Codes, levels: tuple[str, ...]) -> ColumnDrift:
    """A category's codes, int32 (n,) and (m,); a missing value is a level like others. `levels` names the codes from 0."""
    cells, old, new = counted(reference, batch)
    statistic, p = chi_squared(old, new)
    p_values = {"distribution": p}
    names = [OTHER if code == OTHER_LEVEL else "" if code == MISSING_LEVEL else levels[code] for code in cells.tolist()]
    before, after = old / len(reference), new / len(batch)
    fresh = (old == 0) & (cells != MISSING_LEVEL)
    if fresh.any():
        p_values["new_levels"] = share_test(0, len(reference), int(new[fresh].sum()), len(batch))
    lost = (new == 0) & (cells != MISSING_LEVEL) & (before * len(batch) >= ABSENT_BY_CHANCE)
    absent = cells == MISSING_LEVEL
    shares = float(before[absent].sum()), float(after[absent].sum())
    if any(shares):
        # Counted in `distribution` already: for the data's stability alone.
        p_values["missing"] = share_test(int(old[absent].sum()), len(reference), int(new[absent].sum()), len(batch))
    effects = {
        "level_change": level_change(old, new),
        "psi": population_stability(old, new),
        "missing_change": abs(shares[1] - shares[0]),
        "new_level_share": float(after[fresh].sum()),
    }
    found = _column(column, "chi_squared", statistic, p_values, effects, shares)
    return replace(found, new_levels=_named(names, fresh, after), vanished_levels=_named(names, lost, before))


def move_codes(reference: Codes, batch: Codes, places: NDArray[np.int64], draws: Floats) -> Codes:
    """The codes of the reference at `places`, moved to the batch's."""
    cells, old, new = counted(reference, batch)
    return moved_codes(reference[places], cells, old / len(reference), new / len(batch), draws)


def counted(reference: Codes, batch: Codes) -> tuple[Codes, Counts, Counts]:
    """Every code that either has, rising, and how often each has it."""
    lowest = int(min(reference.min(), batch.min()))
    highest = int(max(reference.max(), batch.max()))
    counts = [np.bincount(codes - lowest, minlength=highest - lowest + 1) for codes in (reference, batch)]
    seen = np.flatnonzero(counts[0] + counts[1])
    return (seen + lowest).astype(np.int32), counts[0][seen].astype(np.int64), counts[1][seen].astype(np.int64)


def judged(found: ColumnDrift, adjusted_p_value: float, significance: float, floors: Mapping[str, float]) -> ColumnDrift:
    """The column with its verdict: significant among all columns, and an effect at its floor or above."""
    largest = max(found.effects, key=lambda name: found.effects[name] / floors[name])
    passes = found.effects[largest] >= floors[largest]
    return replace(found, adjusted_p_value=adjusted_p_value, effect=largest, drifted=passes and adjusted_p_value < significance)


def _column(
    column: Column, test: Test, statistic: float, p_values: dict[str, float], effects: dict[str, float], missing: tuple[float, float]
) -> ColumnDrift:
    tested = [p_values[name] for name in TESTED if name in p_values]
    p_value = min(1.0, min(tested) * len(tested))
    return ColumnDrift(
        column=column.name,
        kind=column.kind,
        test=test,
        statistic=statistic,
        p_value=p_value,
        adjusted_p_value=p_value,
        p_values=p_values,
        effects=effects,
        effect=next(iter(effects)),
        drifted=False,
        outside_reference=0.0,
        outside_expected=0.0,
        missing_reference=missing[0],
        missing_batch=missing[1],
        new_levels={},
        vanished_levels={},
        influence=None,
    )


def _outside(found: ColumnDrift, column: Column, known: tuple[Floats, Floats], rows: tuple[int, int]) -> ColumnDrift:
    """With the share of sorted values outside the spec's expected range, and whether the batch has more of them."""
    if column.expected is None:
        return found
    low, high = column.expected
    before, after = (
        int(np.searchsorted(values, low, side="left")) + len(values) - int(np.searchsorted(values, high, side="right")) for values in known
    )
    p_values = {**found.p_values, "outside_expected": share_test(before, rows[0], after, rows[1])}
    return replace(found, p_values=p_values, outside_reference=before / rows[0], outside_expected=after / rows[1])


def _named(names: list[str], mask: NDArray[np.bool_], shares: Floats) -> dict[str, float]:
    return {names[place]: float(shares[place]) for place in np.flatnonzero(mask)}


def _truths(values: Floats) -> Codes:
    return np.where(np.isnan(values), MISSING_LEVEL, values).astype(np.int32)
