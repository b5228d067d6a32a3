"""The command line called in this process, and a spec with prices."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from campaigns import PRICES, SHIPPED, Say
from tidegate.cli import main
from tidegate.home import Home


@pytest.fixture
def say(own_home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Call the command line in this process: exit code, stdout, stderr."""
    before = signal.getsignal(signal.SIGTERM)

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tidegate", *map(str, words), "--home", str(own_home.root)])
        with pytest.raises(SystemExit) as ended:
            main()
        signal.signal(signal.SIGTERM, before)
        out, err = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), out, err

    return call


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "priced.toml"
    path.write_text(SHIPPED.read_text() + PRICES)
    return path
