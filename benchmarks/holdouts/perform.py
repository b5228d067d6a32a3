"""Every run in a fresh process, which imports this module anew.

It must stay free of numpy until a run begins: the reference side sets how many threads numpy may use.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict

from holdouts.kept import Kept
from holdouts.ours import ours
from holdouts.reference import reference
from holdouts.run import Record, Run


def perform(run: Run) -> Record:
    """Train one side once."""
    began = time.time()
    found = ours(run) if run.side == "ours" else reference(run)
    return {
        **asdict(run),
        **found,
        "wall_seconds": round(time.time() - began, 1),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
    }


def stop_on_termination() -> None:
    """SIGTERM ends this process like Ctrl-C, and first the workers (each of which ends its command), so that nothing is left running."""

    def stop(*_: object) -> None:
        for worker in multiprocessing.active_children():
            worker.terminate()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def perform_all(runs: list[Run], kept: dict[str, Kept], jobs: int) -> list[str]:
    """Do what is not kept yet, each run in a fresh process; what failed, in words."""
    waiting = list({run.key: run for run in runs if run.key not in kept[run.side].records}.values())
    failed = []
    spawn = multiprocessing.get_context("spawn")
    stop_on_termination()
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=stop_on_termination, max_tasks_per_child=1) as pool:
        futures = {pool.submit(perform, run): run for run in waiting}
        for done, future in enumerate(as_completed(futures), 1):
            run = futures[future]
            name = f"{run.side}, {run.table}, seed {run.seed}" + (f", model seed {run.model_seed}" if run.model_seed is not None else "")
            try:
                record = {**future.result(), "jobs": jobs}
            except Exception as error:  # noqa: BLE001 - one run that fails must not lose the others
                failed.append(f"{name}: {error}")
                print(f"[{done}/{len(waiting)}] FAILED {failed[-1]}", file=sys.stderr, flush=True)
                continue
            kept[run.side].add(run, record)
            print(f"[{done}/{len(waiting)}] {name}: {record['wall_seconds']:.0f} s", file=sys.stderr, flush=True)
    return failed
