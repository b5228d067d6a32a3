"""Our side: `tidegate train` as a whole command in a process of its own."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from holdouts.run import Record, Run
from holdouts.truth import best_possible

SOURCE = Path(__file__).parents[2] / "src" / "tidegate"


def ours(run: Run) -> Record:
    """`tidegate train` as a user runs it: its holdout metrics, its candidates, CPU and peak memory (of its largest process)."""
    command = [sys.executable, "-m", "tidegate", "train", run.data, "--budget", run.budget, "--seed", str(run.seed), "--json"]
    command += ["--spec", run.spec] if run.spec else ["--label", str(run.label)]
    command += [] if run.model_seed is None else ["--model-seed", str(run.model_seed)]
    code = training_code()
    with tempfile.TemporaryDirectory(prefix="tg-quality-") as folder:
        answer, usage = answered([*command, "--home", f"{folder}/home"], Path(folder))
    found = {name: answer[name] for name in ("metrics", "algorithm", "training_rows", "holdout_rows", "split")} | {
        "command_cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "fitting_cpu_seconds": answer.get("fitting_cpu_seconds"),
        "peak_mib": round(usage.ru_maxrss / 1024, 1),
        "candidates": [
            {
                **{name: one.get(name) for name in ("name", "kind", "fit_cpu_seconds")},
                "pr_auc": (one.get("out_of_fold") or {}).get("pr_auc"),
            }
            for one in answer["candidates"]
        ],
        "code": code,
    }
    return found | (best_possible(run, answer["holdout_rows"]) if run.truth else {})


def answered(command: list[str], folder: Path) -> tuple[Any, Any]:
    """The JSON that a command prints, and what it used with all its ended children. It does not outlive this process's interruption."""
    out, errors = folder / "out.json", folder / "errors.txt"
    with out.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, start_new_session=True)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[2:])} ended with {process.returncode}: {errors.read_text()[-400:].strip()}")
    return json.loads(out.read_text()), usage


def training_code() -> str:
    """A digest of what trains, so that results of different code are not averaged unnoticed."""
    places = [SOURCE / "features.py", *sorted((SOURCE / "training").rglob("*.py")), *sorted((SOURCE / "customers").glob("*.py"))]
    return hashlib.sha256(b"".join(place.read_bytes() for place in places)).hexdigest()[:12]
