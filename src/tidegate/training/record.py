"""What training leaves in the tracking store: one run a candidate, and the version registered from the winner's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tidegate import __version__
from tidegate.customers.history import History
from tidegate.customers.split import Split
from tidegate.registry.store import Registry, log, register, run
from tidegate.training.contest import Contest, Contestant
from tidegate.training.evaluation import write_evaluation
from tidegate.training.order import Order


@dataclass(frozen=True)
class Packed:
    """A sealed bundle's folder and digest, and what becomes of it: champion, challenger or refused."""

    folder: Path
    digest: str
    stage: str


def record(order: Order, registry: Registry, scratch: Path, contest: Contest, history: History, split: Split, packed: Packed) -> str:
    """Log every contestant and register the winner's bundle; returns the version's name. `scratch` takes the files on their way."""
    inputs = scratch / "inputs"
    inputs.mkdir()
    (inputs / "spec.toml").write_text(order.spec.text, encoding="utf-8")
    version = ""
    for contestant in contest.contestants:
        name, won = contestant.candidate.name, contestant is contest.winner
        tags = {"algorithm": name, "kind": "baseline", "data_sha256": history.sha256, "chosen": str(won).lower()}
        with run(registry, f"{name} {order.now:%Y-%m-%d %H:%M}", tags) as run_id:
            plots = scratch / name
            write_evaluation(plots, name, history.label[split.holdout], contestant.probability, contestant.judged.threshold)
            folders = [(plots, "evaluation"), (inputs, "inputs"), *([(packed.folder, "bundle")] if won else [])]
            metrics = {f"out_of_fold_{key}": value for key, value in contestant.judged.metrics.items()} | contestant.holdout
            log(registry, run_id, _parameters(order, contestant, history, split), metrics, folders)
        if won:
            version = register(registry, run_id, packed.digest, packed.stage)
    return version


def _parameters(order: Order, contestant: Contestant, history: History, split: Split) -> dict[str, object]:
    judged = contestant.judged
    return {
        **contestant.candidate.parameters,
        "threshold": judged.threshold,
        **{f"calibration_{name}": value for name, value in judged.calibration.model_dump().items()},
        "data_sha256": history.sha256,
        "spec_sha256": order.spec.digest,
        "code_version": __version__,
        "seed": order.seed,
        "budget": order.budget,
        "split": split.kind,
        "training_rows": len(split.train),
        "holdout_rows": len(split.holdout),
    }
