"""Training, top-down: a labelled table becomes a measured, registered and, where it may, promoted bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np

from tidegate import __version__
from tidegate.bundle.check import check_bundle
from tidegate.bundle.local import bundle_place
from tidegate.bundle.manifest import Manifest, Training
from tidegate.customers.history import History, load_history
from tidegate.customers.split import Split, split_history
from tidegate.errors import NotEnoughData, StorageUnavailable
from tidegate.features import Matrix, compute, features_digest, plan_features
from tidegate.home import Home, exclusive, sweep, working
from tidegate.ledger.store import Ledger
from tidegate.measures.classification import at_threshold
from tidegate.registry.deliver import Delivered, deliver, deliver_waiting
from tidegate.registry.outbox import Parcel, put_in_outbox
from tidegate.registry.promote import Gate
from tidegate.registry.store import Registry, check_registry
from tidegate.storage.objects import open_storage
from tidegate.storage.pointer import read_pointer
from tidegate.training.arena import arena_of
from tidegate.training.assess import Assessment, assess, values_of
from tidegate.training.contest import Contest, compete, gates_of
from tidegate.training.order import Order
from tidegate.training.package import package
from tidegate.training.record import runs_of, write_report
from tidegate.training.reference import keep_reference
from tidegate.training.standing import Progress
from tidegate.training.story import facts_of

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Trained:
    """What training did. `gates` are those of the first champion; empty where there was one already."""

    version: str
    stage: str
    contest: Contest
    assessment: Assessment
    metrics_at_half: dict[str, float]
    history: History
    split: Split
    gates: tuple[Gate, ...]
    bundle: Path
    evaluation: Path
    quarantine: Path | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Learned:
    """Everything that is known once the contest is over, on its way into the bundle and the registry."""

    order: Order
    history: History
    split: Split
    contest: Contest
    assessment: Assessment


def train(order: Order, home: Home, ledger: Ledger, progress: Progress, clock: Clock) -> Trained:
    """Table → contract → split → contest out of fold → bundle → outbox → registry → perhaps champion."""
    with exclusive(home, "training"), working(home, "train") as scratch:
        sweep(home)
        progress("Reading the table", 0.0)
        quarantine = home.quarantine / f"{order.spec.name}-{order.now:%Y%m%dT%H%M%S}.csv"
        history = load_history(order.data, order.spec, quarantine, order.most_bad, lambda rows: progress(f"Read {rows:,} rows", 0.02))
        split, plan = split_history(history, order.seed), plan_features(order.spec)
        matrix, values = compute(plan, history.rows), values_of(order, history, plan)
        _require_variation(matrix[split.train])
        arena = arena_of(order, matrix, history.label, split)
        progress("Asking the tracking server", 0.03)
        registry = check_registry(home, order.spec.name)
        deliver_waiting(home, ledger, clock())
        contest = compete(order, arena, _study(home, order, history), progress)
        progress("Evaluating", 0.85)
        learned = _Learned(order, history, split, contest, assess(order, history, split, plan, matrix, values, contest))
        progress("Packing the bundle", 0.9)
        digest = _pack(scratch / "bundle", learned)
        progress("Registering", 0.95)
        gates = gates_of(contest, order.model_seed)
        stage = _stage(home, gates)
        keep_reference(home, digest, order, history, split, contest.winner)
        delivered = _deliver(home, registry, ledger, scratch, learned, digest, gates, stage, clock)
        return Trained(
            version=delivered.version,
            stage=delivered.stage,
            contest=contest,
            assessment=learned.assessment,
            metrics_at_half=at_threshold(history.label[split.holdout], contest.winner.probability, 0.5),
            history=history,
            split=split,
            gates=() if stage == "challenger" else gates,
            bundle=bundle_place(open_storage(home), delivered.version, digest),
            evaluation=home.evaluations / delivered.version,
            quarantine=quarantine if quarantine.exists() else None,
            warnings=_warnings(learned),
        )


def _study(home: Home, order: Order, history: History) -> Path:
    """Where the search of this very training is kept: the same data, spec, features and seeds find it again."""
    what = f"{history.sha256} {order.spec.digest} {features_digest()} {order.seed} {order.model_seed}"
    return home.studies / f"{order.spec.name}-{hashlib.sha256(what.encode()).hexdigest()[:12]}.db"


def _require_variation(matrix: Matrix) -> None:
    if not (np.fmax.reduce(matrix) > np.fmin.reduce(matrix)).any():
        raise NotEnoughData("No feature varies over the training rows.", "Give a table whose columns tell customers apart.")


def _warnings(learned: _Learned) -> tuple[str, ...]:
    found = (finding.sentence for finding in learned.assessment.findings if finding.severity == "warning")
    return (*learned.history.warnings, *found)


def _pack(folder: Path, learned: _Learned) -> str:
    order, history, split, winner = learned.order, learned.history, learned.split, learned.contest.winner
    manifest = Manifest(
        name=order.spec.name,
        algorithm=winner.name,
        kind=winner.kind,
        created_at=order.now.isoformat(),
        members=winner.model.members,
        combination=winner.model.combination,
        features=plan_features(order.spec).names,
        features_digest=features_digest(),
        spec_digest=order.spec.digest,
        calibration=winner.judged.calibration,
        threshold=learned.assessment.threshold,
        threshold_rule=learned.assessment.threshold_rule,
        metrics={name: value for name, value in learned.assessment.metrics.items() if name != "composite"},
        training=Training(
            data_sha256=history.sha256,
            rows=len(split.train),
            holdout_rows=len(split.holdout),
            split=split.kind,
            seed=order.seed,
            budget=order.effort.budget,
            base_rate=float(history.label[split.train].mean()),
            code_version=__version__,
        ),
        parity=0.0,
    )
    facts = facts_of(order, history, split, learned.contest, learned.assessment)
    rows, probability = history.rows.take(split.train), winner.judged.probability
    digest = package(folder, order.spec, manifest, winner.model, rows, probability, order.model_seed, facts)
    check_bundle(folder, digest)
    return digest


def _stage(home: Home, gates: tuple[Gate, ...]) -> Literal["champion", "challenger", "refused"]:
    """Only where there is no champion yet may training make one; later versions are challengers until they are promoted."""
    try:
        if read_pointer(open_storage(home)) is not None:
            return "challenger"
    except StorageUnavailable:
        pass  # the delivery, which waits for the storage, makes a challenger of it where there is a champion
    return "champion" if all(gate.passed for gate in gates) else "refused"


def _deliver(
    home: Home,
    registry: Registry,
    ledger: Ledger,
    scratch: Path,
    learned: _Learned,
    digest: str,
    gates: tuple[Gate, ...],
    stage: Literal["champion", "challenger", "refused"],
    clock: Clock,
) -> Delivered:
    """Into the outbox, whole, before anything is sent: from here on a lost connection loses nothing."""
    order, history, split, contest = learned.order, learned.history, learned.split, learned.contest
    report, inputs = scratch / "report", scratch / "inputs"
    write_report(report, order, history, split, contest, learned.assessment)
    inputs.mkdir()
    (inputs / "spec.toml").write_text(order.spec.text, encoding="utf-8")
    run = runs_of(order, history, split, contest, learned.assessment, report, inputs, clock())
    identity = f"{order.spec.name}-{order.now:%Y%m%dT%H%M%S}-{digest[:8]}"
    evidence = {"data": history.sha256, "budget": order.effort.budget, "algorithm": contest.winner.name}
    parcel = Parcel(identity, order.spec.name, digest, stage, order.who, order.now, gates, evidence, run)
    path = put_in_outbox(home, parcel, scratch / "bundle", report)
    return deliver(home, registry, ledger, path, clock())
