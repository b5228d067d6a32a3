"""Experiments: started, raised and stopped by one row each and its event; servers read here which one runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

import sqlalchemy as sa

from tidegate.errors import InputRefused
from tidegate.ledger import schema
from tidegate.ledger.connections import look_and_write, reading
from tidegate.ledger.events import add_event
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text

Mode = Literal["ab", "canary", "shadow"]
MODES: tuple[str, ...] = get_args(Mode)
STARTED, RAISED, STOPPED, CANARY_STOPPED = "experiment started", "share raised", "experiment stopped", "canary stopped"

_table, _phases = schema.experiments, schema.experiment_phases


@dataclass(frozen=True)
class Phase:
    """A stretch of an experiment with one share (0 to 1). `phase` is unique in the ledger; times as the ledger writes them."""

    phase: int
    share: float
    since: str
    who: str


@dataclass(frozen=True)
class Experiment:
    """A live comparison of two bundle versions. It runs while `stopped_at` is None; `phases`, the oldest first, are never empty."""

    number: int
    mode: Mode
    treatment_version: str
    treatment_digest: str
    control_version: str
    control_digest: str
    salt: str
    horizon_days: int
    started_at: str
    started_by: str
    stopped_at: str | None
    stopped_by: str | None
    stop_reason: str | None
    phases: tuple[Phase, ...]

    @property
    def phase(self) -> Phase:
        """The last one."""
        return self.phases[-1]


@dataclass(frozen=True)
class Terms:
    """What is compared, how, with which share (0 to 1) in the treatment, and after how many days an outcome counts."""

    mode: Mode
    treatment: tuple[str, str]
    control: tuple[str, str]
    share: float
    horizon_days: int


def start_experiment(ledger: Ledger, terms: Terms, salt: str, who: str, now: datetime) -> Experiment:
    """Record a new experiment with its first phase and its event. Raises InputRefused where one is running, and LedgerUnavailable."""

    def start(connection: sa.Connection) -> Experiment:
        running = _find(connection, _table.c.stopped_at.is_(None))
        if running is not None:
            raise already_running(running)
        number = 1 + (connection.execute(sa.select(sa.func.max(_table.c.number))).scalar() or 0)
        values = {
            "number": number,
            "mode": terms.mode,
            "treatment_version": terms.treatment[0],
            "treatment_digest": terms.treatment[1],
            "control_version": terms.control[0],
            "control_digest": terms.control[1],
            "salt": salt,
            "horizon_days": terms.horizon_days,
            "started_at": time_text(now),
            "started_by": who,
        }
        connection.execute(sa.insert(_table), values)
        _add_phase(connection, number, terms.share, who, now)
        told = {name: values[name] for name in ("mode", "treatment_version", "treatment_digest", "control_version", "control_digest")}
        add_event(connection, who, STARTED, {"experiment": number, "share": terms.share, **told}, now)
        return _kept(connection, number)

    return look_and_write(ledger.engine, start)


def raise_share(ledger: Ledger, number: int, share: float, who: str, now: datetime) -> Experiment:
    """Begin a phase with a higher share. Raises InputRefused where it is not higher or the experiment has ended."""

    def begin(connection: sa.Connection) -> Experiment:
        present = _kept(connection, number)
        if present.stopped_at is not None:
            raise InputRefused(f"Experiment {number} has been stopped meanwhile.", "Look at `tidegate experiment status`.")
        if share <= present.phase.share:
            raise InputRefused(
                f"Experiment {number} has a share of {percent(present.phase.share)} already, and a share only rises: a lower one would "
                "move customers back.",
                "Stop it with `tidegate experiment stop` and start another.",
            )
        _add_phase(connection, number, share, who, now)
        add_event(connection, who, RAISED, {"experiment": number, "share": share, "from": present.phase.share}, now)
        return _kept(connection, number)

    return look_and_write(ledger.engine, begin)


def stop_experiment(
    ledger: Ledger, number: int, reason: str, who: str, now: datetime, what: str = STOPPED, evidence: Mapping[str, object] | None = None
) -> bool:
    """End a running experiment with its event; False, with nothing written, where it has ended already. Raises LedgerUnavailable."""

    def stop(connection: sa.Connection) -> bool:
        values = {"stopped_at": time_text(now), "stopped_by": who, "stop_reason": reason}
        running = sa.update(_table).where(_table.c.number == number, _table.c.stopped_at.is_(None))
        if connection.execute(running.values(values)).rowcount != 1:
            return False
        add_event(connection, who, what, {"experiment": number, "reason": reason, **(evidence or {})}, now)
        return True

    return look_and_write(ledger.engine, stop)


def running_experiment(ledger: Ledger) -> Experiment | None:
    """The one that runs, or None. Raises LedgerUnavailable."""
    return _reading(ledger, lambda connection: _find(connection, _table.c.stopped_at.is_(None)))


def find_experiment(ledger: Ledger, number: int | None = None) -> Experiment | None:
    """The experiment of this number, without one the latest; None where there is none. Raises LedgerUnavailable."""
    chosen = sa.select(sa.func.max(_table.c.number)).scalar_subquery() if number is None else number
    return _reading(ledger, lambda connection: _find(connection, _table.c.number == chosen))


def list_experiments(ledger: Ledger) -> list[Experiment]:
    """All of them, newest first. Raises LedgerUnavailable."""
    with reading(ledger.engine) as connection:
        numbers = connection.execute(sa.select(_table.c.number).order_by(_table.c.number.desc())).scalars().all()
        return [_kept(connection, number) for number in numbers]


def already_running(experiment: Experiment) -> InputRefused:
    """The refusal of a second experiment."""
    return InputRefused(
        f"Experiment {experiment.number} ({experiment.mode}, version {experiment.treatment_version}, share "
        f"{percent(experiment.phase.share)}) is running, and there is one at a time.",
        "Stop it first: tidegate experiment stop.",
    )


def percent(share: float) -> str:
    """A share as people write it.

    >>> percent(0.5), percent(0.005)
    ('50 %', '0.5 %')
    """
    return f"{100 * share:.10g} %"


def _reading(ledger: Ledger, find: Callable[[sa.Connection], Experiment | None]) -> Experiment | None:
    with reading(ledger.engine) as connection:
        return find(connection)


def _add_phase(connection: sa.Connection, experiment: int, share: float, who: str, now: datetime) -> None:
    phase = 1 + (connection.execute(sa.select(sa.func.max(_phases.c.phase))).scalar() or 0)
    values = {"phase": phase, "experiment": experiment, "share": share, "since": time_text(now), "who": who}
    connection.execute(sa.insert(_phases), values)


def _kept(connection: sa.Connection, number: int) -> Experiment:
    found = _find(connection, _table.c.number == number)
    assert found is not None
    return found


def _find(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Experiment | None:
    row = connection.execute(sa.select(_table).where(condition)).one_or_none()
    if row is None:
        return None
    query = sa.select(_phases.c.phase, _phases.c.share, _phases.c.since, _phases.c.who)
    phases = connection.execute(query.where(_phases.c.experiment == row.number).order_by(_phases.c.phase))
    return Experiment(**row._mapping, phases=tuple(Phase(*phase) for phase in phases))
