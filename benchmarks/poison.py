"""Renewals whose new labels are wrong, and renewals after a real change: what the gates make of them.

    python benchmarks/poison.py [--runs 40] [--rows 8000] [--batch 3000] [--audit 300] [--algorithm lightgbm] [--both]
        [--only right] [--data CSV]

Each run: a champion is trained on `rows` customers (a fifth frozen as holdout); `batch` new customers come, a fifth of them reserved, some
audited; the labels of the others, and the ordinary labels of the audited, are spoilt; a challenger is trained on old and new customers by
the rule of renewal (`renewal/window.py`); the gates judge, with the audit sample and without. Customers are simulated; with --data they are
drawn from the table of the public BankChurners file, where no concept drift can be had.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray

from tidegate.bundle.calibration import calibrated
from tidegate.customers.history import load_history
from tidegate.customers.rows import Rows, layout_of
from tidegate.customers.simulation.scenario import PLAIN, ConceptDrift, Scenario
from tidegate.customers.simulation.simulate import simulate_table
from tidegate.customers.spec import load_spec
from tidegate.features import Matrix, compute, plan_features
from tidegate.registry.evidence import Evidence
from tidegate.registry.gates import GateLimits, Verdict, judge_challenger
from tidegate.renewal.segments import segments_of
from tidegate.renewal.window import choose_window
from tidegate.training.arena import Arena, Contestant, trained
from tidegate.training.candidates import named
from tidegate.training.folds import Field, fold_positions

Labels = NDArray[np.int8]
Floats = NDArray[np.float64]
SPEC = load_spec("bank")
PLAN, LAYOUT = plan_features(SPEC), layout_of(SPEC)
RATIOS = np.isin(PLAN.names, [ratio.name for ratio in SPEC.ratios])
INCOMES = next(column for column in LAYOUT.category_columns if column.name == "income_category").levels
SMALL_SEGMENT, LARGE_SEGMENT = "$120K +", "Less than $40K"


@dataclass(frozen=True)
class Customers:
    """Customers and what is said of them."""

    rows: Rows
    label: Labels

    def take(self, places: NDArray[np.int64]) -> Customers:
        return Customers(self.rows.take(places), self.label[places])


@dataclass(frozen=True)
class Renewal:
    """One run before the gates: what both versions say of whom, and the share of the new labels that is wrong."""

    holdout: Evidence
    reserved: Evidence
    audit: Evidence
    wrong: float


Poison = Callable[[Labels, Floats, NDArray[np.int64], np.random.Generator], Labels]


def flips(share: float) -> Poison:
    return lambda label, score, income, chance: np.where(chance.random(len(label)) < share, 1 - label, label).astype(np.int8)


def forgotten(share: float) -> Poison:
    return lambda label, score, income, chance: np.where(chance.random(len(label)) < share, 0, label).astype(np.int8)


def hidden(level: str) -> Poison:
    place = INCOMES.index(level)
    return lambda label, score, income, chance: np.where((income == place) & (chance.random(len(label)) < 0.5), 0, label).astype(np.int8)


def saved(label: Labels, score: Floats, income: NDArray[np.int64], chance: np.random.Generator) -> Labels:
    top = score >= np.quantile(score, 0.8)
    return np.where(top & (chance.random(len(label)) < 0.5), 0, label).astype(np.int8)


def clean(label: Labels, score: Floats, income: NDArray[np.int64], chance: np.random.Generator) -> Labels:
    return label


POISONS: dict[str, Poison] = {
    "2 % of labels flipped": flips(0.02),
    "5 % of labels flipped": flips(0.05),
    f"half of the churners of income {LARGE_SEGMENT} hidden": hidden(LARGE_SEGMENT),
    f"half of the churners of income {SMALL_SEGMENT} hidden": hidden(SMALL_SEGMENT),
    "10 % of churners recorded as stayed": forgotten(0.1),
    "30 % of churners recorded as stayed": forgotten(0.3),
    "half of the top fifth saved": saved,
}


def simulated(rows: int, seed: int, strength: float, scratch: Path) -> Customers:
    scenario = Scenario(concept_drift=ConceptDrift(strength)) if strength else PLAIN
    path = scratch / "table.parquet"
    pyarrow.parquet.write_table(simulate_table(rows, seed, scenario).table, path)
    return read(path, scratch)


def read(path: Path, scratch: Path) -> Customers:
    history = load_history(path, SPEC, scratch / "quarantine.csv", 0.2)
    return Customers(history.rows, history.label)


def learn(matrix: Matrix, label: Labels, algorithm: str, seed: int) -> Contestant:
    field = Field(matrix, label, fold_positions(label, None, seed), seed, False, RATIOS)
    candidate = next(one for one in named(algorithm) if one.name == algorithm)
    return trained(Arena(field, field, matrix[:100], label[:100]), candidate, "baseline")


def says(model: Contestant, rows: Rows) -> Floats:
    return calibrated(model.judged.calibration, model.model.margin(compute(PLAN, rows)))


@dataclass(frozen=True)
class World:
    """A champion, the customers that it was trained on and frozen for, and those who came since, in random order."""

    matrix: Matrix
    label: Labels
    holdout: Customers
    champion: Contestant
    new: Customers


def world(old: Customers, new: Customers, algorithm: str, seed: int) -> World:
    edge = len(old.label) * 4 // 5
    then = old.take(np.arange(edge))
    matrix = compute(PLAN, then.rows)
    return World(matrix, then.label, old.take(np.arange(edge, len(old.label))), learn(matrix, then.label, algorithm, seed), new)


def renewal(given: World, poison: Poison, audited: int, algorithm: str, seed: int) -> Renewal:
    """One renewal up to the gates."""
    new, champion = given.new, given.champion
    income = new.rows.codes[LAYOUT.category_columns.index(SPEC.columns["income_category"])].astype(np.int64)
    said = poison(new.label, says(champion, new.rows), income, np.random.default_rng((seed, 7)))
    first = audited + (len(new.label) - audited) // 5
    audit, reserved, rest = np.arange(audited), np.arange(audited, first), np.arange(first, len(new.label))
    fresh = compute(PLAN, new.rows.take(rest))
    window = choose_window(given.matrix, given.label, fresh, said[rest], "auto", seed)
    learned = np.concatenate([given.matrix[window.old], fresh]), np.concatenate([given.label[window.old], said[rest]])
    challenger = learn(*learned, algorithm, seed + 1)

    def judged(name: str, rows: Rows, label: Labels, ordinary: Labels | None = None) -> Evidence:
        scores = says(champion, rows), says(challenger, rows)
        lines = champion.judged.threshold, challenger.judged.threshold
        return Evidence(name, label, *scores, *lines, segments_of(SPEC, rows), ordinary)  # type: ignore[arg-type]

    return Renewal(
        judged("holdout", given.holdout.rows, given.holdout.label),
        judged("reserved", new.rows.take(reserved), said[reserved]),
        judged("audit", new.rows.take(audit), new.label[audit], said[audit]),
        float((said != new.label).mean()),
    )


def verdicts(one: Renewal, seed: int) -> dict[str, Verdict]:
    """With the audit sample; with one of customers who have no other label; without one; and where the limits would let that pass."""
    limits, both = GateLimits(), (one.holdout, one.reserved)
    lenient = replace(limits, audit_required=False)
    return {
        "audit": judge_challenger((*both, one.audit), 1.0, 0.0, limits, seed),
        "audit, no other label": judge_challenger((*both, replace(one.audit, ordinary=None)), 1.0, 0.0, limits, seed),
        "no audit": judge_challenger(both, 1.0, 0.0, limits, seed),
        "none asked": judge_challenger(both, 1.0, 0.0, lenient, seed),
    }


def told(name: str, wrong: float, runs: list[dict[str, Verdict]]) -> Iterator[str]:
    for kind in runs[0]:
        found = [one[kind] for one in runs]
        counts = Counter(one.decision for one in found)
        failed = Counter(gate.name for one in found for gate in one.gates if not gate.passed)
        gates = ", ".join(f"{gate} {count}" for gate, count in failed.most_common(4))
        yield f"| {name} | {wrong:.1%} | {kind} | {counts['promoted']} | {counts['held']} | {counts['refused']} | {gates} |"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("runs", 40), ("rows", 8_000), ("batch", 3_000), ("audit", 300), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--algorithm", default="lightgbm")
    parser.add_argument("--strength", type=float, default=1.0, help="of the concept drift, 0 to 1")
    parser.add_argument("--both", action="store_true", help="spoilt labels and a concept drift at once, too")
    parser.add_argument("--only", default="", help="rows of the table whose name holds this, for example right")
    parser.add_argument("--data", type=Path, help="the BankChurners table instead of simulated customers")
    return parser.parse_args()


def worlds(given: argparse.Namespace, strength: float, scratch: Path) -> Iterator[tuple[int, World]]:
    """As many as runs were asked for, each with customers of its own."""
    table = None if given.data is None else read(given.data, scratch)
    for seed in range(given.seed, given.seed + given.runs):
        if table is None:
            old, new = simulated(given.rows, seed, 0.0, scratch), simulated(given.batch, seed + 500_000, strength, scratch)
        else:
            drawn = np.random.default_rng(seed).permutation(len(table.label))
            edge = len(drawn) - min(given.batch, len(drawn) // 3)
            old, new = table.take(drawn[:edge]), table.take(drawn[edge:])
        yield seed, world(old, new, given.algorithm, seed)


def main() -> None:
    given = arguments()
    head = "| the new labels | wrong | evidence | promoted | held | refused | gates that failed (in how many runs) |"
    print(f"{head}\n|---|---|---|---|---|---|---|", flush=True)
    right = {"right": clean}
    suites: list[tuple[float, str, dict[str, Poison]]] = [(0.0, ", nothing else changed", {**POISONS, **right})]
    if given.data is None:
        suites.append((given.strength, ", the world changed", {**POISONS, **right} if given.both else right))
    with tempfile.TemporaryDirectory() as folder:
        for strength, suffix, poisons in suites:
            poisons = {name: poison for name, poison in poisons.items() if given.only in name + suffix}
            if not poisons:
                continue
            found: dict[str, list[tuple[float, dict[str, Verdict]]]] = {name: [] for name in poisons}
            for seed, one in worlds(given, strength, Path(folder)):
                for name, poison in poisons.items():
                    done = renewal(one, poison, given.audit, given.algorithm, seed)
                    found[name].append((done.wrong, verdicts(done, seed)))
            for name, runs in found.items():
                print("\n".join(told(name + suffix, float(np.mean([run[0] for run in runs])), [run[1] for run in runs])), flush=True)


if __name__ == "__main__":
    main()
