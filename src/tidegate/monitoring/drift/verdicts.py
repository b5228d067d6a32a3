"""What the findings add up to: three verdicts, and a sentence for everything a person should look at.

data_stability   FAIL: more than `most_quarantined` (10 %) of the rows were quarantined, or in one column the share of missing values
                 rose by more than `most_missing` (20 points), or levels that the reference does not have make up more than
                 `most_new` (20 %). WARNING: quarantined more than a tenth of that, or in one column missing values rose, new
                 levels came, or values outside `expected` exceed `most_outside` (1 %): significantly, and past the floor.
column_drift     PASS: no column drifted. WARNING: some, not more than `most_drifted` (3). FAIL: more.
dataset_drift    the same, and besides by the columns that did not drift one by one: WARNING where a classifier tells the batch by
                 them from the reference (ROC-AUC surely above `told_apart`), FAIL where it does so clearly (above `far_apart`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.monitoring.drift.findings import ColumnDrift, Multivariate, Status
from tidegate.monitoring.drift.limits import DriftLimits
from tidegate.monitoring.drift.multivariate import Separation

REPEATED = 0.5
"""More rows of a batch than this, beyond what chance explains, must not occur in the reference."""


def multivariate_of(every: Separation | None, unexplained: Separation | None, limits: DriftLimits) -> Multivariate:
    """With its verdicts."""
    low = 0.0 if unexplained is None else unexplained.low
    return Multivariate(every, unexplained, low > limits.told_apart, low > limits.far_apart)


def column_status(drifted: int, limits: DriftLimits) -> Status:
    """`column_drift`.

    >>> [column_status(drifted, DriftLimits()) for drifted in (0, 3, 4)]
    ['PASS', 'WARNING', 'FAIL']
    """
    return "PASS" if not drifted else "WARNING" if drifted <= limits.most_drifted else "FAIL"


def dataset_status(by_column: Status, multivariate: Multivariate) -> Status:
    """`dataset_drift`."""
    if by_column == "FAIL" or multivariate.strong:
        return "FAIL"
    return "WARNING" if by_column == "WARNING" or multivariate.drifted else "PASS"


def stability_status(columns: Sequence[ColumnDrift], quarantined: float, limits: DriftLimits) -> Status:
    """`data_stability`; `quarantined` is a share of the rows read."""
    found = [rises(column, len(columns), limits) for column in columns]
    most = {"missing": limits.most_missing, "new_levels": limits.most_new}
    worst = any(rise.get(part, 0.0) > share for rise in found for part, share in most.items())
    if worst or quarantined > limits.most_quarantined:
        return "FAIL"
    return "WARNING" if any(found) or quarantined > limits.most_quarantined / 10 else "PASS"


def rises(column: ColumnDrift, columns: int, limits: DriftLimits) -> dict[str, float]:
    """Which of a column's shares rose past their floors and beyond chance (in any of so many columns), and by how much."""
    found = {
        "missing": (column.missing_batch - column.missing_reference, limits.floors["missing_change"]),
        "new_levels": (column.effects.get("new_level_share", 0.0), limits.floors["new_level_share"]),
        "outside_expected": (column.outside_expected - column.outside_reference, limits.most_outside),
    }
    sure = {part for part, p_value in column.p_values.items() if p_value * columns < limits.significance}
    return {part: rise for part, (rise, floor) in found.items() if part in sure and rise > floor}


def column_warnings(columns: Sequence[ColumnDrift], limits: DriftLimits) -> Iterator[str]:
    """A sentence for each column whose missing values, levels or range changed."""
    for column in columns:
        found = rises(column, len(columns), limits)
        if "missing" in found:
            yield f"{column.column}: {column.missing_batch:.1%} of the values are missing, {column.missing_reference:.1%} in the reference."
        if "new_levels" in found:
            names = ", ".join(list(column.new_levels)[:5])
            yield f"{column.column}: {found['new_levels']:.1%} of the rows have levels that the reference does not have: {names}."
        if column.vanished_levels:
            yield f"{column.column}: levels of the reference no longer occur: {', '.join(list(column.vanished_levels)[:5])}."
        if "outside_expected" in found:
            yield f"{column.column}: {column.outside_expected:.1%} of the values are outside the spec's expected range."


def batch_warnings(
    quarantined: float, repeated: float, by_chance: float, prediction: ColumnDrift, multivariate: Multivariate, limits: DriftLimits
) -> Iterator[str]:
    """A sentence for each finding about the batch as a whole.

    `repeated`: share of the batch's rows that occur in the reference. `by_chance`: share of the reference's rows that have another like
    them there: a new row of the same customers would occur in the reference as often.
    """
    if quarantined > limits.most_quarantined / 10:
        yield f"{quarantined:.1%} of the rows broke the contract and were quarantined."
    if repeated > by_chance + REPEATED * (1 - by_chance):
        yield (
            f"{repeated:.0%} of the rows occur in the reference, value by value: these may be the customers that the model learned from, "
            "and say nothing about new ones."
        )
    if prediction.drifted:
        effect = f"{prediction.effect} {prediction.effects[prediction.effect]:.2f}"
        yield f"The predicted probabilities have another distribution than the reference's ({effect})."
    if multivariate.drifted and multivariate.unexplained is not None:
        yield (
            "A classifier tells the batch from the reference by the columns that did not drift one by one "
            f"(ROC-AUC {multivariate.unexplained.roc_auc:.2f}): something between them has changed."
        )
