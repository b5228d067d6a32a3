"""Libraries are silenced before they are imported, also where nobody calls the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.telemetry import switch_off_telemetry


def test_what_somebody_set_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    monkeypatch.delenv("DO_NOT_TRACK", raising=False)
    switch_off_telemetry()
    assert [os.environ[name] for name in ("MLFLOW_DISABLE_TELEMETRY", "ORT_DISABLE_TELEMETRY", "DO_NOT_TRACK")] == ["true", "1", "1"]


def test_the_registry_is_checked_without_a_report_to_its_makers(tmp_path: Path) -> None:
    """MLflow numbers an installation where its telemetry is on while it is imported, or is about to send."""
    code = "from pathlib import Path; from tidegate.home import open_home; from tidegate.registry.store import check_registry"
    code += f"; check_registry(open_home(Path({str(tmp_path / 'home')!r})), 'bank')"
    # pytest's own variable would silence MLflow as well
    silent = ("MLFLOW_", "DO_NOT_TRACK", "PYTEST_", "CI")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(silent)}
    account = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    subprocess.run([sys.executable, "-c", code], env={**environment, **account}, check=True, timeout=300, capture_output=True)
    assert not (tmp_path / "config" / "mlflow" / "telemetry.json").exists()
