"""What monitoring found: batches, one of them in full, all of them over time, a run now, and how much is scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import IO, Any
from urllib.parse import quote

from tidegate.ui.client.http import Api


@dataclass(frozen=True)
class Batch:
    """One monitored batch; what is not known is None. `folder` is its name; `report`, `performance_report`: whether a page was drawn."""

    folder: str
    batch: str
    at: str | None
    health: str | None
    rows: float | None
    quarantined: float | None
    drifted_features: tuple[str, ...] | None
    estimated_roc_auc: float | None
    realised_roc_auc: float | None
    damaged: bool = False
    data_stability: str | None = None
    column_drift: str | None = None
    dataset_drift: str | None = None
    performance: str | None = None
    model_version: str | None = None
    estimate_trusted: bool | None = None
    report: bool = False
    performance_report: bool = False

    @property
    def quarantined_share(self) -> float | None:
        """Of the rows that came."""
        return None if not self.rows or self.quarantined is None else self.quarantined / self.rows


@dataclass(frozen=True)
class Run:
    """A run of `tidegate monitor` that the server was asked for. `state`: running, done, failed or stopped; `share` (0 to 1) and `doing`:
    its progress; `found`: what it says when it is done, `folder` where; `again`: the batch had been monitored before.
    """

    job: str
    state: str
    who: str
    words: tuple[str, ...]
    started_at: str
    ended_at: str | None
    share: float
    doing: str
    error: str | None
    found: Mapping[str, Any] | None

    @property
    def folder(self) -> str | None:
        """Of the batch that it monitored."""
        return None if self.found is None else PurePath(str(self.found.get("report_dir", ""))).name or None

    @property
    def again(self) -> bool:
        """Whether this is what an earlier run of this champion found."""
        return self.found is not None and self.found.get("again") is True


@dataclass(frozen=True)
class Monitored:
    """The newest batches and the runs of the server's life, both newest first."""

    batches: tuple[Batch, ...]
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Hour:
    """Predictions recorded in the hour that begins at `at` (ISO 8601, UTC)."""

    at: str
    predictions: int


def batches(api: Api, limit: int) -> tuple[Batch, ...]:
    """The newest monitored batches, newest first."""
    return monitored(api, limit).batches


def monitored(api: Api, limit: int) -> Monitored:
    """The newest monitored batches, and runs."""
    said = api.get("/monitoring", {"limit": limit})
    return Monitored(tuple(_batch(one) for one in said["batches"]), tuple(_run(one) for one in said["jobs"]))


def drift_report(api: Api, folder: str) -> str:
    """Evidently's page of a batch's columns, HTML."""
    return api.text(f"/monitoring/{quote(folder, safe='')}/report")


def performance_report(api: Api, folder: str) -> str:
    """Evidently's page of a batch's customers whose outcome is known, HTML."""
    return api.text(f"/monitoring/{quote(folder, safe='')}/performance")


def start(api: Api, fields: Mapping[str, str], name: str | None = None, file: IO[bytes] | None = None) -> Run:
    """Monitor a file, a window (`since`, `until`), or the newest of the inbox; `pictures`: true or false."""
    return _run(api.send("/monitoring", fields, name, file))


def run(api: Api, job: str) -> Run:
    """How one stands."""
    return _run(api.get(f"/monitoring/jobs/{quote(job, safe='')}"))


def stop(api: Api, job: str) -> Run:
    """Ask one to stop; one that has ended stays as it is."""
    return _run(api.delete(f"/monitoring/jobs/{quote(job, safe='')}"))


def traffic(api: Api) -> tuple[Hour, ...]:
    """Predictions of the last day by hour, oldest first; an hour without any is there."""
    return tuple(Hour(one["at"], one["predictions"]) for one in api.get("/traffic")["hours"])


def _batch(one: Mapping[str, Any]) -> Batch:
    names = ("folder", "batch", "at", "health", "rows", "quarantined", "estimated_roc_auc", "realised_roc_auc")
    more = ("data_stability", "column_drift", "dataset_drift", "performance", "model_version", "estimate_trusted")
    drifted, links = one["drifted_features"], one.get("links") or {}
    known: dict[str, Any] = {**{name: one[name] for name in names}, **{name: one.get(name) for name in more}}
    return Batch(
        **known,
        damaged=bool(one.get("damaged")),
        drifted_features=None if drifted is None else tuple(drifted),
        report=links.get("report") is not None,
        performance_report=links.get("performance") is not None,
    )


def _run(one: Mapping[str, Any]) -> Run:
    names = ("job", "state", "who", "started_at", "ended_at", "share", "doing", "error")
    return Run(**{name: one[name] for name in names}, words=tuple(one["words"]), found=one["result"])
