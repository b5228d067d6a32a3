"""CPU per request of `/predict` beside an empty endpoint, the usual pipeline service and `mlflow models serve`, at 1 and 32 connections.

    python benchmarks/serving.py [--data TABLE.csv] [--rounds 7]

With the SQLite ledger, with PostgreSQL's (where it is installed) and without one. The sides alternate in every round;
ratios are taken round by round. Also prints resident memory and the time until ready.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from databases import Postgres, postgres_binaries
from load import cpu_seconds_of_all, drive, resident_mebibytes
from servers import fit_pipeline, save_for_mlflow

KINDS = ("empty", "ours", "recorded", "postgres", "pipeline", "mlflow")
REQUESTS = {"empty": 3200, "ours": 3200, "recorded": 3200, "postgres": 3200, "pipeline": 320, "mlflow": 160}
PATHS = {"mlflow": "/invocations"}
Running = dict[str, tuple["subprocess.Popen[bytes]", int, float]]


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
    save_for_mlflow(fit_pipeline(data, home / "pipeline.joblib"), home / "pipeline-mlflow")
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


def start(kind: str, home: Path, database: Postgres | None = None) -> tuple[subprocess.Popen[bytes], int, float]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # where MLflow looks for uvicorn
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true",
        "TIDEGATE_LEDGER_URL": database.place() if database else "",
    }
    command = [sys.executable, str(Path(__file__).parent / "servers.py"), kind, str(port), str(home)]
    if kind == "mlflow":
        model = ["-m", str(home / "pipeline-mlflow"), "-p", str(port), "-h", "127.0.0.1", "--env-manager", "local"]
        command = [sys.executable, "-m", "mlflow", "models", "serve", *model]
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while time.perf_counter() - began < 60:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{'ping' if kind == 'mlflow' else 'openapi.json'}", timeout=1):
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
    binaries = postgres_binaries()
    database = None if binaries is None else Postgres.create(binaries)
    running: Running = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            home, data = prepare(chosen.data, chosen.budget, Path(folder))
            if database is not None:
                database.start(fsync=True)
            for kind in KINDS:
                if kind != "postgres" or database is not None:
                    running[kind] = start(kind, home, database)
            for kind, (process, _, seconds) in running.items():
                print(f"{kind:<9} ready after {seconds:5.2f} s, resident {resident_mebibytes(process.pid):6.1f} MiB")
            for connections in (1, 32):
                report(connections, chosen.rounds, running, bodies(data))
            for kind in ("ours", "recorded"):
                print(f"{kind} after the load: resident {resident_mebibytes(running[kind][0].pid):.1f} MiB")
    finally:
        for process, _, _ in running.values():
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)
        if database is not None:
            database.remove()


def report(connections: int, rounds: int, running: Running, customers: list[bytes]) -> None:
    cpu: dict[str, list[float]] = {kind: [] for kind in running}
    p99: dict[str, list[float]] = {kind: [] for kind in running}
    rate: dict[str, list[float]] = {kind: [] for kind in running}
    asked = {kind: [invocation(one) for one in customers] if kind == "mlflow" else customers for kind in running}
    for kind, (_, port, _) in running.items():
        drive(port, PATHS.get(kind, "/predict"), asked[kind], 320 if kind != "mlflow" else 32, connections)
    for _ in range(rounds):
        for kind, (process, port, _) in running.items():
            before, began = cpu_seconds_of_all(process.pid), time.perf_counter()
            latencies = drive(port, PATHS.get(kind, "/predict"), asked[kind], REQUESTS[kind], connections)
            rate[kind].append(len(latencies) / (time.perf_counter() - began))
            cpu[kind].append((cpu_seconds_of_all(process.pid) - before) / len(latencies) * 1e6)
            p99[kind].append(sorted(latencies)[int(0.99 * len(latencies))] * 1e3)
    print(f"\n{connections} connection{'s' if connections > 1 else ''}: median (least to most) of {rounds} rounds")
    for kind in running:
        print(f"  {kind:<9} CPU µs a request {spread(cpu[kind])}   requests a second {spread(rate[kind])}   P99 ms {spread(p99[kind])}")
    for top, bottom in (("ours", "empty"), ("pipeline", "ours"), ("mlflow", "ours"), ("recorded", "empty"), ("postgres", "empty")):
        if top in running:
            print(f"  {top + ' / ' + bottom:<17} {spread([a / b for a, b in zip(cpu[top], cpu[bottom], strict=True)])}")
    for kind in ("recorded", "postgres"):
        if kind in running:
            print(f"  {kind}: {spread([a / b for a, b in zip(rate[kind], rate['empty'], strict=True)])} of the empty endpoint's throughput")


def invocation(customer: bytes) -> bytes:
    """A customer as `mlflow models serve` takes one."""
    return json.dumps({"dataframe_records": [json.loads(customer)]}).encode()


if __name__ == "__main__":
    main()
