"""Progress is told, and what tells it never ends the work."""

from __future__ import annotations

import errno
import io
import sys

import pytest

from tidegate.operations import progress


class FullLog(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_log_whose_disk_is_full_ends_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", -1.0)
    monkeypatch.setattr(sys, "stderr", FullLog())
    with progress.steps() as step, progress.counting("Reading") as count:
        step("Reading the table", 0.0)
        step("Evaluating", 0.5)
        count(1)
        count(2)
