"""The scoring API as functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tidegate.ui.client.http import Api

Kind = Literal["integer", "number", "category", "boolean", "date"]


@dataclass(frozen=True)
class Column:
    """A column of the customer table as the bundle's spec has it. `limit` refuses, `expected` is what training saw."""

    name: str
    kind: Kind
    meaning: str
    unit: str
    nullable: bool
    limit: tuple[float, float] | None
    expected: tuple[float, float] | None
    levels: tuple[str, ...]
    unknown: str | None
    actionable: bool
    actions: tuple[str, ...]


@dataclass(frozen=True)
class Reason:
    """What one column, or one ratio of two, adds to or takes from the number."""

    column: str
    columns: tuple[str, ...]
    label: str
    unit: str
    value: Any
    contribution: float
    direction: Literal["raises", "lowers", "none"]
    sentence: str


@dataclass(frozen=True)
class Explanation:
    """One recorded prediction and everything that moved it, the strongest first."""

    prediction_id: str
    probability: float
    prediction: int
    prediction_label: str
    threshold: float
    model_version: str
    variant: str
    timestamp: str
    base: float | None
    space: Literal["logit", "probability"] | None
    reasons: tuple[Reason, ...]
    missing: str | None


@dataclass(frozen=True)
class Tried:
    """What changes come to: a probability each, or the sentence why the contract refuses it."""

    probability: float
    threshold: float
    answers: tuple[float | str, ...]


def columns(api: Api) -> tuple[Column, ...]:
    """The columns that a customer must have, in the spec's order."""
    return tuple(
        Column(**{**one, "limit": _pair(one["limit"]), "expected": _pair(one["expected"]), **_tuples(one, "levels", "actions")})
        for one in api.get("/features")["columns"]
    )


def explain(api: Api, customer: Mapping[str, Any]) -> Explanation:
    """Score a customer, with reasons; it is recorded."""
    said = api.post("/explain", customer)
    return Explanation(
        **{name: said[name] for name in ("prediction_id", "prediction", "prediction_label", "threshold", "model_version", "variant")},
        probability=said["probabilities"]["churn"],
        timestamp=said["timestamp"],
        base=said["base"],
        space=said["reasons_space"],
        reasons=tuple(Reason(**{**one, **_tuples(one, "columns")}) for one in said["reasons"] or ()),
        missing=said.get("reasons_missing"),
    )


def what_if(api: Api, prediction_id: str, changes: Sequence[Mapping[str, Any]]) -> Tried:
    """A recorded prediction with other values; not recorded."""
    said = api.post("/what-if", {"prediction_id": prediction_id, "changes": list(changes)})
    found: dict[int, float | str] = {one["index"]: one["probability"] for one in said["answers"]}
    found |= {one["index"]: one["detail"] for one in said["rejected"]}
    return Tried(said["probability"], said["threshold"], tuple(found[index] for index in range(len(changes))))


def serving_version(api: Api) -> str:
    """The version that serves, where the API is ready."""
    return str(api.get("/ready")["model_version"])


def _pair(bounds: Sequence[float] | None) -> tuple[float, float] | None:
    return None if bounds is None else (bounds[0], bounds[1])


def _tuples(one: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: tuple(one[name]) for name in names}
