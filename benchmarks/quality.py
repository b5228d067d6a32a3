"""Quality of `tidegate train` on holdouts, beside the reference recipe's LightGBM, and what it costs. Prints tables and writes JSON.

    python benchmarks/quality.py --data bank_churners.csv --keep ours.jsonl --json quality.json
    python benchmarks/quality.py --data bank_churners.csv --only real --side reference --keep-reference reference.jsonl

Ours is the whole command in a process of its own; the reference is fitted here on the training rows of the same split and judged on the
same holdout rows. Each finished run is a line of the kept files and not done again. Holdouts of several seeds share rows, so the standard
error says how the mean moves with the split of this one table. CPU of ours includes its threads: measure cost with `--jobs 1`.
Nothing here may be used to choose a parameter.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]
TASKS = ("real", "model-seeds", "cost", "simulated")
MEASURES = {"pr_auc": 1, "log_loss": -1, "roc_auc": 1, "brier": -1}  # 1: more is better
FLOORS = {"roc_auc": 0.9935, "pr_auc": 0.971, "brier": 0.0205, "log_loss": 0.0725}
EDGES = {"roc_auc": 0.994, "pr_auc": 0.973, "brier": 0.0200, "log_loss": 0.0705}
GAIN, GAIN_WINS, LOSS_WINS = 0.0030, 19 / 21, 20 / 21
COMMAND_CPU, FITTING_CPU, MEMORY_MIB = 350, 200, 2048
CROSS_VALIDATED, CANDIDATE_CPU = 0.9735, 20
SPLIT_SEED = 42
REFERENCE = {"num_leaves": 15, "n_estimators": 1000, "learning_rate": 0.02, "min_child_samples": 30, "colsample_bytree": 0.8}
SOURCE = Path(__file__).parents[1] / "src" / "tidegate"


@dataclass(frozen=True)
class Run:
    """One training of one side. `label` set: the spec is inferred; `truth`: CSV with the true probability of each row."""

    side: str
    table: str
    data: str
    sha256: str
    seed: int
    budget: str = ""
    model_seed: int | None = None
    spec: str | None = None
    label: str | None = None
    truth: str | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """What makes a kept result this run's result; where the file lies does not matter."""
        return (self.side, self.table, self.sha256, self.seed, self.budget, self.model_seed)


# --- one run, in a process of its own -------------------------------------------------------------------------------------------------


def perform(run: Run) -> Record:
    """Train one side once."""
    began = time.time()
    found = ours(run) if run.side == "ours" else reference(run)
    return {
        **asdict(run),
        **found,
        "wall_seconds": round(time.time() - began, 1),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
    }


def ours(run: Run) -> Record:
    """`tidegate train` as a user runs it: its holdout metrics, its candidates, CPU and peak memory (of its largest process)."""
    command = [sys.executable, "-m", "tidegate", "train", run.data, "--budget", run.budget, "--seed", str(run.seed), "--json"]
    command += ["--spec", run.spec] if run.spec else ["--label", str(run.label)]
    command += [] if run.model_seed is None else ["--model-seed", str(run.model_seed)]
    code = training_code()
    with tempfile.TemporaryDirectory(prefix="tg-quality-") as folder:
        answer, usage = answered([*command, "--home", f"{folder}/home"], Path(folder))
    found = {name: answer[name] for name in ("metrics", "algorithm", "training_rows", "holdout_rows", "split")} | {
        "command_cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "fitting_cpu_seconds": answer.get("fitting_cpu_seconds"),
        "peak_mib": round(usage.ru_maxrss / 1024, 1),
        "candidates": [
            {
                **{name: one.get(name) for name in ("name", "kind", "fit_cpu_seconds")},
                "pr_auc": (one.get("out_of_fold") or {}).get("pr_auc"),
            }
            for one in answer["candidates"]
        ],
        "code": code,
    }
    return found | (best_possible(run, answer["holdout_rows"]) if run.truth else {})


