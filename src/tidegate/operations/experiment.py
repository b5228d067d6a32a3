"""`tidegate experiment start` and `stop`: a live comparison of the champion with another version, by a person's word."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from tidegate.bundle.champion import champion_pointer
from tidegate.bundle.check import check_bundle
from tidegate.bundle.local import local_bundle
from tidegate.customers.spec import Column, TableSpec, parse_spec
from tidegate.errors import InputRefused, LedgerUnavailable, SettingRefused
from tidegate.home import Home
from tidegate.ledger.experiments import (
    MODES,
    Experiment,
    Mode,
    Terms,
    already_running,
    find_experiment,
    percent,
    raise_share,
    running_experiment,
    start_experiment,
    stop_experiment,
)
from tidegate.ledger.store import Ledger
from tidegate.registry.appoint import require_reason, require_stored, required_digest
from tidegate.storage.objects import Storage, open_storage
from tidegate.storage.pointer import Pointer

USUAL_SHARE = {"ab": 50.0, "canary": 5.0, "shadow": 100.0}
LONGEST_HORIZON_DAYS = 3_650
# What makes a row valid and what it becomes; the rest of a column is for people.
_JUDGED = ("name", "kind", "limit", "levels", "unknown", "nullable", "normalise", "replace")


@dataclass(frozen=True)
class Began:
    """The experiment that runs now; `raised` says that it ran before, with a smaller share."""

    experiment: Experiment
    raised: bool

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {**experiment_document(self.experiment), "raised": self.raised}

    def summary(self) -> str:
        """Two lines for a person."""
        one = self.experiment
        share = percent(one.phase.share)
        if self.raised:
            return f"Experiment {one.number}: {share} of the customers from now on. Who was in the treatment stays there."
        what = {
            "ab": f"version {one.treatment_version} answers {share} of the customers, version {one.control_version} the others",
            "canary": f"version {one.treatment_version} answers {share} of the customers, and is stopped where it goes wrong",
            "shadow": f"version {one.treatment_version} scores {share} of the customers too, and nobody is told",
        }[one.mode]
        return f"Experiment {one.number}: {what}. Running servers follow within seconds.\nLook: tidegate experiment status."


@dataclass(frozen=True)
class Stopped:
    """An experiment that has ended."""

    experiment: Experiment

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return experiment_document(self.experiment)

    def summary(self) -> str:
        """One line for a person."""
        return f"Experiment {self.experiment.number} has ended; version {self.experiment.control_version} answers everyone within seconds."


def experiment_document(one: Experiment) -> dict[str, Any]:
    """What every verb says of an experiment in `--json`; shares in percent."""
    return {
        "experiment": one.number,
        "mode": one.mode,
        "treatment_version": one.treatment_version,
        "treatment_digest": one.treatment_digest,
        "control_version": one.control_version,
        "control_digest": one.control_digest,
        "share": 100 * one.phase.share,
        "phases": [{"phase": phase.phase, "share": 100 * phase.share, "since": phase.since, "who": phase.who} for phase in one.phases],
        "horizon_days": one.horizon_days,
        "started_at": one.started_at,
        "started_by": one.started_by,
        "stopped_at": one.stopped_at,
        "stopped_by": one.stopped_by,
        "stop_reason": one.stop_reason,
        "running": one.stopped_at is None,
    }


def start(home: Home, ledger: Ledger, treatment: str, share: float | None, mode: str, horizon_days: int, who: str, now: datetime) -> Began:
    """Start an experiment, or raise the share (in percent) of the one that runs with this treatment in this mode.

    Raises SettingRefused for a share, mode or horizon out of range, InputRefused for an unknown version, the champion itself, a version
    for other customers or a second experiment, BundleRefused for a damaged bundle, NoChampion and LedgerUnavailable.
    """
    if mode not in MODES:
        raise SettingRefused("There is no such mode of an experiment.", f"Give --mode {' or '.join(MODES)}.")
    asked = USUAL_SHARE[mode] if share is None else share
    if not 0 <= asked <= 100:
        raise SettingRefused("The share of the treatment is a percentage from 0 to 100.", "Give --share 50, for example.")
    if not 0 <= horizon_days <= LONGEST_HORIZON_DAYS:
        raise SettingRefused(f"The horizon is a number of days from 0 to {LONGEST_HORIZON_DAYS:,}.", "Give --horizon-days 30, for example.")
    running = running_experiment(ledger)
    if running is not None:
        if (running.treatment_version, running.mode) != (treatment, mode):
            raise already_running(running)
        if share is None:
            raise InputRefused(f"Experiment {running.number} compares this version already.", "Give --share PERCENT to raise its share.")
        return Began(raise_share(ledger, running.number, asked / 100, who, now), True)
    storage = open_storage(home)
    control = champion_pointer(storage)
    require_stored(storage, treatment)
    digest = required_digest(home, ledger, treatment)
    if (treatment, digest) == (control.version, control.digest):
        raise InputRefused(f"Version {treatment} is the champion: it would be compared with itself.", "Name another one: tidegate history.")
    check_bundle(local_bundle(storage, treatment, digest), digest)
    _require_same_customers(storage, (treatment, digest), (control.version, control.digest))
    terms = Terms(cast(Mode, mode), (treatment, digest), (control.version, control.digest), asked / 100, horizon_days)
    return Began(start_experiment(ledger, terms, secrets.token_hex(16), who, now), False)


def stop(ledger: Ledger, reason: str, who: str, now: datetime) -> Stopped:
    """End the running experiment. Raises InputRefused where none runs or the reason is unusable, and LedgerUnavailable."""
    reason = require_reason(reason)
    running = running_experiment(ledger)
    if running is None or not stop_experiment(ledger, running.number, reason, who, now):
        raise InputRefused("No experiment is running.", "Start one: tidegate experiment start --treatment VERSION.")
    ended = find_experiment(ledger, running.number)
    assert ended is not None
    return Stopped(ended)


def end_with_champion(ledger: Ledger, champion: Pointer, who: str, now: datetime) -> str:
    """End the running experiment because its champion is one no longer; a sentence that says so, empty where there was nothing to end.

    The promotion is done by then, so a ledger that fails fails nothing here: the servers end the experiment themselves.
    """
    try:
        running = running_experiment(ledger)
        if running is None or (running.control_version, running.control_digest) == (champion.version, champion.digest):
            return ""
        stopped = stop_experiment(ledger, running.number, f"Version {champion.version} is the champion now.", who, now)
    except LedgerUnavailable as error:
        return f"Whether an experiment was running is not known: {error.detail} Running servers end it."
    if not stopped:
        return ""
    return f"Experiment {running.number} has ended: it compared version {running.treatment_version} with the former champion."


def _require_same_customers(storage: Storage, tried: tuple[str, str], champion: tuple[str, str]) -> None:
    """Raises InputRefused where a row that one version (with its digest) takes could be another row, or none, to the other."""
    treatment, control, specs = tried[0], champion[0], [_spec(storage, *version) for version in (tried, champion)]
    theirs, ours = ({column.name: _judged(column) for column in spec.feature_columns} for spec in specs)
    differing = sorted(name for name in {*theirs, *ours} if theirs.get(name) != ours.get(name))
    if differing or [*theirs] != [*ours]:
        named = ", ".join(differing[:5]) or "their order"
        raise InputRefused(
            f"Versions {treatment} and {control} take other customers, they differ in: {named}.",
            "Train the treatment with the champion's spec, or promote it.",
        )
    if (specs[0].positive, specs[0].negative, specs[0].rules) != (specs[1].positive, specs[1].negative, specs[1].rules):
        raise InputRefused(
            f"Versions {treatment} and {control} differ in their label's words or their rules.",
            "Train the treatment with the champion's spec.",
        )


def _judged(column: Column) -> tuple[object, ...]:
    return tuple(getattr(column, name) for name in _JUDGED)


def _spec(storage: Storage, version: str, digest: str) -> TableSpec:
    text = (local_bundle(storage, version, digest) / "spec.toml").read_text(encoding="utf-8")
    return parse_spec(text, f"spec of bundle {version}")
