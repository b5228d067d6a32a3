"""What the evaluation of a version holds, for whoever draws it: curves of a model, all models of its training, what money says."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tidegate.errors import HomeRefused, NotFound
from tidegate.home import Home
from tidegate.operations.reports import file_of

MOST_POINTS = 200
LARGEST_BYTES = 4 << 20
MODELS = "model_comparison_final.csv"
_MOST_MODELS = 100
_TABLES = {".csv": "text/csv"}
_REMEDY = "Restore the home's evaluations from a backup, or train again."
_OUT_OF_FOLD, _HOLDOUT, _ENDS = "out_of_fold_", "holdout_", ("_low", "_high")
_DECISIONS = ("predicted to stay", "predicted to leave")
Row = Mapping[str, str]
Numbers = dict[str, list[float | None]]


def evaluation_of(home: Home, version: str, model: str | None) -> dict[str, Any]:
    """The evaluation of a version of this home: what is said of `model`, by default the one that was chosen, and of all of them.

    Curves have at most 200 points. What the training did not write (money without prices, say) is None or empty. Raises NotFound where
    this home has no evaluation of the version or that has no such model, HomeRefused where a file of it is damaged.
    """
    rows = _rows(home, version, MODELS)
    if not rows:
        raise NotFound(
            f"This home has no evaluation of version {version}.", "The home that trained it has; the model card says what was measured."
        )
    models = [_model(version, row) for row in rows[:_MOST_MODELS]]
    names = [one["name"] for one in models]
    wanted = next((one["name"] for one in models if one["chosen"]), names[0]) if model is None else model
    if wanted not in names:
        raise NotFound(f"The evaluation of version {version} has no model of this name.", f"It has: {', '.join(names)}.")
    return {
        "version": version,
        "model": wanted,
        "models": models,
        **_drawn(home, version, wanted),
        "learning": _numbers(home, version, "learning_curve.csv", ("rows", "out_of_fold_pr_auc", "training_pr_auc")),
        "profit": _numbers(home, version, "profit.csv", ("threshold", "share_contacted", "profit_per_1000_customers")),
        "thresholds": [_threshold(version, row) for row in _rows(home, version, "profit_thresholds.csv") or () if row.get("threshold")],
        "improvements": [
            row["in_words"] for row in (_rows(home, version, "model_improvements.csv") or ())[:MOST_POINTS] if "in_words" in row
        ],
    }


def _drawn(home: Home, version: str, model: str) -> dict[str, Any]:
    """What the folder of one model holds."""
    curve = ("threshold", "false_positive_rate", "recall", "precision", "share_contacted")
    bins = ("lowest_probability", "highest_probability", "customers", "mean_probability", "share_left", "share_left_low", "share_left_high")
    return {
        "curve": _numbers(home, version, f"{model}/curves.csv", curve),
        "gain": _numbers(home, version, f"{model}/gain.csv", ("share_contacted", "share_of_leavers_found", "lift")),
        "calibration": _numbers(home, version, f"{model}/calibration.csv", bins),
        "decisions": _decisions(version, _rows(home, version, f"{model}/confusion_matrix.csv")),
    }


def _decisions(version: str, rows: Sequence[Row] | None) -> dict[str, Any] | None:
    """Counts at the model's threshold, and the rates that they come to: where it stands on each curve."""
    if rows is None:
        return None
    by_truth = {row.get("", ""): [_required(version, row, name) for name in _DECISIONS] for row in rows}
    if set(by_truth) != {"stayed", "left"}:
        raise _damaged(version)
    (kept, alarms), (missed, found) = by_truth["stayed"], by_truth["left"]
    return {
        "stayed_unflagged": round(kept),
        "stayed_flagged": round(alarms),
        "left_unflagged": round(missed),
        "left_flagged": round(found),
        "false_positive_rate": _ratio(alarms, kept + alarms),
        "recall": _ratio(found, missed + found),
        "precision": _ratio(found, alarms + found),
        "share_contacted": _ratio(alarms + found, kept + alarms + missed + found),
    }


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _model(version: str, row: Row) -> dict[str, Any]:
    measures = [name.removeprefix(_OUT_OF_FOLD) for name in row if name.startswith(_OUT_OF_FOLD)]
    bounds = {name: [_number(version, row.get(_HOLDOUT + name + end, "")) for end in ("", *_ENDS)] for name in measures}
    if not row.get("model"):
        raise _damaged(version)
    return {
        "name": row["model"],
        "kind": row.get("kind", ""),
        "algorithm": row.get("algorithm", ""),
        "chosen": row.get("chosen") == "true",
        "fit_cpu_seconds": _number(version, row.get("fit_cpu_seconds", "")),
        "out_of_fold": {name: _number(version, row[_OUT_OF_FOLD + name]) for name in measures},
        "holdout": {name: dict(zip(("value", "low", "high"), found, strict=True)) for name, found in bounds.items()},
    }


def _threshold(version: str, row: Row) -> dict[str, Any]:
    numbers = {"threshold": "threshold", "share_contacted": "share_contacted", "profit_per_1000": "profit_per_1000_customers"}
    found = {name: _required(version, row, column) for name, column in {**numbers, "low": "low", "high": "high"}.items()}
    return {"rule": row.get("rule", ""), "currency": row.get("currency", ""), **found}


def _numbers(home: Home, version: str, name: str, columns: tuple[str, ...]) -> Numbers | None:
    """The columns of a table of numbers, thinned to 200 rows; the first and the last always stay. None where there is no such table."""
    rows = _rows(home, version, name)
    if rows is None:
        return None
    if rows and not set(columns) <= set(rows[0]):
        raise _damaged(version)
    step = max(1, math.ceil((len(rows) - 1) / (MOST_POINTS - 1)))
    kept = rows[:-1:step] + rows[-1:]
    return {column: [_number(version, row[column]) for row in kept] for column in columns}


def _required(version: str, row: Row, name: str) -> float:
    found = _number(version, row.get(name, ""))
    if found is None:
        raise _damaged(version)
    return found


def _number(version: str, text: str | None) -> float | None:
    """Of a cell; an empty one is None."""
    if not text:
        return None
    try:
        found = float(text)
    except ValueError:
        raise _damaged(version) from None
    return found if math.isfinite(found) else None


def _rows(home: Home, version: str, name: str) -> list[dict[str, str]] | None:
    """A table of the evaluation, or None where there is none. Names are never paths: a link, or what leads elsewhere, does not exist."""
    path = file_of(home.evaluations, f"{version}/{name}", _TABLES)
    return None if path is None else _read(version, path)


def _read(version: str, path: Path) -> list[dict[str, str]]:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise _damaged(version)
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        raise _damaged(version) from None
    if any(None in row or None in row.values() for row in rows):  # a line that is longer or shorter than the header
        raise _damaged(version)
    return rows


def _damaged(version: str) -> HomeRefused:
    return HomeRefused(f"The evaluation of version {version} is damaged.", _REMEDY)
