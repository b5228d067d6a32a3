"""Monitoring on streams whose truth is known: false alarms, what is detected, what it costs.

    python benchmarks/monitoring.py --only false-alarms detection cost [--batches 1000] [--seed 1]
    python benchmarks/monitoring.py --only real --data FOLDER       FOLDER holds the real table and its two batches

Each part prints its tables as markdown; the exit code is 1 where a figure misses its goal. Without --only: every part that needs no data.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from monitored import cost, detection, false_alarms, real

PARTS: dict[str, Callable[[int, int], bool]] = {
    "false-alarms": false_alarms.report,
    "detection": detection.report,
    "cost": cost.report,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[*PARTS, "real"], default=list(PARTS))
    parser.add_argument("--batches", type=int, default=1_000, help="batches of each size; detection takes a tenth for each cell")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="folder of the real tables, for --only real")
    given = parser.parse_args()
    missed = []
    for part in given.only:
        started = time.process_time()
        print(f"\n## {part}\n", flush=True)
        if part == "real":
            if given.data is None:
                parser.error("--only real needs --data FOLDER")
            holds = real.report(given.data, given.seed)
        else:
            batches = max(given.batches // 10, 4) if part == "detection" else given.batches
            holds = PARTS[part](batches, given.seed)
        print(f"\n{'Goal reached' if holds else 'GOAL MISSED'}; {time.process_time() - started:.0f} s of CPU.", flush=True)
        missed += [] if holds else [part]
    sys.exit(f"Missed: {', '.join(missed)}." if missed else 0)


if __name__ == "__main__":
    main()
