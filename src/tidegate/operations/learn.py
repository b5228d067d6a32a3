"""`tidegate train`: a table, or a simulated bank, becomes a registered version."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tidegate.customers.simulation.write import write_simulated
from tidegate.errors import InputRefused
from tidegate.home import Home
from tidegate.operations.places import cpu_seconds, opened_ledger, who
from tidegate.operations.specify import spec_for
from tidegate.operations.training_words import TrainingRequest
from tidegate.settings import Settings
from tidegate.training.arena import Contestant
from tidegate.training.assess import Assessment
from tidegate.training.candidates import named
from tidegate.training.order import Order, effort_of
from tidegate.training.standing import Progress
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
        winner, intervals = trained.contest.winner, trained.assessment.intervals[trained.contest.winner.name]
        return {
            "model_version": trained.version,
            "stage": trained.stage,
            "algorithm": winner.name,
            "kind": winner.kind,
            "reason": trained.contest.reason,
            "threshold": trained.assessment.threshold,
            "threshold_rule": trained.assessment.threshold_rule,
            "split": trained.split.kind,
            "spec": self.spec,
            "cpu_seconds": self.cpu_seconds,
            "fitting_cpu_seconds": trained.contest.cpu_seconds,
            "bundle": str(trained.bundle),
            "evaluation": str(trained.evaluation),
            "card": str(trained.bundle / "card.html"),
            "metrics": self.metrics,
            "metric_intervals": {name: [one.low, one.high] for name, one in intervals.items()},
            "money": _money(trained.assessment),
            "findings": [asdict(finding) for finding in trained.assessment.findings],
            "metrics_at_half": trained.metrics_at_half,
            "candidates": [_candidate(one, trained) for one in trained.contest.contestants],
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


def _candidate(one: Contestant, trained: Trained) -> dict[str, Any]:
    """One model of the contest; the chosen one's metrics are those at its operating threshold."""
    return {
        "name": one.name,
        "kind": one.kind,
        "algorithm": one.algorithm,
        "parameters": one.parameters,
        "metrics": trained.assessment.metrics if one is trained.contest.winner else one.holdout,
        "out_of_fold": one.judged.metrics,
        "fit_cpu_seconds": one.fit_cpu_seconds,
        "trials": len(one.trials),
    }


def _money(assessment: Assessment) -> dict[str, Any] | None:
    """What the two thresholds bring in per 1,000 customers; None where the spec names no prices."""
    if assessment.value is None:
        return None
    return {"expected_maximum_profit": assessment.value.expected_maximum_profit, **asdict(assessment.value.comparison)}


def learn(home: Home, settings: Settings, request: TrainingRequest, progress: Progress) -> Learned:
    """Train on the request's table, or on a simulated bank where it names none. Raises InputRefused for a label or spec without a table."""
    data, label, spec = request.data, request.label, request.spec
    if data is None:
        if label is not None or spec not in (None, EMBEDDED_SPEC):
            raise InputRefused(
                "A label or a spec is given, and no table.",
                f"Give the table, too; without one a simulated {EMBEDDED_SPEC} is learned from.",
            )
        progress("Simulating a bank", 0.0)
        data, spec, label = simulated_bank(home, settings), EMBEDDED_SPEC, None
    table_spec, spec_place, warnings = spec_for(home, data, label, spec)
    order = Order(
        data=data,
        spec=table_spec,
        seed=settings.seed,
        model_seed=settings.seed if request.model_seed is None else request.model_seed,
        effort=effort_of(request.budget, request.search, request.trials, request.minutes, request.smote),
        most_bad=settings.max_bad_share,
        candidates=named(request.algorithms),
        who=who(),
        now=datetime.now(UTC),
    )
    with opened_ledger(home, settings) as ledger:
        trained = train(order, home, ledger, progress, lambda: datetime.now(UTC))
    metrics = {name: value for name, value in trained.assessment.metrics.items() if name != "composite"}
    return Learned(trained, data, spec_place, (*warnings, *trained.warnings), cpu_seconds(), metrics)


def simulated_bank(home: Home, settings: Settings) -> Path:
    """The embedded default: a simulated bank in the home, made once for its seed and size."""
    path = home.data / f"simulated_bank_{settings.simulated_rows}_{settings.seed}.csv"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_simulated(path, settings.simulated_rows, settings.seed)
    return path
