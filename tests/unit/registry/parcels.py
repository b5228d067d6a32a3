"""Small finished trainings for tests of the outbox and of delivery, and what a home and its registry hold afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tidegate.bundle.manifest import Manifest, Member, Training, seal
from tidegate.home import Home
from tidegate.ledger.events import list_events, verify_events
from tidegate.ledger.store import Ledger
from tidegate.registry.outbox import Parcel, RunRecord, put_in_outbox, waiting
from tidegate.registry.promote import Gate
from tidegate.registry.store import Registry
from tidegate.storage.files import Folder, list_keys
from tidegate.storage.pointer import read_pointer

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
STARTED_MS = 1_795_000_000_000


def made_bundle(folder: Path, seed: int = 1) -> str:
    """A sealed bundle that scores nothing; returns its digest."""
    folder.mkdir(parents=True)
    (folder / "spec.toml").write_text(f'name = "bank"  # {seed}\n')
    training = Training(
        data_sha256="0" * 64, rows=8, holdout_rows=2, split="random", seed=seed, budget="quick", base_rate=0.16, code_version="0"
    )
    manifest = Manifest(
        name="bank",
        algorithm="logistic",
        created_at=NOW.isoformat(),
        kind="baseline",
        members=(Member(name="logistic", kind="linear"),),
        combination="single",
        features=("age",),
        features_digest="0" * 64,
        spec_digest="0" * 64,
        calibration={"slope": 1.0, "intercept": 0.0},
        threshold=0.5,
        threshold_rule="highest F1",
        metrics={"roc_auc": 0.9},
        training=training,
        parity=0.0,
    )
    return seal(folder, manifest)


def made_run(name: str, figures: Path, *children: RunRecord, kind: str = "tuned", bundle: bool = False, metric: float = 0.9) -> RunRecord:
    """A run with a parameter, a metric and a folder of figures."""
    return RunRecord(
        name=name,
        tags={"kind": kind},
        parameters={"depth": 4, "rate": 0.05},
        metrics={"out_of_fold_pr_auc": metric, "roc_auc": 0.9},
        folders=((figures, "evaluation"),),
        children=children,
        started_ms=STARTED_MS,
        ended_ms=STARTED_MS + 5_000,
        bundle=bundle,
    )


def put_parcel(
    home: Home,
    scratch: Path,
    stage: Any = "champion",
    seed: int = 1,
    runs: Callable[[Path], RunRecord] | None = None,
    model: str = "bank",
) -> Path:
    """A training in the outbox; without `runs` four runs on three levels."""
    figures, evaluation = scratch / "figures", scratch / "evaluation"
    (figures / "deep").mkdir(parents=True)
    (figures / "roc.csv").write_text("0,1\n")
    (figures / "deep" / "gain.csv").write_text("1,0\n")
    evaluation.mkdir()
    (evaluation / "model_comparison_final.csv").write_text("name,pr_auc\n")
    digest = made_bundle(scratch / "bundle", seed)
    tree = runs(figures) if runs else nested(figures)
    identity = f"bank-20261123T0930{seed:02}-{digest[:8]}"
    gate = Gate("roc_auc_above_chance", 0.9, 0.5, True)
    parcel = Parcel(identity, model, digest, stage, "ada", NOW, (gate,), {"data": "0" * 64}, tree)
    return put_in_outbox(home, parcel, scratch / "bundle", evaluation)


def nested(figures: Path) -> RunRecord:
    """Training → search → the trial that won; and a baseline."""
    trial = made_run("catboost trial 7", figures, bundle=True, metric=0.98)
    search = made_run("catboost search", figures, trial, kind="search")
    return made_run("training", figures, search, made_run("logistic", figures, kind="baseline"), kind="training")


def held(home: Home, registry: Registry, ledger: Ledger) -> dict[str, Any]:
    """Everything that a delivery leaves, without ids and clock: equal for equal trainings, however often they were interrupted."""
    client = registry.client
    runs = list(client.search_runs([registry.experiment], run_view_type=3))
    position = {run.info.run_id: run.data.tags["tidegate.run"] for run in runs}
    assert verify_events(ledger) == "ok"
    model = client.get_registered_model(registry.name)
    return {
        "runs": sorted(
            (
                run.data.tags["tidegate.parcel"],
                position[run.info.run_id],
                position.get(run.data.tags.get("mlflow.parentRunId")),
                run.info.run_name,
                run.info.status,
                run.info.lifecycle_stage,
                (run.info.start_time, run.info.end_time),
                sorted(run.data.params.items()),
                sorted((name, [m.value for m in client.get_metric_history(run.info.run_id, name)]) for name in run.data.metrics),
                _artifacts(registry, run.info.run_id, ""),
            )
            for run in runs
            if run.info.lifecycle_stage == "active"
        ),
        "versions": [
            (str(one.version), sorted(one.tags.items()), position[one.run_id])
            for one in client.search_model_versions(f"name='{registry.name}'")
        ],
        "aliases": {alias: str(version) for alias, version in model.aliases.items()},
        "events": [(event.who, event.what, json.loads(event.evidence)) for event in list_events(ledger)],
        "pointer": read_pointer(Folder(home.storage)),
        "storage": list_keys(Folder(home.storage), ""),
        "evaluations": sorted(str(path.relative_to(home.evaluations)) for path in home.evaluations.rglob("*")),
        "waiting": [path.name for path in waiting(home)],
        "outbox": sorted(path.name for path in home.outbox.iterdir()),
    }


def _artifacts(registry: Registry, run_id: str, folder: str) -> list[str]:
    found = registry.client.list_artifacts(run_id, folder or None)
    return [path for one in found for path in (_artifacts(registry, run_id, one.path) if one.is_dir else [one.path])]