def answered(command: list[str], folder: Path) -> tuple[Any, Any]:
    """The JSON that a command prints, and what it used with all its ended children. It does not outlive this process's interruption."""
    out, errors = folder / "out.json", folder / "errors.txt"
    with out.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, start_new_session=True)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[2:])} ended with {process.returncode}: {errors.read_text()[-400:].strip()}")
    return json.loads(out.read_text()), usage


def training_code() -> str:
    """A digest of what trains, so that results of different code are not averaged unnoticed."""
    places = [SOURCE / "features.py", *sorted((SOURCE / "training").rglob("*.py")), *sorted((SOURCE / "customers").glob("*.py"))]
    return hashlib.sha256(b"".join(place.read_bytes() for place in places)).hexdigest()[:12]


def split_of(run: Run, folder: str) -> tuple[Any, Any, Any]:
    """Spec, history and split exactly as training sees them."""
    from tidegate.customers.history import load_history
    from tidegate.customers.inspection.infer import infer_spec
    from tidegate.customers.spec import load_spec
    from tidegate.customers.split import split_history

    data = Path(run.data)
    spec = load_spec(run.spec) if run.spec else infer_spec(data, str(run.label)).spec
    history = load_history(data, spec, Path(folder) / "quarantine.csv", 0.2)
    return spec, history, split_history(history, run.seed)


def best_possible(run: Run, holdout_rows: int) -> Record:
    """How the true probability does on the holdout rows of this run; `expected_log_loss` is the mean entropy of their labels."""
    import csv

    import numpy as np

    from tidegate.measures.classification import log_loss, roc_auc

    with tempfile.TemporaryDirectory() as folder:
        _, history, split = split_of(run, folder)
    require_same(run, len(split.holdout), holdout_rows)
    with Path(str(run.truth)).open(newline="") as file:
        everyone = np.array([float(row["churn_probability"]) for row in csv.DictReader(file)])
    truth, label = everyone[history.row_numbers - 1][split.holdout], history.label[split.holdout]
    kept = np.clip(truth, 1e-15, 1 - 1e-15)
    entropy = -np.mean(kept * np.log(kept) + (1 - kept) * np.log1p(-kept))
    return {
        "best": {"roc_auc": roc_auc(label, truth), "log_loss": log_loss(label, truth), "expected_log_loss": float(entropy)},
        "base_rate": float(label.mean()),
    }


def require_same(run: Run, here: int, there: int) -> None:
    if here != there:
        raise RuntimeError(
            f"{run.table}, seed {run.seed}: {here:,} holdout rows here, {there:,} in the answer of train: not the same split"
        )


def reference(run: Run) -> Record:
    """The reference recipe: mode for Unknown, standardised numbers, one-hot, SMOTE, LightGBM; all learned from training rows."""
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    import lightgbm
    from imblearn.over_sampling import SMOTE

    from tidegate.measures.classification import measure

    with tempfile.TemporaryDirectory() as folder:
        spec, history, split = split_of(run, folder)
    numbers, texts = raw_features(history.rows, spec)
    label = history.label
    began = time.process_time()
    train, holdout = prepared(numbers, texts, split.train, split.holdout)
    matrix, drawn = SMOTE(random_state=run.seed).fit_resample(train, label[split.train])
    model = lightgbm.LGBMClassifier(**REFERENCE, random_state=run.seed, n_jobs=1, verbose=-1).fit(matrix, drawn)
    spent = time.process_time() - began
    probability = model.predict_proba(holdout)[:, 1]
    return {
        "metrics": measure(label[split.holdout], probability, 0.5),
        "algorithm": "reference recipe",
        "training_rows": len(split.train),
        "holdout_rows": len(split.holdout),
        "split": split.kind,
        "features": [numbers.shape[1] + texts.shape[1], train.shape[1]],
        "fitting_cpu_seconds": round(spent, 2),
    }


