"""What the training of a version left: all models that it compared, and curves of one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tidegate.ui.client.http import Api, ApiRefused

_ABSENT = 404
Columns = dict[str, list[float | None]]


@dataclass(frozen=True)
class Bounded:
    """A measure on the holdout with its 95 % interval; what was not measured is None."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Model:
    """One model of a training. Measures by name, out of fold (which chose) and on the holdout (which only reports)."""

    name: str
    kind: str
    chosen: bool
    fit_cpu_seconds: float | None
    out_of_fold: dict[str, float | None]
    holdout: dict[str, Bounded]


@dataclass(frozen=True)
class Decisions:
    """Customers of the holdout at the model's threshold, and the rates that they come to."""

    stayed_unflagged: int
    stayed_flagged: int
    left_unflagged: int
    left_flagged: int
    false_positive_rate: float | None
    recall: float | None
    precision: float | None
    share_contacted: float | None


@dataclass(frozen=True)
class Threshold:
    """What contacting everybody at or above a threshold brings in per 1,000 customers, with its 95 % interval."""

    rule: str
    threshold: float
    share_contacted: float
    profit_per_1000: float
    low: float
    high: float
    currency: str


@dataclass(frozen=True)
class Evaluation:
    """Curves as columns of equally many numbers; None where the training wrote none. `model`: whose they are."""

    version: str
    model: str
    models: tuple[Model, ...]
    curve: Columns | None
    gain: Columns | None
    calibration: Columns | None
    decisions: Decisions | None
    learning: Columns | None
    profit: Columns | None
    thresholds: tuple[Threshold, ...]
    improvements: tuple[str, ...]


def evaluation(api: Api, version: str, model: str | None = None) -> Evaluation | str:
    """The evaluation of a version, of `model` or of the one that was chosen; where this home has none, the sentence that says so."""
    try:
        said = api.get(f"/models/{quote(version, safe='')}/evaluation", {} if model is None else {"model": model})
    except ApiRefused as refused:
        if refused.status != _ABSENT:
            raise
        return refused.detail
    curves = ("curve", "gain", "calibration", "learning", "profit")
    decided = said["decisions"]
    return Evaluation(
        said["version"],
        said["model"],
        tuple(_model(one) for one in said["models"]),
        decisions=None if decided is None else Decisions(**{name: decided[name] for name in Decisions.__dataclass_fields__}),
        thresholds=tuple(Threshold(**{name: one[name] for name in Threshold.__dataclass_fields__}) for one in said["thresholds"]),
        improvements=tuple(said["improvements"]),
        **{name: said[name] for name in curves},
    )


def _model(said: dict[str, Any]) -> Model:
    holdout = {name: Bounded(one["value"], one["low"], one["high"]) for name, one in said["holdout"].items()}
    return Model(said["name"], said["kind"], said["chosen"], said["fit_cpu_seconds"], said["out_of_fold"], holdout)
