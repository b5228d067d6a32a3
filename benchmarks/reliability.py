"""Does the service lose nothing, never stop and account for every answer? Each trial prints what it did and a row; then the table.

    python benchmarks/reliability.py [--smoke] [--only kills swaps] [--json reliability.json] [--data bank_churners.csv]

Every trial starts its own servers on free ports of loopback, in a temporary folder, and stops them. Exit 3 where a figure is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
sys.path.insert(0, str(Path(__file__).parent))
from trials.files import files
from trials.generated import generated
from trials.ground import QUIET, Ground
from trials.kills import kills
from trials.outages import outages
from trials.secret import secret
from trials.sizes import FULL, SMOKE
from trials.swaps import swaps
from trials.syncs import syncs
from trials.verdict import MISSED, Row, judged, table

TRIALS: Mapping[str, Callable[[Ground], Iterator[Row]]] = {
    "kills": kills,
    "syncs": syncs,
    "swaps": swaps,
    "outages": outages,
    "schemathesis": generated,
    "files": files,
    "secret": secret,
}


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="few of everything: five minutes on two cores")
    parser.add_argument("--only", nargs="+", choices=TRIALS, default=list(TRIALS))
    parser.add_argument("--data", type=Path, help="bank_churners.csv to train on; otherwise a simulated bank")
    parser.add_argument("--trained", type=Path, help="a home with two versions or more of the bank, copied instead of training one")
    parser.add_argument("--json", type=Path, help="file to write")
    return parser


def tried(name: str, ground: Ground) -> list[Row]:
    """The rows of one trial. A trial that breaks is one that missed; the others still run."""
    rows = []
    began = time.monotonic()
    try:
        for row in TRIALS[name](ground):
            print(f"[{name}] {row.test}: {row.measured}: {row.verdict}", flush=True)
            rows.append(row)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it is no figure
        rows.append(judged(name, "a trial that ends", f"{type(error).__name__}", [str(error)]))
        print(f"[{name}] {rows[-1].measured}: {rows[-1].verdict}", flush=True)
    print(f"[{name}] {time.monotonic() - began:.0f} s", flush=True)
    return rows


def main() -> None:
    chosen = options().parse_args()
    os.environ.update(QUIET)
    sizes = SMOKE if chosen.smoke else FULL
    print(f"{sizes.name}: {platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="tg-reliability-") as folder:
        ground = Ground(Path(folder), sizes, chosen.data, chosen.trained)
        rows = [row for name in chosen.only for row in tried(name, ground)]
    print(f"\n{table(rows)}")
    if chosen.json:
        chosen.json.write_text(json.dumps({"size": sizes.name, "rows": [asdict(row) for row in rows]}, indent=1) + "\n")
    sys.exit(3 if any(row.verdict == MISSED for row in rows) else 0)


if __name__ == "__main__":
    main()