def raw_features(rows: Any, spec: Any) -> tuple[Any, Any]:
    """The table's own columns, no ratios: numbers float64 (n, k), categories object (n, c) of level names."""
    import numpy as np

    from tidegate.customers.rows import OTHER_LEVEL, layout_of

    layout = layout_of(spec)
    numbers = rows.numbers.T.copy()
    texts = np.empty((len(rows), len(layout.category_columns)), object)
    for place, column in enumerate(layout.category_columns):
        texts[:, place] = np.array([*column.levels, "other"], object)[np.where(rows.codes[place] == OTHER_LEVEL, -1, rows.codes[place])]
    if not np.isfinite(numbers).all() or (rows.codes[rows.codes != OTHER_LEVEL] < 0).any():
        raise RuntimeError("The reference recipe says nothing of missing values: give a table without any.")
    return numbers, texts


def prepared(numbers: Any, texts: Any, train: Any, holdout: Any) -> tuple[Any, Any]:
    """Both sides as float64 matrices: standardised numbers, then one-hot categories with the training rows' mode for Unknown."""
    import numpy as np
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    texts = texts.copy()
    for place in range(texts.shape[1]):
        known = texts[train, place][texts[train, place] != "Unknown"]
        levels, counts = np.unique(known.astype(str), return_counts=True)
        texts[texts[:, place] == "Unknown", place] = levels[counts.argmax()]
    scaler = StandardScaler().fit(numbers[train])
    if not texts.shape[1]:
        return scaler.transform(numbers[train]), scaler.transform(numbers[holdout])
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(texts[train])
    matrices = [np.hstack([scaler.transform(numbers[side]), encoder.transform(texts[side])]) for side in (train, holdout)]
    return matrices[0], matrices[1]


# --- all runs, kept -------------------------------------------------------------------------------------------------------------------


class Kept:
    """Results of finished runs, one JSON object a line; a line cut short by a kill is ignored."""

    def __init__(self, place: Path | None) -> None:
        self.place = place
        self.records: dict[tuple[object, ...], Record] = {}
        for line in place.read_text().splitlines() if place and place.exists() else []:
            try:
                record = json.loads(line)
                run = Run(**{name: record[name] for name in Run.__dataclass_fields__})
            except (ValueError, KeyError):
                continue
            self.records[run.key] = record

    def add(self, run: Run, record: Record) -> None:
        """Remember, on disk first."""
        if self.place:
            whole = not self.place.exists() or self.place.read_bytes()[-1:] in (b"", b"\n")
            with self.place.open("a") as file:
                file.write(("" if whole else "\n") + json.dumps(record) + "\n")
                file.flush()
                os.fsync(file.fileno())
        self.records[run.key] = record


def stop_on_termination() -> None:
    """SIGTERM ends this process like Ctrl-C, and first the workers (each of which ends its command), so that nothing is left running."""

    def stop(*_: object) -> None:
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def perform_all(runs: list[Run], kept: dict[str, Kept], jobs: int) -> list[str]:
    """Do what is not kept yet, each run in a fresh process; what failed, in words."""
    waiting = list({run.key: run for run in runs if run.key not in kept[run.side].records}.values())
    failed = []
    spawn = multiprocessing.get_context("spawn")
    stop_on_termination()
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=stop_on_termination, max_tasks_per_child=1) as pool:
        futures = {pool.submit(perform, run): run for run in waiting}
        for done, future in enumerate(as_completed(futures), 1):
            run = futures[future]
            name = f"{run.side}, {run.table}, seed {run.seed}" + (f", model seed {run.model_seed}" if run.model_seed is not None else "")
            try:
                record = {**future.result(), "jobs": jobs}
            except Exception as error:  # noqa: BLE001 - one run that fails must not lose the others
                failed.append(f"{name}: {error}")
                print(f"[{done}/{len(waiting)}] FAILED {failed[-1]}", file=sys.stderr, flush=True)
                continue
            kept[run.side].add(run, record)
            print(f"[{done}/{len(waiting)}] {name}: {record['wall_seconds']:.0f} s", file=sys.stderr, flush=True)
    return failed


# --- what is printed ------------------------------------------------------------------------------------------------------------------


