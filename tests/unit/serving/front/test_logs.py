from __future__ import annotations

import json
import logging
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from tidegate.serving.front import logs
from tidegate.serving.front.logs import LineFormatter, LineWriter, form_of
from tidegate.serving.front.request_log import RequestLog
from tidegate.settings import Settings


def test_lines_are_written_in_order_and_all_of_them_by_the_end(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        writer = LineWriter(file.fileno())
        for number in range(5_000):
            writer.write(f"{number}\n")
        writer.close()
    assert (tmp_path / "log").read_text().split() == [str(number) for number in range(5_000)]


def test_a_reader_that_does_not_read_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOST_LINES", 100)
    monkeypatch.setattr(logs, "CLOSE_SECONDS", 0.01)
    reading, writing = os.pipe()
    writer = LineWriter(writing)
    done = threading.Event()

    def log() -> None:
        for _ in range(10_000):
            writer.write("x" * 1_000 + "\n")
        writer.close()
        done.set()

    threading.Thread(target=log, daemon=True).start()
    assert done.wait(60)
    assert writer.dropped > 9_000
    os.close(reading)


def test_a_disk_that_is_full_or_a_stderr_that_is_closed_costs_lines_only() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        writer = LineWriter(full.fileno())
        writer.write("x\n")
        writer.close()
    assert writer.dropped == 1
    nowhere = LineWriter(None)
    nowhere.write("x\n")
    nowhere.close()


def record(message: str, *arguments: object, **more: Any) -> logging.LogRecord:
    found = logging.LogRecord("tidegate.serving", logging.WARNING, "file.py", 1, message, arguments, None)
    found.__dict__.update(more)
    return found


def test_a_record_is_one_line_in_either_form() -> None:
    line = json.loads(LineFormatter("json").format(record("refused:\n%s", 'a "b"', fields={"id": "7"})))
    assert (line["level"], line["message"], line["id"]) == ("warning", 'refused:\na "b"', "7")
    text = LineFormatter("text").format(record("refused:\n%s", "a", fields={"id": "7"}))
    assert re.fullmatch(r"\S+Z warning refused: a logger=tidegate.serving id=7", text)


def test_a_request_line_is_the_json_it_looks_like() -> None:
    lines: list[str] = []
    log = RequestLog(lines.append, "json", True)
    log.answered("id.1", "POST", "/predict", 200, 0.0012345, "7", "crm", None)
    log.answered("id.2", "GET", "other", 503, 1.0, "7", None, "ledger_unavailable")
    first, second = (json.loads(line) for line in lines)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("time"))
    assert first == {
        "level": "info", "event": "request", "id": "id.1", "method": "POST", "route": "/predict", "status": 200, "ms": 1.23, "version": "7",
        "key": "crm",
    }  # fmt: skip
    assert (second["level"], second["key"], second["error"]) == ("error", None, "ledger_unavailable")


def test_the_form_is_the_settings_else_what_the_reader_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert form_of(Settings(log_format="text")) == "text"
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert form_of(Settings()) == "text"
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    assert form_of(Settings()) == "json"
