"""Long verbs that were asked for over HTTP: each runs in a process of its own, one of its kind at a time."""

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

from tidegate.errors import Busy, InputRefused, NotFound
from tidegate.parent import as_parent

MOST_REMEMBERED = 100
STOP_SECONDS = 20.0
_STEP = re.compile(r"\[ *(\d+)%\] (.*)")
_REFUSED = "tidegate: "
_ANSWERED = (0, 3)  # 3: done, and the answer is an alarm
State = Literal["running", "done", "failed", "stopped"]


@dataclass(frozen=True)
class LongVerb:
    """A verb that takes long: its word on the command line, what a run of it is called, and the routes of one run and of all."""

    word: str
    noun: str
    one: str
    all: str


TRAINING = LongVerb("train", "training", "/train/JOB", "/train")
MONITORING = LongVerb("monitor", "monitoring run", "/monitoring/jobs/JOB", "/monitoring")
RENEWAL = LongVerb("renew", "renewal", "/renewals/jobs/JOB", "/renewals")


@dataclass(frozen=True)
class Job:
    """One run. `share` (0 to 1) and `doing`: its progress; `result`: what the verb said with `--json`; `error`: why it failed."""

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
    """The runs of one verb in this process. What they did is in the ledger and the registry; what is kept here is their progress."""

    def __init__(self, verb: LongVerb = TRAINING) -> None:
        self._verb = verb
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._child: subprocess.Popen[str] | None = None
        self._running: str | None = None
        self._follower: threading.Thread | None = None

    def start(self, words: Sequence[str], shown: Sequence[str], who: str, folder: Path) -> Job:
        """Start `tidegate VERB WORDS`; `folder` holds its upload and is removed when it has ended.

        `who` stands in the audit trail. `shown` are the words without paths of this machine. Raises Busy where one runs, InputRefused
        for what no command line can hold.
        """
        if not all(_fits_a_command_line(word) for word in words):
            raise InputRefused("An option holds a character that no command line takes.", "Send plain text.")
        with self._lock:
            if self._running is not None:
                said = f"{self._verb.noun.capitalize()} {self._running} is running."
                raise Busy(said, f"Wait until it has ended, or stop it: DELETE {self._verb.one}.")
            job = Job(os.urandom(6).hex(), "running", who, tuple(shown), _now())
            command = [sys.executable, "-m", "tidegate", self._verb.word, *words, "--json"]
            # getpass asks LOGNAME first: the trail of the child's events names who asked, not the account of this server
            child = subprocess.Popen(  # noqa: S603 - our own verb, each option one word with its name in front
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "LOGNAME": who, **as_parent()},
                start_new_session=True,
            )
            self._jobs[job.job], self._child, self._running = job, child, job.job
            for oldest in list(self._jobs)[:-MOST_REMEMBERED]:
                del self._jobs[oldest]
            self._follower = threading.Thread(target=self._follow, args=(job.job, child, folder), name=self._verb.noun, daemon=True)
            self._follower.start()
            return job

    def newest_first(self) -> list[Job]:
        """The runs that are remembered."""
        with self._lock:
            return list(self._jobs.values())[::-1]

    def find(self, job: str) -> Job:
        """Raises NotFound."""
        with self._lock:
            if job not in self._jobs:
                remedy = f"GET {self._verb.all} lists those of this server's life; GET /history has all."
                raise NotFound(f"There is no such {self._verb.noun}.", remedy)
            return self._jobs[job]

    def stop(self, job: str) -> Job:
        """Ask a run to stop; what a search found is kept. One that has ended stays as it is. Raises NotFound."""
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
        if code in _ANSWERED and printed:
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


def _fits_a_command_line(word: str) -> bool:
    """Neither NUL nor half a surrogate pair, which JSON can hold and the kernel does not take."""
    try:
        return b"\0" not in word.encode()
    except UnicodeError:
        return False


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
