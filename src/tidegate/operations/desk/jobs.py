"""Trainings that were asked for over HTTP: each is the verb `train` in a process of its own, one at a time."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

from tidegate.errors import Busy, NotFound

MOST_REMEMBERED = 100
STOP_SECONDS = 20.0
_STEP = re.compile(r"\[ *(\d+)%\] (.*)")
_REFUSED = "tidegate: "
State = Literal["running", "done", "failed", "stopped"]


@dataclass(frozen=True)
class Job:
    """One training. `share` (0 to 1) and `doing`: its progress; `result`: what `train --json` said; `error`: why it failed."""

    job: str
    state: State
    who: str
    words: tuple[str, ...]
    started_at: str
    ended_at: str | None = None
    share: float = 0.0
    doing: str = ""
    result: dict[str, Any] | None = None
    error: str | None = None

    def document(self) -> dict[str, Any]:
        """For an answer; `words` are the options as a person would have typed them."""
        return {**asdict(self), "words": list(self.words)}


class Jobs:
    """The trainings of this process. What they did is in the ledger and the registry; what is kept here is their progress."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._child: subprocess.Popen[str] | None = None
        self._running: str | None = None
        self._follower: threading.Thread | None = None

    def start(self, words: Sequence[str], shown: Sequence[str], who: str, folder: Path) -> Job:
        """Start `tidegate train WORDS`; `folder` holds its upload and is removed when it has ended. Raises Busy where one runs.

        `who` stands in the audit trail. `shown` are the words without paths of this machine.
        """
        with self._lock:
            if self._running is not None:
                raise Busy(f"Training {self._running} is running.", "Wait until it has ended, or stop it: DELETE /train/JOB.")
            job = Job(os.urandom(6).hex(), "running", who, tuple(shown), _now())
            command = [sys.executable, "-m", "tidegate", "train", *words, "--json"]
            # getpass asks LOGNAME first: the trail of the child's events names who asked, not the account of this server
            child = subprocess.Popen(  # noqa: S603 - our own verb, each option one word with its name in front
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "LOGNAME": who},
                start_new_session=True,
            )
            self._jobs[job.job], self._child, self._running = job, child, job.job
            for oldest in list(self._jobs)[:-MOST_REMEMBERED]:
                del self._jobs[oldest]
            self._follower = threading.Thread(target=self._follow, args=(job.job, child, folder), name="training", daemon=True)
            self._follower.start()
            return job

    def newest_first(self) -> list[Job]:
        """The trainings that are remembered."""
        with self._lock:
            return list(self._jobs.values())[::-1]

    def find(self, job: str) -> Job:
        """Raises NotFound."""
        with self._lock:
            if job not in self._jobs:
                raise NotFound("There is no such training.", "GET /train lists those of this server's life; GET /history has all.")
            return self._jobs[job]

    def stop(self, job: str) -> Job:
        """Ask a running training to stop; what its search found is kept. One that has ended stays as it is. Raises NotFound."""
        found = self.find(job)
        with self._lock:
            child = self._child if self._running == job else None
        if child is not None:
            self._change(job, state="stopped")
            child.terminate()
        return self.find(job) if child is not None else found

    def close(self) -> None:
        """Stop what runs, and wait for it."""
        with self._lock:
            child, follower = self._child, self._follower
        if child is not None and child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
        if follower is not None:
            follower.join(STOP_SECONDS)

    def _follow(self, job: str, child: subprocess.Popen[str], folder: Path) -> None:
        assert child.stdout is not None
        assert child.stderr is not None
        said: list[str] = []
        reader = threading.Thread(target=self._read_steps, args=(job, child.stderr, said), daemon=True)
        reader.start()
        printed = child.stdout.read()
        code = child.wait()
        reader.join()
        shutil.rmtree(folder, ignore_errors=True)
        stopped = self.find(job).state == "stopped"
        if code == 0:
            self._change(job, state="done", share=1.0, result=json.loads(printed), ended_at=_now())
        else:
            error = next(
                (line[len(_REFUSED) :] for line in reversed(said) if line.startswith(_REFUSED)), f"It ended with exit code {code}."
            )
            self._change(job, state="stopped" if stopped else "failed", error=error, ended_at=_now())
        with self._lock:
            self._running = self._child = None

    def _read_steps(self, job: str, stream: IO[str], said: list[str]) -> None:
        for line in stream:
            step = _STEP.fullmatch(line.strip())
            if step:
                self._change(job, share=int(step[1]) / 100, doing=step[2])
            else:
                said.append(line.strip())
                del said[:-50]

    def _change(self, job: str, **changed: Any) -> None:
        with self._lock:
            if job in self._jobs:
                self._jobs[job] = replace(self._jobs[job], **changed)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
