"""Training, top-down: a labelled table becomes a measured, registered and, where it may, promoted bundle."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tidegate import __version__
from tidegate.bundle.check import check_bundle
from tidegate.bundle.manifest import Manifest, Training
from tidegate.bundle.scorer import calibrated
from tidegate.customers.history import History, load_history
from tidegate.customers.spec import TableSpec
from tidegate.customers.split import Split, split_history
from tidegate.errors import NotEnoughData
from tidegate.features import Matrix, compute, features_digest, plan_features
from tidegate.home import Home, exclusive
from tidegate.ledger.events import append_event
from tidegate.ledger.store import Ledger
from tidegate.measures.classification import at_threshold, measure
from tidegate.measures.intervals import composite_measure, paired_difference
from tidegate.registry.promote import Gate, bundle_key, first_champion_gates, promote, store_bundle
from tidegate.registry.store import Registry, log, open_registry, register, run, set_alias
from tidegate.storage.files import Storage
from tidegate.storage.pointer import read_pointer
from tidegate.training.candidates import YARDSTICK, Candidate
from tidegate.training.choice import Judged, choose, evidence, judge
from tidegate.training.evaluation import write_evaluation
from tidegate.training.fitted import Fitted
from tidegate.training.folds import fold_positions, out_of_fold_margins
from tidegate.training.package import package

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Order:
    """What to train: the table, its spec, the seed and the budget; `most_bad` is the share of rows that may break the contract."""

    data: Path
    spec: TableSpec
    seed: int
    budget: str
    most_bad: float
    candidates: tuple[Candidate, ...]
    who: str
    now: datetime


@dataclass(frozen=True)
class Contestant:
    """A candidate after judging and refitting on all training rows; `holdout` are its metrics there."""

    candidate: Candidate
    judged: Judged
    fitted: Fitted
    holdout: dict[str, float]


@dataclass(frozen=True)
class Trained:
    """What training did. `gates` are those of the first champion; empty where there was one already."""

    version: str
    stage: str
    winner: Contestant
    contestants: tuple[Contestant, ...]
    metrics_at_half: dict[str, float]
    history: History
    split: Split
    gates: tuple[Gate, ...]
    bundle: Path
    quarantine: Path | None


def train(order: Order, home: Home, ledger: Ledger, progress: Progress) -> Trained:
    """Table → contract → split → candidates out of fold → choice → bundle → registry → perhaps champion."""
    with exclusive(home, "training"), _scratch(home) as scratch:
        quarantine = home.quarantine / f"{order.spec.name}-{order.now:%Y%m%dT%H%M%S}.csv"
        progress("Reading the table", 0.0)
        history = load_history(order.data, order.spec, quarantine, order.most_bad, lambda rows: progress(f"Read {rows:,} rows", 0.02))
        split = split_history(history, order.seed)
        matrix = compute(plan_features(order.spec), history.rows)
        _require_variation(matrix[split.train])
        contestants = _compete(order, matrix, history.label, split, progress)
        label = history.label[split.train]
        winning = choose([contestant.judged for contestant in contestants], label, order.seed)
        winner = next(contestant for contestant in contestants if contestant.judged is winning)
        progress("Packing the bundle", 0.85)
        folder = scratch / "bundle"
        manifest = _manifest(order, history, split, winner, plan_features(order.spec).names)
        digest = package(folder, order.spec, manifest, winner.fitted, history.rows.take(split.train), winning.probability, order.seed)
        check_bundle(folder, digest)
        progress("Registering", 0.92)
        registry = open_registry(home, order.spec.name)
        gates = _gates(winner, contestants, label, order.seed)
        crowned = read_pointer(Storage(home.storage)) is None
        stage = "challenger" if not crowned else "champion" if all(gate.passed for gate in gates) else "refused"
        version = _record(order, registry, scratch, contestants, winner, history, split, (folder, digest, stage))
        store_bundle(Storage(home.storage), version, folder)
        append_event(
            ledger, order.who, "trained", {"version": version, "digest": digest, "data": history.sha256, "stage": stage}, order.now
        )
        if stage == "champion":
            promote(home, registry, ledger, version, digest, order.who, gates, order.now)
        elif stage == "challenger":
            set_alias(registry, "challenger", version)
        probability = _holdout_probability(winner, matrix[split.holdout])
        return Trained(
            version=version,
            stage=stage,
            winner=winner,
            contestants=contestants,
            metrics_at_half=at_threshold(history.label[split.holdout], probability, 0.5),
            history=history,
            split=split,
            gates=gates if crowned else (),
            bundle=home.storage / bundle_key(version),
            quarantine=quarantine if quarantine.exists() else None,
        )


def _require_variation(matrix: Matrix) -> None:
    if not (np.fmax.reduce(matrix) > np.fmin.reduce(matrix)).any():
        raise NotEnoughData("No feature varies over the training rows.", "Give a table whose columns tell customers apart.")


@contextmanager
def _scratch(home: Home) -> Iterator[Path]:
    home.scratch.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=home.scratch, prefix="train-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compete(order: Order, matrix: Matrix, label: NDArray[np.int8], split: Split, progress: Progress) -> tuple[Contestant, ...]:
    """Judge every candidate out of fold, then refit it on all training rows and measure it on the holdout."""
    rows, labels = matrix[split.train], label[split.train]
    groups = split.groups[split.train] if split.groups is not None else None
    folds = fold_positions(labels, groups, order.seed)
    contestants = []
    for number, candidate in enumerate(order.candidates):
        progress(f"Training {candidate.name.replace('_', ' ')}", 0.05 + 0.8 * number / len(order.candidates))
        margins = out_of_fold_margins(candidate, rows, labels, folds, order.seed)
        fitted = candidate.fit(rows, labels, order.seed, candidate.parameters)
        judged = judge(candidate.name, candidate.complexity, labels, margins, fitted.space)
        probability = calibrated(judged.calibration, fitted.margin(matrix[split.holdout]))
        holdout = measure(label[split.holdout], probability, judged.threshold)
        contestants.append(Contestant(candidate, judged, fitted, holdout))
    return tuple(contestants)


def _holdout_probability(contestant: Contestant, matrix: Matrix) -> NDArray[np.float64]:
    return calibrated(contestant.judged.calibration, contestant.fitted.margin(matrix))


def _gates(winner: Contestant, contestants: tuple[Contestant, ...], label: NDArray[np.int8], seed: int) -> tuple[Gate, ...]:
    logistic = next(contestant.judged for contestant in contestants if contestant.candidate.name == YARDSTICK)
    against = None
    if winner.judged is not logistic:
        mine, simple = (composite_measure(label, judged.probability, judged.threshold) for judged in (winner.judged, logistic))
        against = paired_difference(mine, simple, len(label), seed)
    return first_champion_gates(evidence(winner.judged, label, seed)["pr_auc"], float(label.mean()), against)


def _manifest(order: Order, history: History, split: Split, winner: Contestant, features: tuple[str, ...]) -> Manifest:
    return Manifest(
        name=order.spec.name,
        algorithm=winner.candidate.name,
        created_at=order.now.isoformat(),
        model=winner.fitted.kind,
        features=features,
        features_digest=features_digest(),
        spec_digest=order.spec.digest,
        calibration=winner.judged.calibration,
        threshold=winner.judged.threshold,
        threshold_rule="highest F1, out of fold",
        metrics={name: value for name, value in winner.holdout.items() if name != "composite"},
        training=Training(
            data_sha256=history.sha256,
            rows=len(split.train),
            holdout_rows=len(split.holdout),
            split=split.kind,
            seed=order.seed,
            budget=order.budget,
            base_rate=float(history.label[split.train].mean()),
            code_version=__version__,
        ),
        parity=0.0,
    )


def _record(
    order: Order,
    registry: Registry,
    scratch: Path,
    contestants: tuple[Contestant, ...],
    winner: Contestant,
    history: History,
    split: Split,
    bundle: tuple[Path, str, str],
) -> str:
    """One MLflow run a candidate; the winner's also holds the bundle, from which the version is registered."""
    folder, digest, stage = bundle
    (scratch / "inputs").mkdir()
    (scratch / "inputs" / "spec.toml").write_text(order.spec.text, encoding="utf-8")
    about = {"data_sha256": history.sha256, "spec_sha256": order.spec.digest, "code_version": __version__, "seed": order.seed}
    facts = {**about, "budget": order.budget, "split": split.kind, "training_rows": len(split.train), "holdout_rows": len(split.holdout)}
    version = ""
    for contestant in contestants:
        name = contestant.candidate.name
        won = contestant is winner
        tags = {"algorithm": name, "kind": "baseline", "data_sha256": history.sha256, "chosen": str(won).lower()}
        with run(registry, f"{name} {order.now:%Y-%m-%d %H:%M}", tags) as run_id:
            judged = contestant.judged
            metrics = {f"out_of_fold_{key}": value for key, value in judged.metrics.items()} | contestant.holdout
            plots = scratch / name
            matrix = compute(plan_features(order.spec), history.rows.take(split.holdout))
            probability = _holdout_probability(contestant, matrix)
            write_evaluation(plots, name, history.label[split.holdout], probability, judged.threshold)
            folders = [(plots, "evaluation"), (scratch / "inputs", "inputs")] + ([(folder, "bundle")] if won else [])
            parameters = {**contestant.candidate.parameters, "threshold": judged.threshold, **_calibration_parameters(judged), **facts}
            log(registry, run_id, parameters, metrics, folders)
        if won:
            version = register(registry, run_id, digest, stage)
    return version


def _calibration_parameters(judged: Judged) -> dict[str, object]:
    return {f"calibration_{name}": value for name, value in judged.calibration.model_dump().items()}
