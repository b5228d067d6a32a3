"""The files of one model: what they say, and that the picture is one."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tidegate.measures.classification import at_threshold
from tidegate.training.evaluation import write_evaluation
from tidegate.training.evaluation.tables import write_table

GENERATOR = np.random.default_rng(0)
LABEL = (GENERATOR.random(800) < 0.2).astype(np.int8)
PROBABILITY = np.clip(GENERATOR.normal(0.2 + 0.4 * LABEL, 0.2), 0, 1)
FILES = {"curves.csv", "gain.csv", "calibration.csv", "confusion_matrix.csv", "evaluation.png"}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def is_picture(path: Path) -> bool:
    return path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and path.stat().st_size > 10_000


def test_one_call_writes_four_tables_and_a_picture(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "lightgbm", "lightgbm", LABEL, PROBABILITY, 0.4)
    assert {path.name for path in (tmp_path / "lightgbm").iterdir()} == FILES
    assert is_picture(tmp_path / "lightgbm" / "evaluation.png")
    stayed, left = table(tmp_path / "lightgbm" / "confusion_matrix.csv")
    found, missed = int(left["predicted to leave"]), int(left["predicted to stay"])
    assert found / (found + missed) == pytest.approx(at_threshold(LABEL, PROBABILITY, 0.4)["recall"])
    assert found + missed + int(stayed["predicted to stay"]) + int(stayed["predicted to leave"]) == 800
    assert int(stayed["predicted to leave"]) == int(((PROBABILITY >= 0.4) & (LABEL == 0)).sum())
    first, *_, last = table(tmp_path / "lightgbm" / "gain.csv")
    assert (first["customers"], last["customers"], float(last["share_of_leavers_found"])) == ("8", "800", 1.0)
    assert sum(int(row["customers"]) for row in table(tmp_path / "lightgbm" / "calibration.csv")) == 800


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("label", "probability", "threshold"),
    [
        (LABEL, np.full(800, 0.3), 0.5),
        (LABEL, PROBABILITY, 1.0 + 1e-9),
        (np.zeros(30, np.int8), np.linspace(0, 1, 30), 0.5),
        (np.array([0, 1], np.int8), np.array([0.0, 1.0]), 0.5),
    ],
)
def test_odd_models_are_drawn_as_well(tmp_path: Path, label: np.ndarray, probability: np.ndarray, threshold: float) -> None:
    write_evaluation(tmp_path, r"$\odd$", label, probability, threshold)
    assert is_picture(tmp_path / "evaluation.png")


def test_cells_say_nothing_instead_of_nan_and_run_no_formula(tmp_path: Path) -> None:
    write_table(tmp_path / "deep" / "some.csv", ("a", "b", "c", "d"), [(float("nan"), "=1+1", None, True), (-0.5, "-", float("inf"), 3)])
    assert (tmp_path / "deep" / "some.csv").read_text(encoding="utf-8").splitlines() == ["a,b,c,d", ",'=1+1,,true", "-0.5,-,,3"]
