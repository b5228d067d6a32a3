"""Facts → the card as JSON: nested plain values with stable keys, absent where there is nothing to say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

from tidegate.training.card.facts import Bounds, CardFacts

FORMAT = 1
BOUNDS = ("value", "low", "high")


def card_document(facts: CardFacts) -> dict[str, Any]:
    """The card's content. Every number is finite; what is missing or empty has no key."""
    document = {
        "format": FORMAT,
        "model": _model(facts),
        "use": {"intended": facts.intended_use, "out_of_scope": facts.out_of_scope},
        "metrics": {name: _bounds(bounds) for name, bounds in (facts.metrics or {}).items()},
        "findings": facts.findings,
        "drivers": facts.drivers if facts.drivers and facts.drivers.columns else None,
        "calibration": facts.calibration,
        "segments": _segments(facts),
        "money": _money(facts),
        "candidates": facts.candidates,
        "data": _data(facts),
        "limits": facts.limits,
        "again": {"command": facts.reproduce, "identical": facts.identical, "not_identical": facts.not_identical},
    }
    plain = _plain(document)
    assert isinstance(plain, dict)
    return plain


def _model(facts: CardFacts) -> dict[str, object]:
    return {
        "table": facts.table,
        "meaning": facts.meaning,
        "algorithm": facts.algorithm,
        "kind": facts.kind,
        "members": facts.members,
        "created_at": facts.created_at,
        "code_version": facts.code_version,
        "why": facts.why,
        "threshold": facts.threshold,
        "threshold_rule": facts.threshold_rule,
    }


def _data(facts: CardFacts) -> dict[str, object]:
    return {
        "file": facts.data_file,
        "sha256": facts.data_sha256,
        "window": dict(zip(("first", "last"), facts.window, strict=True)) if facts.window else None,
        "rows_read": facts.rows_read or None,
        "rows_quarantined": facts.rows_quarantined if facts.rows_read else None,
        "quarantined": facts.quarantined,
        "unlabelled": facts.unlabelled or None,
        "training_rows": facts.training_rows,
        "holdout_rows": facts.holdout_rows,
        "split": facts.split,
        "base_rate": facts.base_rate,
        "notes": facts.data_notes,
    }


def _segments(facts: CardFacts) -> dict[str, object] | None:
    if not facts.segments:
        return None
    groups = [{key: _bounds(value) if isinstance(value, tuple) else value for key, value in group.items()} for group in facts.segments]
    return {"groups": groups, "notes": facts.segment_notes}


def _money(facts: CardFacts) -> dict[str, object] | None:
    if facts.money is None:
        return None
    rows = [{**asdict(row), "profit_per_1000": _bounds(row.profit_per_1000)} for row in facts.money.rows]
    return {"currency": facts.money.currency, "rows": rows, "said": facts.money.said}


def _bounds(bounds: Bounds) -> dict[str, float]:
    return dict(zip(BOUNDS, bounds, strict=True))


def _plain(value: object) -> object:
    """Dataclasses, mappings, sequences and numpy scalars as JSON has them; None, NaN and what is empty disappear from mappings."""
    if isinstance(value, np.generic):
        value = value.item()
    if is_dataclass(value) and not isinstance(value, type):
        value = {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        pairs = ((str(key), _plain(part)) for key, part in value.items())
        return {key: part for key, part in pairs if part is not None and part != "" and part != [] and part != {}}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"a card holds plain values, not {type(value).__name__}")
