"""Everything that was found about one batch. What its document does not say, or says in a strange way, is None: never a fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tidegate.ui.client.http import Api


@dataclass(frozen=True)
class Area:
    """A ROC-AUC with its 95 % interval."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Column:
    """One column of the batch beside the reference. `effect` is the largest beside its `limit`; `influence`: mean change of the scores."""

    name: str
    test: str | None
    statistic: float | None
    p_value: float | None
    adjusted_p_value: float | None
    effect: str | None
    value: float | None
    limit: float | None
    influence: float | None
    missing_batch: float | None
    missing_reference: float | None
    drifted: bool


@dataclass(frozen=True)
class Estimated:
    """What the probabilities promise; `why` says why it is not to be trusted."""

    roc_auc: Area | None
    trusted: bool
    why: str


@dataclass(frozen=True)
class Realised:
    """What the matured labels of `batch` show: of `rows` customers `positives` left. `worse`: beyond chance and the alarm's limit."""

    batch: str
    roc_auc: Area | None
    rows: int | None
    positives: int | None
    drop: float | None
    worse: bool
    enough: bool


@dataclass(frozen=True)
class Details:
    """One batch. `rules` that quarantined rows, with how many, most first."""

    batch: str
    at: str | None
    seen_at: str | None
    model_version: str | None
    rows: int | None
    valid: int | None
    quarantined: int | None
    rules: tuple[tuple[str, int], ...]
    drifted: tuple[str, ...]
    columns: tuple[Column, ...]
    holdout: float | None
    estimated: Estimated | None
    realised: Realised | None
    warnings: tuple[str, ...]


def details(api: Api, folder: str) -> Details:
    """The batch of this folder."""
    said = api.get(f"/monitoring/{quote(folder, safe='')}")
    rules = ((rule, count) for rule, count in _object(said, "rules").items() if isinstance(count, int))
    return Details(
        batch=str(said.get("batch", folder)),
        at=_text(said, "at"),
        seen_at=_text(said, "seen_at"),
        model_version=_text(said, "model_version"),
        rows=_whole(said, "rows"),
        valid=_whole(said, "valid"),
        quarantined=_whole(said, "quarantined"),
        rules=tuple(sorted(rules, key=lambda one: (-one[1], one[0]))),
        drifted=tuple(map(str, _list(said, "drifted_features"))),
        columns=tuple(_columns(said)),
        holdout=_number(said, "holdout_roc_auc"),
        estimated=_estimated(_object(said, "estimated")),
        realised=_realised(_object(said, "realised")),
        warnings=tuple(map(str, _list(said, "warnings"))),
    )


def _columns(said: Mapping[str, Any]) -> Iterator[Column]:
    floors = _object(_object(said, "limits"), "floors")
    for one in _list(said, "columns"):
        if not isinstance(one, Mapping) or _text(one, "column") is None:
            continue
        effect = _text(one, "effect")
        names = ("statistic", "p_value", "adjusted_p_value", "influence", "missing_batch", "missing_reference")
        yield Column(
            name=str(one["column"]),
            test=_text(one, "test"),
            effect=effect,
            value=None if effect is None else _number(_object(one, "effects"), effect),
            limit=None if effect is None else _number(floors, effect),
            drifted=one.get("drifted") is True,
            **{name: _number(one, name) for name in names},
        )


def _estimated(said: Mapping[str, Any]) -> Estimated | None:
    return Estimated(_area(said), said.get("trusted") is True, _text(said, "why") or "") if said else None


def _realised(said: Mapping[str, Any]) -> Realised | None:
    if not said:
        return None
    return Realised(
        batch=_text(said, "batch") or "",
        roc_auc=_area(_object(said, "metrics")),
        rows=_whole(said, "rows"),
        positives=_whole(said, "positives"),
        drop=_number(said, "roc_auc_drop"),
        worse=said.get("worse") is True,
        enough=said.get("enough") is True,
    )


def _area(said: Mapping[str, Any]) -> Area | None:
    found = _object(said, "roc_auc")
    value = _number(found, "value")
    return None if value is None else Area(value, _number(found, "low"), _number(found, "high"))


def _object(said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = said.get(name)
    return found if isinstance(found, Mapping) else {}


def _list(said: Mapping[str, Any], name: str) -> list[Any]:
    found = said.get(name)
    return found if isinstance(found, list) else []


def _text(said: Mapping[str, Any], name: str) -> str | None:
    found = said.get(name)
    return found if isinstance(found, str) else None


def _number(said: Mapping[str, Any], name: str) -> float | None:
    found = said.get(name)
    return found if isinstance(found, int | float) and not isinstance(found, bool) else None


def _whole(said: Mapping[str, Any], name: str) -> int | None:
    found = _number(said, name)
    return None if found is None else int(found)
