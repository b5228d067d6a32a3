"""`tidegate train`: a table, or a simulated bank, becomes a registered version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home
from tidegate.operations.places import cpu_seconds, opened_ledger, who
from tidegate.operations.specify import spec_for
from tidegate.operations.training_words import TrainingRequest
from tidegate.settings import Settings
from tidegate.training.candidates import named
from tidegate.training.contest import Progress
from tidegate.training.order import Order
from tidegate.training.train import Trained, train

EMBEDDED_SPEC = "bank"


@dataclass(frozen=True)
class Learned:
    """What training did, for people and machines."""

    trained: Trained
    data: Path
    spec: str
    warnings: tuple[str, ...]
    cpu_seconds: float
    metrics: dict[str, float]

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        trained = self.trained
        return {
            "model_version": trained.version,
            "stage": trained.stage,
            "algorithm": trained.winner.candidate.name,
            "threshold": trained.winner.judged.threshold,
            "split": trained.split.kind,
            "spec": self.spec,
            "cpu_seconds": self.cpu_seconds,
            "bundle": str(trained.bundle),
            "metrics": self.metrics,
            "metrics_at_half": trained.metrics_at_half,
            "candidates": [
                {"name": one.candidate.name, "kind": "baseline", "metrics": one.holdout, "out_of_fold": one.judged.metrics}
                for one in trained.contestants
            ],
            "data": str(self.data),
            "training_rows": len(trained.split.train),
            "holdout_rows": len(trained.split.holdout),
            "rows": trained.history.tally.read,
            "quarantined": trained.history.tally.quarantined,
            "unlabelled": trained.history.unlabelled,
            "quarantine": None if trained.quarantine is None else str(trained.quarantine),
            "gates": [{"name": g.name, "value": g.value, "limit": g.limit, "passed": g.passed} for g in trained.gates],
            "warnings": list(self.warnings),
        }


def learn(home: Home, settings: Settings, request: TrainingRequest, progress: Progress) -> Learned:
    """Train on the request's table, or on a simulated bank where it names none."""
    data, label, spec = request.data, request.label, request.spec
    if data is None:
        progress("Simulating a bank", 0.0)
        data, spec, label = simulated_bank(home, settings), EMBEDDED_SPEC, None
    table_spec, spec_place, warnings = spec_for(home, data, label, spec)
    order = Order(
        data, table_spec, settings.seed, request.budget, settings.max_bad_share, named(request.algorithms), who(), datetime.now(UTC)
    )
    with opened_ledger(home, settings) as ledger:
        trained = train(order, home, ledger, progress)
    metrics = {name: value for name, value in trained.winner.holdout.items() if name != "composite"}
    return Learned(trained, data, spec_place, (*warnings, *trained.warnings), cpu_seconds(), metrics)


def simulated_bank(home: Home, settings: Settings) -> Path:
    """The embedded default: a simulated bank in the home, made once for its seed and size."""
    path = home.data / f"simulated_bank_{settings.simulated_rows}_{settings.seed}.csv"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_simulated(path, settings.simulated_rows, settings.seed)
    return path
