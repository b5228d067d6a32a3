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
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from holdouts.kept import Kept
from holdouts.perform import perform_all
from holdouts.plan import TASKS, planned
from holdouts.printed.report import report
from holdouts.run import SPLIT_SEED


def seeds_of(text: str) -> list[int]:
    """`0-3,42` → 0, 1, 2, 3, 42."""
    found: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


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
