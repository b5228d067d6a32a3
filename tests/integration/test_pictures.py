"""Evidently's pages of made-up customers, drawn by the child: nothing attacks who reads them, nobody's id is in them, they ask nobody."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tidegate.customers.kept_rows import TRAIN
from tidegate.monitoring import pictures
from tidegate.monitoring.pictures import MONITORING_PAGE, PERFORMANCE_PAGE, draw_reports
from unit.monitoring.monitored import HOSTILE, VERDICT, kept, spec


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], tuple[str, ...]]:
    folder = tmp_path_factory.mktemp("pages")
    said = draw_reports(folder, spec(), kept(1_200, TRAIN), kept(500, shift=4, known=0.6, seed=1), 0.3, 1, VERDICT, most_rows=400)
    return {path.name: path.read_text() for path in folder.iterdir()}, said


def test_both_pages_are_there_and_a_column_without_values_is_named(pages: Any) -> None:
    found, said = pages
    assert set(found) == {MONITORING_PAGE, PERFORMANCE_PAGE}
    assert said == ("monitoring_report.html leaves out columns without any value in the batch or in the reference: nothing.",)
    for words in ("Confusion Matrix", "ROC Curve", "Precision-Recall Curve", "Calibration", "customers of the holdout"):
        assert words in found[PERFORMANCE_PAGE]
    assert "a sample of 400 of 500 customers of the batch against a sample of 400 of 1,200 of the reference" in found[MONITORING_PAGE]


def test_tidegates_verdict_stands_above_evidentlys(pages: Any) -> None:
    for page in pages[0].values():
        assert "verdict on this batch: FAIL." in page
        assert "1 drifted feature: a\\u2039/script\\u203a" in page
    drift = pages[0][MONITORING_PAGE]
    assert drift.index("verdict on this batch: FAIL.") < drift.index("Dataset Drift is")


def test_a_level_is_never_markup_and_no_id_is_in_a_page(pages: Any) -> None:
    for page in pages[0].values():
        assert HOSTILE not in page
        assert "PERSON-" not in page
        assert page.count("</script>") == 4, "a level closed a script"
    assert "document.title" in pages[0][MONITORING_PAGE], "the level is not drawn at all"


def test_pages_load_nothing(pages: Any) -> None:
    for page in pages[0].values():
        assert not re.search(r"<(script|link|img|iframe)[^>]*\s(src|href)\s*=", page.split("window.drawDashboard")[0][:5_000])
        assert not re.search(r"<(script|link)[^>]*https?:", page)


def test_a_child_that_ends_is_a_warning_and_no_page(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_order", lambda *_: b"no arrays")
    said = draw_reports(tmp_path, spec(), kept(100, TRAIN), kept(50), 0.3, 1, VERDICT)
    assert len(said) == 1
    assert "monitoring_report.html and performance_report.html could not be drawn: its process ended with code 1." in said[0]
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_takes_too_long_is_a_warning(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LONGEST_SECONDS", 0)
    said = draw_reports(tmp_path, spec(), kept(100, TRAIN), kept(50), 0.3, 1, VERDICT)
    assert "it took longer than 0 seconds" in said[0]
