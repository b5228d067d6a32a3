"""What an ensemble costs to serve beside its members alone: scoring a row, a batch, and whole requests. Goal: twice the slowest member.

    python benchmarks/ensembles.py --home HOME [--rounds 7]

HOME holds a champion that is an ensemble (`tidegate train DATA` with the budget standard mostly makes one). Each member is written out as
a bundle of its own, with the ensemble's contract, features and calibration, and served the same way; the sides alternate in every round.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from load import cpu_seconds, drive
from serving import start
from tidegate.bundle.champion import champion_pointer, open_champion
from tidegate.bundle.golden import synthetic_rows, write_golden
from tidegate.bundle.manifest import Manifest, read_json, read_manifest, seal
from tidegate.bundle.reasons.arrays import TreeArrays, read_tree_arrays
from tidegate.bundle.scorer import Scorer, open_scorer, score
from tidegate.customers.cells import rows_from_objects
from tidegate.storage.files import Folder
from tidegate.storage.pointer import Pointer, write_pointer
from tidegate.training.export import write_tree_arrays, write_trees
from tidegate.training.trees import Trees

BATCH, SINGLES, REQUESTS = 10_000, 1_000, 1_600
GOAL = 2.0
Measure = Callable[[], float]


def trees_of(arrays: TreeArrays, member: int) -> Trees:
    """The trees of one member, taken out of the joined ones by walking down from its roots."""
    found = Trees(offset=float(arrays.offset[member]), divisor=float(arrays.divisor[member]))

    def copied(node: int) -> int:
        here = found.add_node(int(arrays.feature[node]), float(arrays.threshold[node]), bool(arrays.missing_left[node]))
        sides = ((arrays.left, arrays.left_is_leaf), (arrays.right, arrays.right_is_leaf))
        left, right = ((child(int(to[node]), bool(leaf[node])), bool(leaf[node])) for to, leaf in sides)
        found.link(here, left, right)
        return here

    def child(place: int, is_leaf: bool) -> int:
        return found.add_leaf(float(arrays.leaf[place]), float(arrays.leaf_cover[place])) if is_leaf else copied(place)

    found.roots = [copied(int(root)) for root in arrays.roots[arrays.tree_member == member]]
    return found


def write_member(bundle: Path, manifest: Manifest, number: int, home: Path) -> None:
    """A home whose champion is one member of the ensemble in `bundle`."""
    member = manifest.members[number]
    place = sum(one.kind == member.kind for one in manifest.members[:number])
    folder, features = home / "storage" / "bundles" / "1", len(manifest.features)
    shutil.copytree(bundle, folder)
    for name in ("manifest.json", "model.onnx", "model.json", "trees.npz", "golden.json"):
        (folder / name).unlink(missing_ok=True)
    if member.kind == "trees":
        count = sum(one.kind == "trees" for one in manifest.members)
        trees = trees_of(read_tree_arrays(bundle / "trees.npz", features, count), place)
        write_trees(folder / "model.onnx", [trees], features)
        write_tree_arrays(folder / "trees.npz", [trees])
    else:
        content: Any = read_json(bundle / "model.json")
        (folder / "model.json").write_text(json.dumps([content[place]]))
    alone = {"members": (member,), "combination": "single", "calibration": member.calibration, "algorithm": member.name}
    manifest = manifest.model_copy(update=alone)
    seal(folder, manifest)
    write_golden(folder, open_scorer(folder, "1"))
    write_pointer(Folder(home / "storage"), Pointer("1", seal(folder, manifest), "2026-01-01T00:00:00+00:00"))


def homes_of(home: Path, folder: Path) -> dict[str, Path]:
    """The ensemble's home and one a member, by name. Ends where the champion is no ensemble."""
    bundle = home / "storage" / "bundles" / champion_pointer(Folder(home / "storage")).version
    manifest = read_manifest(bundle)
    if len(manifest.members) < 2:
        raise SystemExit(f"The champion of {home} is {manifest.algorithm} alone: train another seed.")
    found = {f"{manifest.algorithm} of {len(manifest.members)}": home}
    for number, member in enumerate(manifest.members):
        found[member.name] = folder / str(number)
        write_member(bundle, manifest, number, found[member.name])
    return found


def scoring(scorer: Scorer, size: int, calls: int) -> Measure:
    """CPU µs a row of `score` on batches of one size: contract columns in, probability out."""
    rows = rows_from_objects(scorer.contract, synthetic_rows(scorer.contract.spec, 1, size))

    def measure() -> float:
        began = time.process_time()
        for _ in range(calls):
            score(scorer, rows)
        return (time.process_time() - began) / (calls * size) * 1e6

    return measure


def requests(pid: int, port: int, bodies: list[bytes], connections: int) -> Measure:
    """CPU µs a request of the serving process."""

    def measure() -> float:
        before = cpu_seconds(pid)
        drive(port, "/predict", bodies, REQUESTS, connections)
        return (cpu_seconds(pid) - before) / REQUESTS * 1e6

    return measure


def report(title: str, measures: dict[str, Measure], rounds: int) -> None:
    """One line: medians of every side, and the ensemble against the slowest member of the same round."""
    for measure in measures.values():
        measure()
    seen: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            seen[name].append(measure())
    ensemble, *members = seen.values()
    ratios = [mine / max(others) for mine, *others in zip(ensemble, *members, strict=True)]
    ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    met = "met" if statistics.median(ratios) <= GOAL else "missed"
    print(f"| {title} | {' | '.join(f'{statistics.median(values):.1f}' for values in seen.values())} | {ratio} | {met} |", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--home", type=Path, required=True)
    options.add_argument("--rounds", type=int, default=7)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        homes = homes_of(chosen.home, Path(folder))
        scorers = {name: open_champion(Folder(home / "storage")) for name, home in homes.items()}
        spec = next(iter(scorers.values())).contract.spec
        bodies = [json.dumps(customer).encode() for customer in synthetic_rows(spec, 1, 500)]
        print(f"CPU µs, median of {chosen.rounds} rounds; ratio round by round: median (least to most); goal {GOAL:g}\n")
        print(f"| | {' | '.join(homes)} | ensemble / slowest member | goal |\n|{'---|' * (len(homes) + 3)}")
        for title, size, calls in (("a row scored alone", 1, SINGLES), (f"a row in batches of {BATCH:,}", BATCH, 1)):
            report(title, {name: scoring(scorer, size, calls) for name, scorer in scorers.items()}, chosen.rounds)
        running = {name: start("ours", home) for name, home in homes.items()}
        try:
            for connections in (1, 32):
                title = f"a request, {connections} connection{'s' if connections > 1 else ''}, no ledger"
                sides = {name: requests(process.pid, port, bodies, connections) for name, (process, port, _) in running.items()}
                report(title, sides, chosen.rounds)
        finally:
            for process, _, _ in running.values():
                process.terminate()


if __name__ == "__main__":
    main()