def verdict(value: float, goal: float, more_is_better: bool) -> str:
    """Whether a goal is met, and if not by how much it is missed."""
    short = goal - value if more_is_better else value - goal
    return "met" if short <= 0 else f"short by {short:.4g}"


def head(*columns: str) -> None:
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")


def print_pairs(title: str, pairs: list[tuple[Record, Record]]) -> Record:
    """Both sides seed by seed, and the summary against the goals."""
    print(f"\n## {title}\n")
    head("seed", *(f"{name} ours / reference (ours better by)" for name in MEASURES), "ours", "CPU s ours / reference")
    gains: dict[str, list[float]] = {name: [] for name in MEASURES}
    for mine, theirs in pairs:
        if (mine["holdout_rows"], mine["training_rows"]) != (theirs["holdout_rows"], theirs["training_rows"]):
            raise SystemExit(f"seed {mine['seed']}: the two sides did not see the same split")
        cells = []
        for name, sign in MEASURES.items():
            one, other = mine["metrics"][name], theirs["metrics"][name]
            gains[name].append(sign * (one - other))
            cells.append(f"{one:.4f} / {other:.4f} ({gains[name][-1]:+.4f})")
        spent = f"{mine['command_cpu_seconds']:.0f} / {theirs['fitting_cpu_seconds']:.1f}"
        print(f"| {mine['seed']} | {' | '.join(cells)} | {mine['algorithm']} | {spent} |")
    return print_summary(gains)


def print_summary(gains: dict[str, list[float]]) -> Record:
    summary: Record = {"seeds": len(gains["pr_auc"])}
    count = summary["seeds"]
    print()
    head("ours better than the reference by", "mean", "standard error", "95 % bootstrap interval of the mean", "wins")
    for name, values in gains.items():
        mean, error, (low, high) = mean_of(values)
        wins = sum(value > 0 for value in values)
        summary[name] = {"mean_gain": mean, "standard_error": error, "interval": [low, high], "wins": wins, "gains": values}
        print(f"| {name} | {mean:+.5f} | {'' if error is None else f'{error:.5f}'} | {low:+.5f} to {high:+.5f} | {wins} of {count} |")
    needed, losses = math.ceil(GAIN_WINS * count - 1e-9), math.ceil(LOSS_WINS * count - 1e-9)
    summary["goals"] = {
        f"mean PR-AUC gain >= {GAIN:+.4f}": verdict(summary["pr_auc"]["mean_gain"], GAIN, True),
        f"PR-AUC wins >= {needed} of {count}": verdict(summary["pr_auc"]["wins"], needed, True),
        f"log-loss wins >= {losses} of {count}": verdict(summary["log_loss"]["wins"], losses, True),
    }
    print_goals(summary["goals"])
    return summary


