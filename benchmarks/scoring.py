"""CPU per row and memory of `tidegate score` CSV → CSV beside the usual pipeline script, in one run.

    python benchmarks/scoring.py [--data TABLE.csv] [--rows 200000] [--rounds 3] [--large 1000000 10000000]

The pipeline is that of `servers.py`, run as its users do: pandas reads, predicts and writes in chunks of 50,000 rows. `--large` prints
our peak memory at these sizes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from serving import prepare

PIPELINE = """
import sys, joblib, pandas as pd
model = joblib.load(sys.argv[1])
for number, chunk in enumerate(pd.read_csv(sys.argv[2], chunksize=50_000)):
    chunk["churn_probability"] = model.predict_proba(chunk.rename(columns=str.lower))[:, 1]
    chunk.to_csv(sys.argv[3], index=False, mode="a" if number else "w", header=not number)
"""


def measured(command: list[str]) -> tuple[float, float]:
    """Processor seconds of a command, and the peak resident MiB of its first process.

    The peak is read from the process itself while it runs: what `wait4` reports starts at its parent's size.
    """
    peak = 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while True:
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                process.returncode = os.waitstatus_to_exitcode(status)
                break
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            peak = max([peak, *(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))])
            time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"{command[:4]} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, peak


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--data", type=Path)
    options.add_argument("--rows", type=int, default=200_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--large", type=int, nargs="*", default=[])
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home, _ = prepare(chosen.data, folder)
        table, small, out = folder / "table.csv", folder / "small.csv", folder / "out.csv"
        simulate(table, chosen.rows)
        simulate(small, 1_000)
        script = folder / "pipeline.py"
        script.write_text(PIPELINE)

        def ours(data: Path) -> list[str]:
            return [sys.executable, "-m", "tidegate", "score", str(data), str(out), "--home", str(home)]

        def theirs(data: Path) -> list[str]:
            return [sys.executable, str(script), str(home / "pipeline.joblib"), str(data), str(out)]

        ratios = []
        for _ in range(chosen.rounds):
            # The start of a process is paid once a file: it is measured on a small one and taken off.
            spent = {}
            for side, command in (("ours", ours), ("pipeline", theirs)):
                start, (whole, peak) = measured(command(small))[0], measured(command(table))
                spent[side] = (whole - start) / (chosen.rows - 1_000) * 1e6
                print(f"{side:<9} start {start:5.2f} s, {spent[side]:7.2f} CPU µs a row, peak {peak:6.0f} MiB")
            ratios.append(spent["ours"] / spent["pipeline"])
        print(f"ours / pipeline: {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}) over {chosen.rows:,} rows")
        for rows in chosen.large:
            simulate(table, rows)
            seconds, peak = measured(ours(table))
            print(f"{rows:>12,} rows: {seconds:8.1f} CPU s, peak {peak:6.0f} MiB")


def simulate(path: Path, rows: int) -> None:
    subprocess.run(
        [sys.executable, "-m", "tidegate", "simulate", str(path), "--rows", str(rows), "--seed", "5"], check=True, capture_output=True
    )


if __name__ == "__main__":
    main()
