"""What is said where there is nothing to draw, what the child is told, and what becomes of what it cannot draw."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest

from tidegate.customers.kept_rows import TRAIN
from tidegate.monitoring import pictures
from tidegate.monitoring.pictures import MONITORING_PAGE, PERFORMANCE_PAGE, draw_reports, verdict_of
from unit.monitoring.monitored import HOSTILE, VERDICT, kept, spec


def test_without_labels_the_page_says_so_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_drawn_by_child", lambda order, wanted: (dict.fromkeys(wanted, "drawn"), []))
    assert draw_reports(tmp_path, spec(), kept(100, TRAIN), kept(50, known=0.0), 0.3, 1, VERDICT) == ()
    assert "Of none of the 50 customers" in (tmp_path / PERFORMANCE_PAGE).read_text()
    assert "tidegate outcomes FILE" in (tmp_path / PERFORMANCE_PAGE).read_text()
    assert "verdict on this batch: FAIL." in (tmp_path / PERFORMANCE_PAGE).read_text()
    one = kept(50)
    one.label[:] = 0
    draw_reports(tmp_path, spec(), kept(100, TRAIN), one, 0.3, 1, VERDICT)
    assert "the same for all of them" in (tmp_path / PERFORMANCE_PAGE).read_text()


def test_an_empty_batch_has_pages_that_say_so(tmp_path: Path) -> None:
    assert draw_reports(tmp_path, spec(), kept(100, TRAIN), kept(50).take(np.zeros(50, bool)), 0.3, 1, VERDICT) == ()
    said = (tmp_path / MONITORING_PAGE).read_text()
    assert "nothing to compare" in said
    assert "verdict on this batch: FAIL." in said
    assert HOSTILE not in said


def test_the_verdict_is_one_headline_and_names_what_drifted() -> None:
    document = {"health": "WARNING", "data_stability": "PASS", "column_drift": "WARNING", "dataset_drift": "PASS", "performance": "FAIL"}
    headline, found = verdict_of({**document, "drifted_features": [f"f{number}" for number in range(14)]})
    assert headline == "Tidegate's verdict on this batch: WARNING."
    assert found.startswith("Data PASS, columns WARNING, dataset PASS, performance FAIL. 14 drifted features: f0, ")
    assert found.endswith("f11, and 2 more.")
    assert verdict_of({**document, "drifted_features": []})[1].endswith("No drifted feature.")


def test_what_evidently_cannot_draw_is_a_warning_that_quotes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    from tidegate.monitoring import evidently_pages

    def fail(*_: object) -> object:
        raise ValueError("PERSON-7 earns 12,345")

    monkeypatch.setattr(evidently_pages, "drift_page", fail)
    monkeypatch.setattr(evidently_pages, "performance_page", lambda *_: "page")
    found = evidently_pages.drawn({"wanted": [MONITORING_PAGE, PERFORMANCE_PAGE]}, {})
    assert found["pages"] == {PERFORMANCE_PAGE: "page"}
    assert found["warnings"] == ["monitoring_report.html could not be drawn (ValueError). What monitoring decided does not depend on it."]


def test_the_child_is_told_no_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[bytes] = []
    monkeypatch.setattr(pictures, "_drawn_by_child", lambda order, wanted: (orders.append(order), ({}, []))[1])
    draw_reports(tmp_path, spec(), kept(100, TRAIN), kept(50), 0.3, 1, VERDICT)
    assert orders
    assert b"PERSON-" not in orders[0]


@pytest.mark.parametrize("event", ["socket.connect", "socket.getaddrinfo"])
def test_the_child_may_call_nobody(event: str) -> None:
    from tidegate.monitoring.evidently_pages import _stay_at_home

    with pytest.raises(PermissionError):
        _stay_at_home(event, (socket.AF_INET,))
    _stay_at_home("open", ("file",))


def test_an_absent_library_is_a_warning_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    from tidegate.monitoring import evidently_pages

    def absent(*_: object) -> object:
        raise ModuleNotFoundError("No module named 'evidently'", name="evidently")

    monkeypatch.setattr(evidently_pages, "drift_page", absent)
    found = evidently_pages.drawn({"wanted": [MONITORING_PAGE]}, {})
    assert "evidently is not installed. Run `pip install 'tidegate[monitor]'`" in found["warnings"][0]
