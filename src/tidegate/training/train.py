"""Training, top-down: a labelled table becomes a measured, registered and, where it may, promoted bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tidegate import __version__
from tidegate.bundle.check import check_bundle
from tidegate.bundle.manifest import Manifest, Training
from tidegate.customers.history import History, load_history
from tidegate.customers.split import Split, repeated_across, split_history
from tidegate.errors import NotEnoughData
from tidegate.features import Matrix, compute, features_digest, plan_features
from tidegate.home import Home, exclusive, working
from tidegate.ledger.events import append_event
from tidegate.ledger.store import Ledger
from tidegate.measures.classification import at_threshold
from tidegate.registry.promote import Gate, bundle_key, promote, store_bundle
from tidegate.registry.store import Registry, open_registry, set_alias
from tidegate.storage.files import Storage
from tidegate.storage.pointer import read_pointer
from tidegate.training.contest import Contest, Contestant, Progress, compete, gates_of
from tidegate.training.order import Order
from tidegate.training.package import package
from tidegate.training.record import Packed, record


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
    warnings: tuple[str, ...]


def train(order: Order, home: Home, ledger: Ledger, progress: Progress) -> Trained:
    """Table → contract → split → contest out of fold → bundle → registry → perhaps champion."""
    with exclusive(home, "training"), working(home, "train") as scratch:
        progress("Reading the table", 0.0)
        quarantine = home.quarantine / f"{order.spec.name}-{order.now:%Y%m%dT%H%M%S}.csv"
        history = load_history(order.data, order.spec, quarantine, order.most_bad, lambda rows: progress(f"Read {rows:,} rows", 0.02))
        split = split_history(history, order.seed)
        matrix = compute(plan_features(order.spec), history.rows)
        _require_variation(matrix[split.train])
        contest = compete(order, matrix, history.label, split, progress)
        progress("Packing the bundle", 0.85)
        folder = scratch / "bundle"
        digest = _pack(order, folder, contest, history, split)
        progress("Registering", 0.92)
        gates = gates_of(contest, history.label[split.train], order.seed)
        stage = _stage(home, gates)
        registry = open_registry(home, order.spec.name)
        version = record(order, registry, scratch, contest, history, split, Packed(folder, digest, stage))
        store_bundle(Storage(home.storage), version, folder)
        _enact(order, home, registry, ledger, version, Packed(folder, digest, stage), history, gates)
        return Trained(
            version=version,
            stage=stage,
            winner=contest.winner,
            contestants=contest.contestants,
            metrics_at_half=at_threshold(history.label[split.holdout], contest.winner.probability, 0.5),
            history=history,
            split=split,
            gates=() if stage == "challenger" else gates,
            bundle=home.storage / bundle_key(version),
            quarantine=quarantine if quarantine.exists() else None,
            warnings=_warnings(history, split, matrix),
        )


def _require_variation(matrix: Matrix) -> None:
    if not (np.fmax.reduce(matrix) > np.fmin.reduce(matrix)).any():
        raise NotEnoughData("No feature varies over the training rows.", "Give a table whose columns tell customers apart.")


def _warnings(history: History, split: Split, matrix: Matrix) -> tuple[str, ...]:
    repeated = repeated_across(split, matrix)
    if not repeated:
        return history.warnings
    share = repeated / len(split.holdout)
    note = f"{repeated:,} holdout rows ({share:.1%}) occur in training by their values; the metrics are kinder than new customers."
    return (*history.warnings, note)


def _pack(order: Order, folder: Path, contest: Contest, history: History, split: Split) -> str:
    winner = contest.winner
    manifest = Manifest(
        name=order.spec.name,
        algorithm=winner.candidate.name,
        created_at=order.now.isoformat(),
        model=winner.fitted.kind,
        features=plan_features(order.spec).names,
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
    digest = package(folder, order.spec, manifest, winner.fitted, history.rows.take(split.train), winner.judged.probability, order.seed)
    check_bundle(folder, digest)
    return digest


def _stage(home: Home, gates: tuple[Gate, ...]) -> str:
    """Only where there is no champion yet may training make one; later versions are challengers until they are promoted."""
    if read_pointer(Storage(home.storage)) is not None:
        return "challenger"
    return "champion" if all(gate.passed for gate in gates) else "refused"


def _enact(
    order: Order, home: Home, registry: Registry, ledger: Ledger, version: str, packed: Packed, history: History, gates: tuple[Gate, ...]
) -> None:
    evidence = {"version": version, "digest": packed.digest, "data": history.sha256, "stage": packed.stage}
    append_event(ledger, order.who, "trained", evidence, order.now)
    if packed.stage == "champion":
        promote(home, registry, ledger, version, packed.digest, order.who, gates, order.now)
    elif packed.stage == "challenger":
        set_alias(registry, "challenger", version)
