"""What a training leaves behind: nested runs for the tracking server, and the evaluation's files for the home."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from tidegate import __version__
from tidegate.customers.history import History
from tidegate.customers.split import Split
from tidegate.registry.outbox import RunRecord
from tidegate.training.arena import Contestant
from tidegate.training.assess import Assessment
from tidegate.training.contest import Contest
from tidegate.training.evaluation import write_evaluation
from tidegate.training.evaluation.comparison import Entry, write_comparison
from tidegate.training.evaluation.learning import write_learning_curve
from tidegate.training.evaluation.money import write_money
from tidegate.training.evaluation.segment_files import write_segments
from tidegate.training.order import Order
from tidegate.training.search import Trial


def write_report(folder: Path, order: Order, history: History, split: Split, contest: Contest, assessment: Assessment) -> None:
    """The evaluation's files: the comparison of all models, and what is said of the winner; one folder a model below."""
    label, winner = history.label[split.holdout], contest.winner
    folder.mkdir()
    write_comparison(folder, [_entry(one, winner, assessment) for one in contest.contestants])
    write_segments(folder, winner.name, assessment.segments, assessment.threshold)
    if assessment.learning:
        write_learning_curve(folder, winner.model.members[0].name, assessment.learning)
    if assessment.value is not None and order.spec.money is not None:
        value = assessment.value
        write_money(folder, winner.name, order.spec.money, label, winner.probability, value.values, value.comparison)
    findings = [asdict(finding) for finding in assessment.findings]
    (folder / "findings.json").write_text(json.dumps(findings, indent=1), encoding="utf-8")
    for one in contest.contestants:
        threshold = assessment.threshold if one is winner else one.judged.threshold
        write_evaluation(folder / one.name, one.name, label, one.probability, threshold)


def _entry(one: Contestant, winner: Contestant, assessment: Assessment) -> Entry:
    out_of_fold, intervals = one.judged.metrics, assessment.intervals[one.name]
    holdout = assessment.metrics if one is winner else one.holdout
    return Entry(one.name, one.kind, one.algorithm, one is winner, one.fit_cpu_seconds, out_of_fold, holdout, intervals)


def runs_of(
    order: Order, history: History, split: Split, contest: Contest, assessment: Assessment, report: Path, inputs: Path, ended: datetime
) -> RunRecord:
    """One run for the training, one below it for each model, and below a tuned one each configuration that was tried."""
    times = (_milliseconds(order.now), _milliseconds(ended))
    spoken = {"algorithm": contest.winner.name, "data_sha256": history.sha256, "budget": order.effort.budget, "table": order.spec.name}
    intervals = assessment.intervals[contest.winner.name]
    bounds = {f"{name}_{end}": getattr(interval, end) for name, interval in intervals.items() for end in ("low", "high")}
    spent = {"fitting_cpu_seconds": contest.cpu_seconds}
    value = {} if assessment.value is None else {"expected_maximum_profit": assessment.value.expected_maximum_profit}
    summary = [path for path in report.iterdir() if path.is_file()]
    return RunRecord(
        name=f"{order.effort.budget} training {order.now:%Y-%m-%d %H:%M:%S}",
        tags={"kind": "training", **spoken, "mlflow.note.content": contest.reason},
        parameters={**_common(order, history, split), "threshold": assessment.threshold, "threshold_rule": assessment.threshold_rule},
        metrics={**assessment.metrics, **bounds, **spent, **value},
        folders=((inputs, "inputs"), (_apart(report, summary), "evaluation")),
        children=tuple(_model_run(order, history, split, contest, assessment, one, report, inputs, times) for one in contest.contestants),
        started_ms=times[0],
        ended_ms=times[1],
    )


def _apart(report: Path, files: list[Path]) -> Path:
    """The report's own files in a folder without those of the models, for the training's run."""
    apart = report.with_name("summary")
    apart.mkdir()
    for path in files:
        (apart / path.name).write_bytes(path.read_bytes())
    return apart


def _model_run(
    order: Order,
    history: History,
    split: Split,
    contest: Contest,
    assessment: Assessment,
    one: Contestant,
    report: Path,
    inputs: Path,
    times: tuple[int, int],
) -> RunRecord:
    won = one is contest.winner
    holdout = assessment.metrics if won else one.holdout
    out_of_fold = {f"out_of_fold_{name}": value for name, value in one.judged.metrics.items()}
    calibration = {f"calibration_{name}": value for name, value in one.judged.calibration.model_dump().items()}
    threshold = assessment.threshold if won else one.judged.threshold
    return RunRecord(
        name=one.name,
        tags={"algorithm": one.algorithm, "kind": one.kind, "data_sha256": history.sha256, "chosen": str(won).lower()},
        parameters={**one.parameters, "threshold": threshold, **calibration, **_common(order, history, split)},
        metrics={**holdout, **out_of_fold, "fit_cpu_seconds": one.fit_cpu_seconds},
        folders=((report / one.name, "evaluation"), *(((inputs, "inputs"),) if won else ())),
        children=tuple(_trial_run(one, number, trial, times) for number, trial in enumerate(one.trials)),
        started_ms=times[0],
        ended_ms=times[1],
        bundle=won,
    )


def _trial_run(one: Contestant, number: int, trial: Trial, times: tuple[int, int]) -> RunRecord:
    folds = {f"fold_{fold}_pr_auc": value for fold, value in enumerate(trial.folds)}
    return RunRecord(
        name=f"{one.algorithm} trial {number:02d}",
        tags={"algorithm": one.algorithm, "kind": "trial", "pruned": str(trial.pruned).lower()},
        parameters=dict(trial.parameters),
        metrics={"out_of_fold_pr_auc": trial.value, "cpu_seconds": trial.cpu_seconds, **folds},
        folders=(),
        children=(),
        started_ms=times[0],
        ended_ms=times[1],
    )


def _common(order: Order, history: History, split: Split) -> dict[str, object]:
    effort = order.effort
    return {
        "data_sha256": history.sha256,
        "spec_sha256": order.spec.digest,
        "code_version": __version__,
        "seed": order.seed,
        "model_seed": order.model_seed,
        "budget": effort.budget,
        "search": effort.search,
        "smote": effort.smote,
        "split": split.kind,
        "training_rows": len(split.train),
        "holdout_rows": len(split.holdout),
    }


def _milliseconds(when: datetime) -> int:
    return round(when.timestamp() * 1000)
