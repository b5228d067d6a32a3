"""What is found out about a batch: per column, of all columns together, and the verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tidegate.monitoring.drift.multivariate import Separation

Status = Literal["PASS", "WARNING", "FAIL"]
Test = Literal["kolmogorov_smirnov", "chi_squared"]


@dataclass(frozen=True)
class ColumnDrift:
    """One column of the batch beside the reference.

    `statistic` belongs to `test`; `p_values` has its p-value (`distribution`) and, where they apply, those of the share of missing values
    (`missing`), of levels that the reference does not have (`new_levels`) and of values outside the spec's range (`outside_expected`,
    which says nothing about drift by itself). `p_value` is the smallest of the first three times their number, `adjusted_p_value` the
    same after all columns are counted. `effects` are named as in `DriftLimits.floors`, `effect` is the largest beside its floor.
    All else are shares of rows: outside the spec's range in the reference (`outside_reference`) and in the batch (`outside_expected`),
    missing in either, `new_levels` in the batch, `vanished_levels` in the reference where chance does not explain their absence.
    `influence`: mean absolute change of the probability when this column alone moves; None where nothing was scored.
    """

    column: str
    kind: str
    test: Test
    statistic: float
    p_value: float
    adjusted_p_value: float
    p_values: Mapping[str, float]
    effects: Mapping[str, float]
    effect: str
    drifted: bool
    outside_reference: float
    outside_expected: float
    missing_reference: float
    missing_batch: float
    new_levels: Mapping[str, float]
    vanished_levels: Mapping[str, float]
    influence: float | None

    def document(self) -> dict[str, Any]:
        """For `drift_tests.json`: plain numbers, none of them NaN."""
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in vars(self).items()}


@dataclass(frozen=True)
class Multivariate:
    """Can a classifier tell the batch from the reference?

    `all_columns`: by all of them. `unexplained`: by those that did not drift one by one, so that nothing counts twice. None where there
    are too few rows or no such column. `drifted`: by the unexplained it can; `strong`: clearly.
    """

    all_columns: Separation | None
    unexplained: Separation | None
    drifted: bool
    strong: bool

    def document(self) -> dict[str, Any]:
        """For `drift_tests.json`."""
        parts = {"all_columns": self.all_columns, "unexplained": self.unexplained}
        return {
            "roc_auc": None if self.all_columns is None else self.all_columns.roc_auc,
            **{name: None if part is None else part.document() for name, part in parts.items()},
            "drifted": self.drifted,
            "strong": self.strong,
        }


@dataclass(frozen=True)
class Drift:
    """Whether a batch comes from the customers of the reference.

    `columns` by falling influence (without a scorer by falling effect), `drifted` their names in the same order. `prediction`: the
    probabilities of both, compared like a column. The three verdicts are defined in `verdicts`. `repeated`: rows of the batch that occur
    in the reference.
    """

    reference_rows: int
    batch_rows: int
    columns: tuple[ColumnDrift, ...]
    drifted: tuple[str, ...]
    prediction: ColumnDrift
    multivariate: Multivariate
    repeated: int
    data_stability: Status
    column_drift: Status
    dataset_drift: Status
    warnings: tuple[str, ...]
    limits: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """`drift_tests.json`: plain values, no NaN, no row of a customer."""
        return {
            "data_stability": self.data_stability,
            "column_drift": self.column_drift,
            "dataset_drift": self.dataset_drift,
            "drifted_features": list(self.drifted),
            "warnings": list(self.warnings),
            "rows": {"reference": self.reference_rows, "batch": self.batch_rows, "repeated": self.repeated},
            "columns": [column.document() for column in self.columns],
            "prediction": self.prediction.document(),
            "multivariate": self.multivariate.document(),
            "limits": dict(self.limits),
        }
