"""Long verbs at work: trainings and renewals, how far they are, start a renewal, stop one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from tidegate.ui.client.http import Api

Kind = Literal["training", "renewal"]
_PLACES: dict[Kind, str] = {"training": "/train", "renewal": "/renewals/jobs"}


@dataclass(frozen=True)
class Job:
    """One run. `state`: running, done, failed or stopped; `share` (0 to 1) and `doing`: its progress; `result`: what the verb said."""

    job: str
    kind: Kind
    state: str
    who: str
    words: tuple[str, ...]
    started_at: str
    ended_at: str | None
    share: float
    doing: str
    result: Mapping[str, Any] | None
    error: str | None

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.state == "running"


def trainings(api: Api) -> tuple[Job, ...]:
    """Trainings that this server was asked for, newest first."""
    return tuple(job_of(one, "training") for one in api.get("/train")["trainings"])


def start_renewal(api: Api, reason: str, dry_run: bool) -> Job:
    """Start one; without a reason it renews where monitoring asks for it. Refused (409) where one runs."""
    return job_of(api.post("/renewals", {"reason": reason, "dry_run": dry_run}), "renewal")


def stop(api: Api, job: Job) -> Job:
    """Ask a run to stop; one that has ended stays as it is."""
    return job_of(api.delete(f"{_PLACES[job.kind]}/{quote(job.job, safe='')}"), job.kind)


def job_of(said: Mapping[str, Any], kind: Kind) -> Job:
    """A run of an answer."""
    names = ("job", "state", "who", "started_at", "ended_at", "share", "doing", "result", "error")
    return Job(kind=kind, words=tuple(said["words"]), **{name: said[name] for name in names})
