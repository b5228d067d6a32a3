"""Experiments: is everybody in one arm on every server, and how often is a difference claimed where there is none?

`python benchmarks/experiments.py arms HOME` asks three real servers about 100,000 ids, restarts them and asks again. HOME has a champion
and a version 2 for the same customers; it is copied. `python benchmarks/experiments.py looks` looks at simulated experiments every day.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.bundle.champion import open_champion
from tidegate.bundle.golden import synthetic_rows
from tidegate.experiments.judge import NOT_ENOUGH, Evidence, judge, sample_ratio
from tidegate.measures.classification import roc_auc
from tidegate.measures.influence import roc_auc_influence
from tidegate.storage.files import Folder

BATCH, REPLICAS = 10_000, 3


def tidegate(*words: object) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", "tidegate", *map(str, words), "--json"], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextmanager
def server(home: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tidegate", "serve", "--home", str(home), "--port", str(port), "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(30)


def arms(url: str, customer: dict[str, Any], ids: list[str]) -> list[bool]:
    found: list[bool] = []
    for start in range(0, len(ids), BATCH):
        body = json.dumps({"customers": [{**customer, "customer_id": one} for one in ids[start : start + BATCH]]}).encode()
        request = urllib.request.Request(url + "/predict-batch", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=600) as response:
            found += [one["variant"] == "treatment" for one in json.load(response)["predictions"]]
    return found


def a_customer(home: Path) -> dict[str, Any]:
    """One valid customer of the champion's table, made up from its spec."""
    return synthetic_rows(open_champion(Folder(home / "storage")).contract.spec, count=1)[0]


def ask_servers(home: Path, count: int, share: float) -> None:
    ids = [f"K{number}" for number in range(count)]
    customer = a_customer(home)
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(home, Path(folder) / "home")
        tidegate("experiment", "start", "--treatment", "2", "--share", share, "--home", copy)
        asked: list[list[bool]] = []
        for _ in ("first", "after a restart"):
            with ExitStack() as stack:
                for url in [stack.enter_context(server(copy)) for _ in range(REPLICAS)]:
                    asked.append(arms(url, customer, ids))
                    print(f"server {len(asked)} of {2 * REPLICAS} asked", file=sys.stderr)
        status = tidegate("experiment", "status", "--home", copy)
    changed = sum(len(set(answers)) > 1 for answers in zip(*asked, strict=True))
    treated = sum(asked[0])
    z = abs(treated - count * share / 100) / math.sqrt(count * share / 100 * (1 - share / 100))
    print(f"{count:,} ids × {REPLICAS} servers × 2 starts: {changed} changed arms")
    print(f"treated {treated:,} of {count:,}, meant {share:g} %: p = {math.erfc(z / math.sqrt(2)):.3f} for one look,")
    print(f"  {sample_ratio([(treated, count - treated, share / 100)]):.3f} for any number of looks; `experiment status` says")
    split = status["sample_ratio"]
    print(f"  {status['arms']['treatment']['customers']:,} and {status['arms']['control']['customers']:,} customers, p = {split['p']:.3f}")


def look_every_day(runs: int, customers: int, days: int, spoilt: float) -> Counter[str]:
    """In how many simulated experiments a difference was claimed on any day; `spoilt` is the noise on the treatment's log-odds."""
    generator, claimed = np.random.default_rng(0), Counter[str]()
    for _ in range(runs):
        label = (generator.random(customers) < 0.16).astype(np.int8)
        treated = generator.random(customers) < 0.5
        score = generator.normal(size=customers) + 2.5 * label - 1.5 + spoilt * treated * generator.normal(size=customers)
        found: set[str] = set()
        for end in np.linspace(0, customers, days + 1).astype(int)[1:]:
            arms = []
            for arm in (False, True):
                mine = treated[:end] == arm
                probability = 1 / (1 + np.exp(-score[:end][mine]))
                arms.append(Evidence(label[:end][mine], probability, probability >= 0.5))
            judged = judge(*arms)
            found |= {name for name, one in judged.measures.items() if one.word != NOT_ENOUGH}
            found |= {"verdict"} if judged.verdict != NOT_ENOUGH else set()
            if judged.measures and _usual_interval_excludes_zero(*arms):
                found.add("usual 95 % interval of ROC-AUC")
            if sample_ratio([(int(treated[:end].sum()), int((~treated[:end]).sum()), 0.5)]) < 0.001:
                found.add("sample ratio")
        claimed.update(found)
    return claimed


def _usual_interval_excludes_zero(control: Evidence, treatment: Evidence) -> bool:
    areas = [roc_auc(arm.label, arm.probability) for arm in (control, treatment)]
    variance = sum(float(np.sum(roc_auc_influence(arm.label, arm.probability) ** 2)) for arm in (control, treatment))
    return abs(areas[1] - areas[0]) > 1.96 * math.sqrt(variance)


def print_looks(runs: int) -> None:
    names = ("usual 95 % interval of ROC-AUC", "roc_auc", "pr_auc", "false_positive_rate", "false_negative_rate", "verdict", "sample ratio")
    print(f"{runs:,} experiments of 3,000 customers, looked at on 30 days: how many claim a difference on any day")
    for title, spoilt in (("two equal versions", 0.0), ("treatment spoilt: ROC-AUC 0.96 → 0.89", 1.0), ("0.96 → 0.79", 2.0)):
        began = time.process_time()
        claimed = look_every_day(runs, 3_000, 30, spoilt)
        print(f"{title} ({time.process_time() - began:.0f} s of processor time)")
        for name in names:
            print(f"  {name:<32} {100 * claimed[name] / runs:5.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("arms", "looks"))
    parser.add_argument("home", nargs="?", type=Path)
    parser.add_argument("--ids", type=int, default=100_000)
    parser.add_argument("--share", type=float, default=50.0)
    parser.add_argument("--runs", type=int, default=1_000)
    given = parser.parse_args()
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    if given.what == "looks":
        print_looks(given.runs)
    elif given.home is None:
        parser.error("arms needs a HOME")
    else:
        ask_servers(given.home, given.ids, given.share)


if __name__ == "__main__":
    main()
