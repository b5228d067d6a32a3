"""What /metrics says: one version serves, vitals are sampled, labels stay few."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from champions import write_linear_champion
from tidegate.bundle.champion import open_champion
from tidegate.home import open_home
from tidegate.serving.metrics import Metrics
from tidegate.storage.files import Folder


def lines(metrics: Metrics, name: str) -> list[str]:
    return [line for line in metrics.page().decode().splitlines() if line.startswith(name)]


def test_one_version_serves_however_many_did(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    write_linear_champion(home)
    scorer = open_champion(Folder(home.storage))
    metrics = Metrics()
    for version in ("1", "2", "3", "2"):
        metrics.serves(replace(scorer, version=version))
    assert lines(metrics, "tidegate_model_info") == ['tidegate_model_info{algorithm="by_hand",version="2"} 1.0']


def test_processor_time_is_counted_once() -> None:
    metrics = Metrics()
    metrics.vitals(3, 0.25, 1000, 2.0)
    metrics.vitals(0, 0.0, 900, 2.5)
    assert lines(metrics, "tidegate_cpu_seconds_total") == ["tidegate_cpu_seconds_total 2.5"]
    assert lines(metrics, "tidegate_resident_bytes") == ["tidegate_resident_bytes 900.0"]
    assert lines(metrics, "tidegate_ledger_queue") == ["tidegate_ledger_queue 0.0"]