def mean_of(values: list[float]) -> tuple[float, float | None, tuple[float, float]]:
    """Mean, its standard error (None for one value), and the 2.5 and 97.5 percentiles of the means of 10,000 draws of the seeds."""
    import numpy as np

    array = np.array(values)
    means = np.random.default_rng(0).choice(array, (10_000, len(array))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    error = float(array.std(ddof=1) / math.sqrt(len(array))) if len(array) > 1 else None
    return float(array.mean()), error, (float(low), float(high))


def print_goals(goals: dict[str, str]) -> None:
    print()
    head("goal", "verdict")
    for goal, said in goals.items():
        print(f"| {goal} | {said} |")


def print_references(records: list[Record]) -> None:
    """The reference side alone."""
    print("\n## The reference recipe's LightGBM\n")
    head("table", "seed", *MEASURES, "f1 at 0.5", "CPU s of the fit")
    for one in records:
        cells = " | ".join(f"{one['metrics'][name]:.4f}" for name in MEASURES)
        print(f"| {one['table']} | {one['seed']} | {cells} | {one['metrics']['f1']:.4f} | {one['fitting_cpu_seconds']:.1f} |")


def print_model_seeds(records: list[Record]) -> Record:
    """The holdout of seed 42 under several model seeds, against floor and edge."""
    print(f"\n## Holdout of seed {SPLIT_SEED}, by model seed\n")
    head("model seed", *FLOORS, "algorithm")
    for one in records:
        cells = " | ".join(f"{one['metrics'][name]:.4f}" for name in FLOORS)
        print(f"| {one['model_seed']} | {cells} | {one['algorithm']} |")
    means = {name: sum(one["metrics"][name] for one in records) / len(records) for name in FLOORS}
    print(f"| mean | {' | '.join(f'{value:.4f}' for value in means.values())} | |")
    print()
    head("measure", "mean", "floor", "every seed against the floor", "edge", "mean against the edge")
    judged = {}
    for name, sign in ((name, MEASURES[name]) for name in FLOORS):
        worst = (min if sign > 0 else max)(one["metrics"][name] for one in records)
        judged[name] = {
            "mean": means[name],
            "floor": verdict(worst, FLOORS[name], sign > 0),
            "edge": verdict(means[name], EDGES[name], sign > 0),
        }
        print(f"| {name} | {means[name]:.4f} | {FLOORS[name]} | {judged[name]['floor']} | {EDGES[name]} | {judged[name]['edge']} |")
    return {"runs": records, "measures": judged}


def print_cost(records: list[Record]) -> Record:
    """CPU, memory and the best cheap candidate of every run of ours on the real table. CPU and memory are judged by the worst run."""
    print("\n## Cost\n")
    head(
        "seed",
        "whole command, CPU s",
        "search + fit, CPU s",
        "peak MiB",
        f"best candidate within {CANDIDATE_CPU} CPU s",
        "PR-AUC out of fold",
        "jobs",
    )
    cheapest = []
    for one in records:
        best = best_cheap(one)
        cheapest.append(best["pr_auc"] if best else math.nan)
        named = f"{best['name']} ({best['fit_cpu_seconds']:.1f} s) | {cheapest[-1]:.4f}" if best else "not stated | "
        fitting = one["fitting_cpu_seconds"]
        said = "not stated" if fitting is None else f"{fitting:.0f}"
        print(f"| {one['seed']} | {one['command_cpu_seconds']:.0f} | {said} | {one['peak_mib']:.0f} | {named} | {one['jobs']} |")
    fittings = [one["fitting_cpu_seconds"] for one in records if one["fitting_cpu_seconds"] is not None]
    stated = [value for value in cheapest if not math.isnan(value)]
    mean = f"{sum(stated) / len(stated):.4f}" if stated else "nothing"
    goals = {
        f"whole command <= {COMMAND_CPU} CPU s": verdict(max(one["command_cpu_seconds"] for one in records), COMMAND_CPU, False),
        f"search + fit <= {FITTING_CPU} CPU s": verdict(max(fittings), FITTING_CPU, False) if fittings else "not stated",
        f"peak memory <= {MEMORY_MIB} MiB": verdict(max(one["peak_mib"] for one in records), MEMORY_MIB, False),
        f"PR-AUC out of fold >= {CROSS_VALIDATED} within {CANDIDATE_CPU} CPU s, seed {SPLIT_SEED}": next(
            (verdict(v, CROSS_VALIDATED, True) for one, v in zip(records, cheapest, strict=True) if one["seed"] == SPLIT_SEED and v == v),
            "not stated",
        ),
        f"the same, mean of {len(stated)} seeds ({mean})": verdict(sum(stated) / len(stated), CROSS_VALIDATED, True)
        if stated
        else "not stated",
    }
    print_goals(goals)
    return {"goals": goals, "runs": [{**one, "best_cheap": best_cheap(one)} for one in records]}


def best_cheap(record: Record) -> Record | None:
    """The candidate with the highest out-of-fold PR-AUC among those whose folds and final fit took at most 20 CPU seconds."""
    able = [
        one
        for one in record["candidates"]
        if one["fit_cpu_seconds"] is not None and one["pr_auc"] is not None and one["fit_cpu_seconds"] <= CANDIDATE_CPU
    ]
    return max(able, key=lambda one: one["pr_auc"], default=None)


def print_simulated(pairs: list[tuple[Record, Record | None]]) -> list[Record]:
    """Our distance to the true probability on the same holdout rows, the reference recipe's beside it."""
    print("\n## Simulated tables: distance to the best possible\n")
    columns = (
        "ROC-AUC ours",
        "reference",
        "best possible",
        "distance ours",
        "reference's",
        "log-loss ours",
        "truth's",
        "expected of the truth",
    )
    head("table", "split seed", "left", *columns, "algorithm", "CPU s")
    rows = []
    for one, other in pairs:
        best, mine = one["best"], one["metrics"]
        row = {"table": one["table"], "seed": one["seed"], "roc_auc": mine["roc_auc"], "log_loss": mine["log_loss"], "best": best}
        row["distance"] = best["roc_auc"] - mine["roc_auc"]
        row["reference_distance"] = None if other is None else best["roc_auc"] - other["metrics"]["roc_auc"]
        theirs = ("", "") if other is None else (f"{other['metrics']['roc_auc']:.4f}", f"{row['reference_distance']:.4f}")
        cells = (f"{mine['roc_auc']:.4f}", theirs[0], f"{best['roc_auc']:.4f}", f"{row['distance']:.4f}", theirs[1])
        losses = (f"{mine['log_loss']:.4f}", f"{best['log_loss']:.4f}", f"{best['expected_log_loss']:.4f}")
        where = f"{one['table']} | {one['seed']} | {one['base_rate']:.1%}"
        print(f"| {where} | {' | '.join((*cells, *losses))} | {one['algorithm']} | {one['command_cpu_seconds']:.0f} |")
        rows.append(row)
    return rows


# --- from the command line ------------------------------------------------------------------------------------------------------------


def seeds_of(text: str) -> list[int]:
    """`0-3,42` → 0, 1, 2, 3, 42."""
    found: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def real_runs(chosen: argparse.Namespace, seeds: list[int], model_seed: int | None = None) -> Iterator[Run]:
    digest = hashlib.sha256(chosen.data.read_bytes()).hexdigest()
    place = str(chosen.data.resolve())
    for seed in seeds:
        yield Run("ours", "bank", place, digest, seed, chosen.budget, model_seed, spec="bank")
        if model_seed is None:
            yield Run("reference", "bank", place, digest, seed, spec="bank")


def simulated_runs(chosen: argparse.Namespace, folder: Path) -> Iterator[Run]:
    sys.path.insert(0, str(Path(__file__).parent))
    from simulated_tables import write_all

    for table_seed in chosen.table_seeds:
        place = folder / str(table_seed)
        place.mkdir()
        for table in write_all(place, chosen.rows, table_seed):
            digest = hashlib.sha256(table.path.read_bytes()).hexdigest()
            truth = str(table.path.with_name(f"{table.path.stem}.truth.csv"))
            name = f"{table.name} {table_seed}"
            for side, budget in (("ours", chosen.budget), ("reference", "")):
                yield Run(side, name, str(table.path), digest, SPLIT_SEED, budget, label=table.label, truth=truth)


def planned(chosen: argparse.Namespace, folder: Path) -> dict[str, list[Run]]:
    """The runs of each part, in the order in which they are done."""
    parts: dict[str, list[Run]] = {}
    if "real" in chosen.only:
        parts["real"] = list(real_runs(chosen, chosen.seeds))
        parts["extra"] = list(real_runs(chosen, chosen.holdout_seeds_extra))
    if "cost" in chosen.only:
        parts["cost"] = [run for run in real_runs(chosen, [SPLIT_SEED]) if run.side == "ours"]
    if "model-seeds" in chosen.only:
        parts["model-seeds"] = [run for seed in chosen.model_seeds for run in real_runs(chosen, [SPLIT_SEED], seed)]
    if "simulated" in chosen.only:
        parts["simulated"] = list(simulated_runs(chosen, folder))
    return {name: [run for run in runs if chosen.side in ("both", run.side)] for name, runs in parts.items()}


def paired(runs: list[Run], kept: dict[str, Kept]) -> list[tuple[Record, Record | None]]:
    """Finished runs of ours, each with the reference's on the same table and seed where there is one."""
    theirs = {(run.sha256, run.seed): kept["reference"].records.get(run.key) for run in runs if run.side == "reference"}
    found = ((kept["ours"].records.get(run.key), theirs.get((run.sha256, run.seed))) for run in runs if run.side == "ours")
    return [(mine, other) for mine, other in found if mine is not None]


def report(parts: dict[str, list[Run]], kept: dict[str, Kept]) -> Record:
    """Print every part that has results."""
    document: Record = {}
    references = [kept["reference"].records[run.key] for runs in parts.values() for run in runs if run.key in kept["reference"].records]
    document["reference"] = references
    if references and not any(run.side == "ours" for runs in parts.values() for run in runs):
        print_references(references)
    for name, title in (("real", "Holdout seeds"), ("extra", "Holdout seeds never looked at")):
        pairs = [(mine, other) for mine, other in paired(parts.get(name, []), kept) if other is not None]
        if pairs:
            document[name] = {"summary": print_pairs(title, pairs), "ours": [mine for mine, _ in pairs]}
    if parts.get("model-seeds"):
        runs = [kept["ours"].records[run.key] for run in parts["model-seeds"] if run.key in kept["ours"].records]
        document |= {"model_seeds": print_model_seeds(runs)} if runs else {}
    if parts.get("cost"):
        mine = {run.key: run for name in ("real", "extra", "cost") for run in parts.get(name, []) if run.key in kept["ours"].records}
        document |= {"cost": print_cost([kept["ours"].records[key] for key in mine])} if mine else {}
    if paired(parts.get("simulated", []), kept):
        document["simulated"] = print_simulated(paired(parts["simulated"], kept))
    used = [kept["ours"].records[run.key]["code"] for runs in parts.values() for run in runs if run.key in kept["ours"].records]
    if set(used) - {training_code()}:
        print(f"\nNot all results are of the present training code: {', '.join(sorted(set(used)))}; now {training_code()}.")
    return {**document, "code": sorted(set(used))}


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="bank_churners.csv")
    parser.add_argument("--seeds", type=seeds_of, default=seeds_of("0-20"), help="of split and model, paired with the reference")
    parser.add_argument("--holdout-seeds-extra", type=seeds_of, default=[], help="more of them, in a table of their own, as 100-105")
    parser.add_argument("--model-seeds", type=seeds_of, default=[1, 2, 3], help=f"on the holdout of seed {SPLIT_SEED}")
    parser.add_argument("--table-seeds", type=seeds_of, default=[1], help="of the simulated tables")
    parser.add_argument("--rows", type=int, default=20_000, help="of each simulated table")
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--side", choices=("both", "ours", "reference"), default="both")
    parser.add_argument("--budget", default="standard")
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=1)
    parser.add_argument("--keep", type=Path, help="JSONL file of finished runs of ours")
    parser.add_argument("--keep-reference", type=Path, help="JSONL file of finished runs of the reference; default: that of --keep")
    parser.add_argument("--json", type=Path, help="file to write")
    return parser


def main() -> None:
    chosen = options().parse_args()
    kept = {"ours": Kept(chosen.keep), "reference": Kept(chosen.keep_reference or chosen.keep)}
    with tempfile.TemporaryDirectory(prefix="tg-quality-") as folder:
        parts = planned(chosen, Path(folder))
        failed = perform_all([run for runs in parts.values() for run in runs], kept, chosen.jobs)
        document = {"budget": chosen.budget, **report(parts, kept), "failed": failed}
    if chosen.json:
        chosen.json.write_text(json.dumps(document, indent=1) + "\n")
    for line in failed:
        print(f"FAILED {line}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
