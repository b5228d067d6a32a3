"""`tidegate demo`: a simulated bank lives through some months, and the platform does with it what it would do with any.

What happens to the bank is written down in `demo_bank.STORY`. What the platform makes of it is decided by the operations that the verbs
call, and told from what they return, from the audit trail and from the reports.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tidegate.customers.spec import load_spec
from tidegate.disk import naming_full_disk
from tidegate.errors import InputRefused, SettingRefused, TidegateError
from tidegate.home import Home, open_home
from tidegate.ledger.events import Event, list_events
from tidegate.ledger.exposures import recent_predictions
from tidegate.ledger.store import Ledger
from tidegate.monitoring.alerts.state import MESSAGES, RAISED, open_alerts
from tidegate.operations import demo_words as words
from tidegate.operations.demo_bank import MONTH, STORY, Bank, write_audit, write_batch, write_outcomes, write_training
from tidegate.operations.history import history
from tidegate.operations.learn import EMBEDDED_SPEC
from tidegate.operations.monitor import Monitored, monitor_batch
from tidegate.operations.outcomes import RecordedFile, record_file
from tidegate.operations.places import opened_ledger
from tidegate.operations.renew import Renewed, renew
from tidegate.renewal.trail import conclusions, decisions, superseded, waiting
from tidegate.settings import Settings, read_settings
from tidegate.training.candidates import named
from tidegate.training.order import Order, effort_of
from tidegate.training.standing import Progress
from tidegate.training.train import train

PLACE = Path("tidegate-demo")
ALGORITHMS = "lightgbm"
FEWEST_ROWS, MOST_ROWS = 500, 50_000
Tell = Callable[[str], None]
Steps = Callable[[], AbstractContextManager[Progress]]


class DemoStopped(TidegateError):
    """A person stopped the demo; what happened so far is kept."""

    exit_code = 130


@dataclass
class _Clock:
    """The bank's time: a minute goes by whenever somebody looks, a month when it is set."""

    now: datetime

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@dataclass
class _Stage:
    """Everything that a month needs. `heard`: number of the newest event that was told; `documents`: runs by batch; `month`: so far."""

    bank: Bank
    home: Home
    settings: Settings
    ledger: Ledger
    who: str
    clock: _Clock
    tell: Tell
    steps: Steps
    pictures: bool
    heard: int = 0
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    month: dict[str, Any] = field(default_factory=dict)


def play(place: Path, rows: int, seed: int, pictures: bool, who: str, now: datetime, tell: Tell, steps: Steps) -> dict[str, Any]:
    """Play the whole demo in a new home at `place`, telling it line by line; returns what happened, month by month.

    `steps` opens a display of progress for one operation: nothing is told while it is open, for it takes the terminal.
    The bank's last month is yesterday's. Raises InputRefused where the place holds something already or where models would be registered
    on a tracking server, SettingRefused for a number out of range, DemoStopped on Ctrl-C, and whatever the operations raise.
    """
    if not FEWEST_ROWS <= rows <= MOST_ROWS:
        raise SettingRefused(f"--rows is {rows}.", f"Give a number of customers a month from {FEWEST_ROWS} to {MOST_ROWS:,}.")
    settings = settings_of(place, seed)
    with _new_home(place) as home:
        yesterday = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
        bank = Bank(load_spec(EMBEDDED_SPEC), rows, seed, yesterday - len(STORY) * MONTH)
        with opened_ledger(home, settings) as ledger:
            clock = _Clock(bank.began + timedelta(hours=2))
            stage = _Stage(bank, home, settings, ledger, who, clock, tell, steps, pictures)
            first = _first_champion(stage)
            months = [_month(stage, number) for number in range(1, len(STORY) + 1)]
            return {"home": str(place), "rows": rows, "seed": seed, "first": first, "months": months, **_end(stage)}


