"""Write the dashboards as Grafana's provisioning reads them: `make dashboards`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from boards.drift import drift
from boards.experiment import experiment
from boards.machine import machine
from boards.model import model
from boards.service import service

FOLDER = Path(__file__).parents[1] / "dashboards"
BOARDS: Mapping[str, Callable[[], Dashboard]] = {
    "service": service, "model": model, "drift": drift, "experiment": experiment, "machine": machine,
}  # fmt: skip


def text_of(name: str) -> str:
    """A dashboard as JSON."""
    return JSONEncoder(sort_keys=True, indent=1).encode(BOARDS[name]().build()) + "\n"


if __name__ == "__main__":
    for name in BOARDS:
        (FOLDER / f"{name}.json").write_text(text_of(name), encoding="utf-8")
