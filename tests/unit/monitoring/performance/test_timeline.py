"""The timeline: three states told apart, whole files, and names that do no harm."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from tidegate.measures.intervals import Interval
from tidegate.monitoring.performance.estimate import estimate
from tidegate.monitoring.performance.realised import realise
from tidegate.monitoring.performance.timeline import Point, draw, point, timeline, write_timeline

AREA = Interval(0.9, 0.88, 0.92)
POINTS = [
    Point("b1", "2026-01-01", True, True, AREA, AREA),
    Point("b2", "2026-02-01", True, False, AREA, None),
    Point("$x^{-1}$" * 20, "2026-03-01", False, True, AREA, None),
    Point("<b>", "2026-04-01", False, True, Interval(math.nan, math.nan, math.nan), None),
]


def test_states_and_data() -> None:
    told = json.loads(json.dumps(timeline(POINTS, 0.95), allow_nan=False))
    assert [one["state"] for one in told["batches"]] == ["realised", "unlabelled", "maturing", "maturing"]
    assert told["batches"][1]["estimated"] == {"value": 0.9, "low": 0.88, "high": 0.92, "trusted": False}
    assert told["batches"][3]["estimated"]["value"] is None


def test_points_come_back_from_documents() -> None:
    probability = np.linspace(0, 1, 200)
    estimated = estimate(probability, 0.5, 1, trusted=False, why="so")
    realised = realise((probability > 0.4).astype(np.int8), probability, 0.5, {"roc_auc": 0.9}, 1)
    assert realised is not None
    kept = [json.loads(json.dumps(one.document())) for one in (estimated, realised)]
    one = point("b", "2026-01-01", True, *kept)
    assert (one.estimated, one.realised, one.trusted) == (estimated.roc_auc, realised.metrics["roc_auc"], False)
    assert point("b", "2026-01-01", False, None, None).state == "maturing"


def test_both_files_are_written_whole(tmp_path: Path) -> None:
    picture, data = write_timeline(tmp_path / "reports", POINTS, 0.95)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert json.loads(data.read_text())["holdout"] == 0.95
    assert sorted(path.name for path in picture.parent.iterdir()) == ["performance_timeline.json", "performance_timeline.png"]


def test_estimates_that_are_not_trusted_are_dashed() -> None:
    (axes,) = draw(POINTS[:3], 0.95).axes
    names = axes.get_legend_handles_labels()[1]
    assert {"realised", "estimated", "estimated, not to be trusted", "maturing: labels not in yet", "matured, no label came"} <= set(names)
    assert [line.get_linestyle() for line in axes.lines if len(line.get_xdata()) == 2 and line.get_color() == "#D55E00"].count("--") >= 2
    (sure,) = draw([POINTS[0], POINTS[0]], 0.95).axes
    assert not [line for line in sure.lines if line.get_linestyle() == "--"]


def test_no_batch_and_no_holdout_is_an_empty_picture(tmp_path: Path) -> None:
    _, data = write_timeline(tmp_path, [], math.nan)
    assert json.loads(data.read_text()) == {"metric": "roc_auc", "holdout": None, "batches": []}


def test_a_hundred_batches_name_some(tmp_path: Path) -> None:
    (axes,) = draw(POINTS * 25, 0.95).axes
    assert len(axes.get_xticks()) <= 16