def settings_of(place: Path, seed: int) -> Settings:
    """The settings of the demo: the defaults, a cheap training, and renewals that learn from the month whose labels have just matured.

    Of the environment only the addresses count that services would listen on: ledger, bucket and alert channels of a real installation
    are none of a demo's business. Raises SettingRefused.
    """
    own: dict[str, Any] = {"home": place, "seed": seed, "renewal_budget": "quick", "renewal_algorithms": ALGORITHMS, "renewal_months": 1}
    set_here = read_settings(home=place).model_dump(include={"host", "port", "reports_host", "reports_port"})
    return Settings.model_construct(**set_here, **own)


@contextmanager
def _new_home(place: Path) -> Iterator[Home]:
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise InputRefused(f"{place} holds something already.", "Name another folder with --home, or remove it.")
    if os.environ.get("MLFLOW_TRACKING_URI"):
        raise InputRefused(
            "MLFLOW_TRACKING_URI names a tracking server, and the demo would register its models there.",
            "Unset it for this command: env -u MLFLOW_TRACKING_URI tidegate demo.",
        )
    with naming_full_disk(place.absolute()):
        home = open_home(place)
        try:
            yield home
        except KeyboardInterrupt:
            raise DemoStopped(f"The demo was stopped; what happened so far is in {place}.", "It begins anew in another --home.") from None


def _first_champion(stage: _Stage) -> dict[str, Any]:
    """Train on the bank's customers so far, as `tidegate train --budget quick` does."""
    data = write_training(stage.bank, stage.home)
    settings, seed = stage.settings, stage.settings.seed
    effort, candidates = effort_of(settings.renewal_budget), named(ALGORITHMS)
    order = Order(data, stage.bank.spec, seed, seed, effort, settings.max_bad_share, candidates, stage.who, stage.clock())
    with stage.steps() as progress:
        trained = train(order, stage.home, stage.ledger, progress, stage.clock)
    metrics = trained.assessment.metrics
    first = {
        "model_version": trained.version,
        "stage": trained.stage,
        "algorithm": trained.contest.winner.name,
        "roc_auc": metrics["roc_auc"],
    }
    stage.tell(words.begun(stage.home.root, len(trained.split.train), len(trained.split.holdout), first))
    return first


def _month(stage: _Stage, number: int) -> dict[str, Any]:
    """Labels of the month before, the month's batch, a round of monitoring and renewal; then what people do about it."""
    story, day = STORY[number - 1], stage.bank.day(number)
    stage.clock.now = day + timedelta(hours=2)
    stage.month = {"month": number, "day": f"{day:%Y-%m-%d}", "said": story.said, "labels": [], "rounds": []}
    stage.tell(words.month(number, day, story.said))
    if number > 1:
        path, wrong = write_outcomes(stage.bank, stage.home, number)
        _labels(stage, path, audit=False, wrong=wrong)
    if story.checked and story.at_once:
        _labels(stage, write_audit(stage.bank, stage.home, number), audit=True)
    write_batch(stage.bank, stage.home, number)
    done = _round(stage)
    if story.incident:
        stage.clock.now = day + timedelta(hours=3)
        stage.tell(words.REPAIRED)
        write_batch(stage.bank, stage.home, number, repaired=True)
        done = _round(stage)
    if story.checked and not story.at_once:
        stage.tell(words.CHECKED)
        _labels(stage, write_audit(stage.bank, stage.home, number), audit=True)
        done = _round(stage)
    if story.mislabelled and done.decision == "not_needed":
        stage.tell(words.ASKED)
        _renew(stage, "the regular renewal of the quarter")
    return stage.month


def _labels(stage: _Stage, path: Path, audit: bool, wrong: int = 0) -> RecordedFile:
    done = record_file(stage.home, stage.ledger, path, stage.settings.max_bad_share, stage.who, stage.clock(), lambda _: None, audit)
    stage.month["labels"].append({**done.document(), "mislabelled": wrong})
    stage.tell(words.labels(done, wrong))
    return done


