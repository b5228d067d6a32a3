"""What opening each page costs the servers, where the ledger holds a million predictions.

    python benchmarks/pages.py [--rows 1000000] [--rounds 3] [--home HOME] [--only PAGE …]

A home is made: two versions, a monitored batch, predictions of the last 30 days with outcomes of half of their customers, and an experiment
over the last `--experiment-days` of them (horizon 3 days). Scoring API, operate API and pages run as processes of their own. Chromium
(Debian: apt-get install chromium) opens each page of the navigation in a new visit, one after the other, every other round backwards.
Processor time is that of a server and everything it started (/proc/PID/stat), from the request until the page is drawn to its end; the
limit is held against the three servers together, at their dearest visit. Without --home the home is made in a temporary folder; with it,
it is made there once and used again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from playwright.sync_api import Browser, expect, sync_playwright

from tidegate.bundle.champion import open_champion
from tidegate.bundle.golden import synthetic_rows
from tidegate.home import Home
from tidegate.ledger.connections import writing
from tidegate.ledger.customer_key import customer_hash, load_or_create_key
from tidegate.ledger.experiments import Terms, start_experiment
from tidegate.ledger.outcomes import Outcome, record_outcomes
from tidegate.ledger.predictions import Prediction, insert_predictions
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.ledger.times import time_text
from tidegate.registry.appoint import required_digest
from tidegate.storage.files import Folder

LIMIT_SECONDS, PATIENCE_MS = 2.0, 120_000
DAYS, HORIZON_DAYS, TOGETHER = 30, 3, 20_000
SERVERS = ("ui", "operate", "scoring")
TICKS = os.sysconf("SC_CLK_TCK")
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1", "TIDEGATE_SIMULATED_ROWS": "2500"}
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]


@dataclass(frozen=True)
class Opened:
    """One visit to a page: seconds until its title is there and until it is drawn to its end; processor seconds by server."""

    painted: float
    drawn: float
    processor: dict[str, float]

    @property
    def servers(self) -> float:
        """Processor seconds of the three together."""
        return sum(self.processor.values())


def tidegate(*words: object) -> None:
    done = subprocess.run([sys.executable, "-m", "tidegate", *map(str, words)], capture_output=True, text=True, env={**os.environ, **QUIET})
    if done.returncode not in (0, 3):
        raise SystemExit(f"tidegate {words[0]} ended with {done.returncode}: {done.stderr[-500:]}")


def make_home(place: Path, rows: int, experiment_days: int) -> None:
    """Two versions, a monitored batch, and the ledger."""
    for seed in (1, 2):
        tidegate("train", "--home", place, "--budget", "quick", "--algorithms", "logistic_regression", "--model-seed", seed)
    batch = place.parent / "batch.csv"
    tidegate("simulate", batch, "--rows", 2_000, "--seed", 9)
    tidegate("monitor", batch, "--home", place)
    home = Home(place)
    ledger = open_ledger(sqlite_url(home.ledger))
    fill(home, ledger, rows, experiment_days)
    close_ledger(ledger)


def fill(home: Home, ledger: Ledger, rows: int, experiment_days: int) -> None:
    """Predictions evenly over the last days, two of each customer; what became of every other customer, told a day after it was seen."""
    now, draw = datetime.now(UTC), random.Random(1)
    began, half = now - timedelta(days=experiment_days), max(1, rows // 2)
    digests = {version: required_digest(home, ledger, version) for version in ("1", "2")}
    if experiment_days:
        start_experiment(ledger, Terms("ab", ("2", digests["2"]), ("1", digests["1"]), 0.5, HORIZON_DAYS), "salt", "benchmark", began)
    key = load_or_create_key(home.secrets / "customer.key")
    people = [customer_hash(key, f"K{number}") for number in range(half)]
    texts = [json.dumps(one, separators=(",", ":")) for one in synthetic_rows(open_champion(Folder(home.storage)).contract.spec, count=200)]
    outcomes: list[Outcome] = []

    def prediction(number: int) -> Prediction:
        made, who = now - timedelta(days=DAYS) * (1 - number / rows), number % half
        tried = experiment_days > 0 and made >= began
        treated = tried and who % 2 == 1
        version, probability = "2" if treated else "1", draw.random() ** 3
        if who % 4 < 2 and number < half + half // 2:
            seen = made + timedelta(days=HORIZON_DAYS - 1)
            outcomes.append(
                Outcome(people[who], time_text(seen), int(draw.random() < probability), "benchmark", time_text(seen + timedelta(days=1)))
            )
        rest = (
            probability,
            0.5,
            int(probability >= 0.5),
            texts[number % len(texts)],
            "predict-batch",
            time_text(made),
            1 if tried else None,
        )
        identity = f"018f-{number:012d}-{os.urandom(6).hex()}"
        return Prediction(identity, None, None, people[who], version, digests[version], "treatment" if treated else "champion", *rest)

    for first in range(0, rows, TOGETHER):
        with writing(ledger.engine) as connection:
            insert_predictions(connection, [prediction(number) for number in range(first, min(rows, first + TOGETHER))])
        print(f"\r{min(rows, first + TOGETHER):,} predictions", end="", file=sys.stderr)
    print(file=sys.stderr)
    past = [one for one in outcomes if one.recorded_at <= time_text(now)]
    for first in range(0, len(past), TOGETHER):
        record_outcomes(ledger, past[first : first + TOGETHER], "benchmark", {}, now)


@contextmanager
def server(verb: str, environment: dict[str, str], *words: object) -> Iterator[tuple[int, str]]:
    """A verb as a process of its own on a free port: its id and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tidegate", verb, "--port", str(port), *map(str, words), "--json"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, text=True, start_new_session=True, env={**os.environ, **QUIET, **environment}, **streams)
    try:
        assert process.stdout is not None
        yield process.pid, json.loads(process.stdout.readline())["url"]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def processor_seconds(pid: int) -> float:
    """Of a process and everything it started, threads and children that have ended included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in task.joinpath("children").read_text().split()]
    return sum(map(int, fields[11:15])) / TICKS + sum(processor_seconds(child) for child in children)


def pages(browser: Browser, url: str) -> list[str]:
    """Paths of the pages, from the navigation."""
    page = browser.new_page()
    page.goto(f"{url}/?lang=en")
    links = page.get_by_test_id("stSidebarNavLink")
    links.first.wait_for(timeout=PATIENCE_MS)
    more = page.get_by_test_id("stSidebarNavViewButton")
    if more.count():
        more.click()
    found = [urlparse(str(link.get_attribute("href"))).path.strip("/") for link in links.all()]
    page.close()
    return found


def opened(browser: Browser, url: str, path: str, pids: dict[str, int]) -> Opened:
    """One page in a new visit."""
    with browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB") as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        before, began = {name: processor_seconds(pid) for name, pid in pids.items()}, time.perf_counter()
        page.goto(f"{url}/{path}?lang=en")
        page.wait_for_selector("h1")
        painted = time.perf_counter() - began
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE_MS)
        drawn = time.perf_counter() - began
        if page.get_by_test_id("stException").count():
            raise SystemExit(f"the page {path} shows a fault")
        return Opened(painted, drawn, {name: processor_seconds(pid) - before[name] for name, pid in pids.items()})


def measure(home: Path, rounds: int, only: list[str]) -> dict[str, list[Opened]]:
    path = shutil.which("chromium")
    if path is None:
        raise SystemExit("Chromium is not installed: apt-get install chromium.")
    with ExitStack() as stack:
        scoring = stack.enter_context(server("serve", {}, "--home", home))
        operate = stack.enter_context(server("operate", {}, "--home", home))
        ui = stack.enter_context(server("ui", {"TIDEGATE_UI_API_URL": scoring[1], "TIDEGATE_UI_OPERATE_URL": operate[1]}))
        pids = {"ui": ui[0], "operate": operate[0], "scoring": scoring[0]}
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=path, args=SWITCHES)
        names = [name for name in pages(browser, ui[1]) if not only or name in only]
        found: dict[str, list[Opened]] = {name: [] for name in names}
        for turn in range(rounds):
            for name in names if turn % 2 == 0 else reversed(names):
                found[name].append(opened(browser, ui[1], name, pids))
                print(f"round {turn + 1}: {name or 'overview'}", file=sys.stderr)
        return found


def spread(values: list[float]) -> str:
    """Median (least to most)."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def table(found: dict[str, list[Opened]]) -> str:
    """Markdown; the verdict is that of the dearest visit."""
    lines = [
        "| page | title after, s | drawn after, s | CPU s pages | CPU s operate API | CPU s scoring API | CPU s servers | limit | |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, visits in found.items():
        by_server = [spread([one.processor[server] for one in visits]) for server in SERVERS]
        times = [spread([one.painted for one in visits]), spread([one.drawn for one in visits])]
        verdict = "met" if worst(visits) <= LIMIT_SECONDS else "missed"
        cells = [name or "overview", *times, *by_server, spread([one.servers for one in visits]), f"≤ {LIMIT_SECONDS:g}", verdict]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def worst(visits: list[Opened]) -> float:
    return max(one.servers for one in visits)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--experiment-days", type=int, default=10, help="0: no experiment")
    asked.add_argument("--home", type=Path, help="made there where it is absent")
    asked.add_argument("--only", nargs="*", default=[], help="paths of pages")
    given: Any = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder) / "home"
        if not home.exists():
            make_home(home, given.rows, given.experiment_days)
        found = measure(home, given.rounds, given.only)
    print(f"{given.rows:,} predictions of {DAYS} days, {given.rounds} rounds; median (least to most)\n\n{table(found)}")
    if any(worst(visits) > LIMIT_SECONDS for visits in found.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
