"""CPU per request of `/predict` beside an empty endpoint and the usual pipeline service, at 1 and 32 connections, in one run.

    python benchmarks/serving.py [--data TABLE.csv] [--rounds 7]

The sides alternate in every round; ratios are taken round by round. Also prints resident memory and the time until ready.
"""

from __future__ import annotations

import argparse
import csv
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from load import cpu_seconds, drive, resident_mebibytes
from servers import fit_pipeline

KINDS = ("empty", "ours", "recorded", "pipeline")
REQUESTS = {"empty": 3200, "ours": 3200, "recorded": 3200, "pipeline": 320}


def prepare(data: Path | None, budget: str, folder: Path) -> tuple[Path, Path]:
    """A home trained on the table (a simulated bank where there is none), and the pipeline fitted on the same."""
    from tidegate.customers.simulation.write import write_simulated

    if data is None:
        data = folder / "bank.csv"
        write_simulated(data, 10_000, 42)
    home = folder / "home"
    command = [sys.executable, "-m", "tidegate", "train", str(data), "--spec", "bank", "--budget", budget, "--home", str(home), "--json"]
    trained = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    print(f"champion: {trained['algorithm']}")
    fit_pipeline(data, home / "pipeline.joblib")
    return home, data


def bodies(data: Path) -> list[bytes]:
    from tidegate.customers.spec import load_spec

    names = {column.name for column in load_spec("bank").feature_columns}
    kinds = {column.name: column.kind for column in load_spec("bank").feature_columns}
    found = []
    with data.open(newline="") as file:
        for row, _ in zip(csv.DictReader(file), range(500), strict=False):
            customer = {key.lower(): value for key, value in row.items() if key and key.lower() in names}
            typed = {k: v if kinds[k] == "category" else int(v) if kinds[k] == "integer" else float(v) for k, v in customer.items()}
            found.append(json.dumps(typed).encode())
    return found


def start(kind: str, home: Path) -> tuple[subprocess.Popen[bytes], int, float]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, str(Path(__file__).parent / "servers.py"), kind, str(port), str(home)])
    while time.perf_counter() - began < 60:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=1):
                return process, port, time.perf_counter() - began
        except OSError:
            time.sleep(0.02)
    raise SystemExit(f"{kind} did not start")


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):8.2f}  ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--budget", default="quick", help="of the champion's training")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, data = prepare(chosen.data, chosen.budget, Path(folder))
        customers = bodies(data)
        running = {kind: start(kind, home) for kind in KINDS}
        try:
            for kind, (process, _, seconds) in running.items():
                print(f"{kind:<9} ready after {seconds:5.2f} s, resident {resident_mebibytes(process.pid):6.1f} MiB")
            for connections in (1, 32):
                report(connections, chosen.rounds, running, customers)
            print(f"ours after the load: resident {resident_mebibytes(running['ours'][0].pid):.1f} MiB")
            print(f"recorded after the load: resident {resident_mebibytes(running['recorded'][0].pid):.1f} MiB")
        finally:
            for process, _, _ in running.values():
                process.terminate()


def report(connections: int, rounds: int, running: dict[str, tuple[subprocess.Popen[bytes], int, float]], customers: list[bytes]) -> None:
    cpu: dict[str, list[float]] = {kind: [] for kind in KINDS}
    p99: dict[str, list[float]] = {kind: [] for kind in KINDS}
    rate: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for kind, (_, port, _) in running.items():
        drive(port, "/predict", customers, 320, connections)
        assert kind in cpu
    for _ in range(rounds):
        for kind, (process, port, _) in running.items():
            before, began = cpu_seconds(process.pid), time.perf_counter()
            latencies = drive(port, "/predict", customers, REQUESTS[kind], connections)
            rate[kind].append(len(latencies) / (time.perf_counter() - began))
            cpu[kind].append((cpu_seconds(process.pid) - before) / len(latencies) * 1e6)
            p99[kind].append(sorted(latencies)[int(0.99 * len(latencies))] * 1e3)
    print(f"\n{connections} connection{'s' if connections > 1 else ''}: median (least to most) of {rounds} rounds")
    for kind in KINDS:
        print(f"  {kind:<9} CPU µs a request {spread(cpu[kind])}   requests a second {spread(rate[kind])}   P99 ms {spread(p99[kind])}")
    for name, top, bottom in (
        ("ours / empty", "ours", "empty"),
        ("pipeline / ours", "pipeline", "ours"),
        ("recorded / empty", "recorded", "empty"),
    ):
        print(f"  {name:<17} {spread([a / b for a, b in zip(cpu[top], cpu[bottom], strict=True)])}")


if __name__ == "__main__":
    main()