def _round(stage: _Stage) -> Renewed:
    """What `tidegate watch` does in a round: monitor the newest batch, renew where that asks for it, tell of alerts."""
    with stage.steps() as progress:
        now = stage.clock()
        found = monitor_batch(stage.home, stage.ledger, stage.settings, None, None, None, stage.pictures, stage.who, now, progress)
    said = found.found
    stage.month["rounds"].append({"monitored": _kept(found), "renewed": None, "alerts": []})
    stage.tell(words.monitored(said, found.again, _estimate_before(stage, said)))
    stage.documents.setdefault(said["batch"], said)
    _alerts(stage)
    return _renew(stage, "")


def _renew(stage: _Stage, reason: str) -> Renewed:
    with stage.steps() as progress:
        done = renew(stage.home, stage.settings, stage.ledger, reason, False, stage.who, progress, stage.clock)
    rounds = stage.month["rounds"]
    if rounds[-1]["renewed"] is not None:
        rounds.append({"monitored": None, "renewed": None, "alerts": []})
    now = stage.clock()
    live = sum(count for count, _ in recent_predictions(stage.ledger, now - timedelta(hours=1), now).values())
    rounds[-1]["renewed"] = {**done.document(), "live_predictions": live}
    stage.tell(words.renewed(done, live, stage.settings.canary_traffic))
    _alerts(stage)
    over = superseded(decisions(stage.ledger), conclusions(stage.ledger))
    rounds[-1]["superseded"] = [number for number, taker in over.items() if taker == done.renewal]
    for number in rounds[-1]["superseded"]:
        stage.tell(words.superseded(number, done))
    return done


def _kept(found: Monitored) -> dict[str, Any]:
    """Of the run's document what is decided; the figures of each column are in its report."""
    apart = ("columns", "prediction", "multivariate", "outside_expected")
    return {name: value for name, value in found.document().items() if name not in apart}


def _estimate_before(stage: _Stage, said: dict[str, Any]) -> dict[str, Any] | None:
    """What was estimated of the customers whose labels are known now, when they were new."""
    if said["realised"] is None or said["realised"]["batch"] == said["batch"]:
        return None
    before = stage.documents.get(said["realised"]["batch"])
    return None if before is None else before["estimated"]


def _alerts(stage: _Stage) -> None:
    """Tell the alerts that the audit trail has gained."""
    fresh: list[Event] = [one for one in list_events(stage.ledger, None, 1_000) if one.sequence > stage.heard]
    stage.heard = max((one.sequence for one in fresh), default=stage.heard)
    for event in (one for one in reversed(fresh) if one.what in MESSAGES):
        alert = event.document()
        stage.month["rounds"][-1]["alerts"].append({"what": event.what, "event": event.sequence, **alert})
        stage.tell(words.alert(event.sequence, event.what, alert))


def _end(stage: _Stage) -> dict[str, Any]:
    """Who was champion, what is open and who is asked, as the system itself says it now."""
    reigns = history(stage.home, stage.ledger, 100).reigns
    held, opened = waiting(stage.ledger, "held"), open_alerts(stage.ledger)
    raised = [event.document() for event in reversed(list_events(stage.ledger, RAISED, 1_000))]
    pages = [path for said in raised if said["link"] and (path := stage.home.root / said["link"]).is_file()]
    urls = words.urls(stage.settings)
    stage.tell(words.ended(stage.home, reigns, held, opened, pages, urls))
    return {
        "champions": [one.document() for one in reigns],
        "held": [{"renewal": one.renewal, "challenger": one.challenger, "reasons": list(one.reasons)} for one in held],
        "open_alerts": [one.alert.kind for one in opened],
        "pages": [str(path) for path in pages],
        "paths": {name: str(path) for name, path in words.places(stage.home).items()},
        "urls": urls,
    }
