"""`tidegate watch`: monitoring and renewal unattended, round after round; a step that fails ends no round, a round no watch."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tidegate.errors import InputRefused, TidegateError
from tidegate.home import Home
from tidegate.monitoring.alerts.conditions import Look, look_at_metrics
from tidegate.monitoring.alerts.flow import limits_of, places_of, tell
from tidegate.monitoring.alerts.scrape import Scrape, read_scrape
from tidegate.operations.inbox import inbox_holds_a_batch
from tidegate.operations.places import opened_ledger, who
from tidegate.operations.retention import NOTHING, Removed, remove_old
from tidegate.operations.rounds import record_round
from tidegate.parent import as_parent
from tidegate.settings import Settings

SHORTEST_SECONDS, LONGEST_SECONDS = 5, 7 * 24 * 3600
SCRAPE_SECONDS, MOST_REASONS = 10, 5
LONGEST_TIDYING_SECONDS = 8  # below the ten that a container is given
_EVERY = re.compile(r"(\d+)([smh])")
_UNITS = {"s": 1, "m": 60, "h": 3600}
_ANSWERS = (0, 2, 3)


def seconds_of(every: str) -> int:
    """`90s`, `15m` or `1h` in seconds. Raises InputRefused outside five seconds to a week.

    >>> seconds_of("15m")
    900
    """
    found = _EVERY.fullmatch(every)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise InputRefused("--every is no time from 5s to 168h.", "Write 90s, 15m or 1h.")
    return seconds


@dataclass(frozen=True)
class Round:
    """What one round did. `monitored` and `renewed`: what these verbs said, None where they refused or failed; `faults`: sentences.

    `removed`: what was older than the home keeps.
    """

    at: datetime
    monitored: dict[str, Any] | None
    renewed: dict[str, Any] | None
    traffic: str
    faults: tuple[str, ...]
    failed: bool
    removed: Removed = NOTHING

    @property
    def alarm(self) -> bool:
        """Whether somebody has to look. What a renewal waits for is no alarm, and a batch is one in the round that found it."""
        waiting = self.renewed is not None and self.renewed.get("waits_for_labels", False)
        told = waiting and self.monitored is not None and self.monitored["again"]
        health = self.monitored is not None and self.monitored["health"] == "FAIL" and not told
        decision = self.renewed is not None and self.renewed["decision"] in ("held", "refused") and not waiting
        return health or decision or self.failed

    def document(self) -> dict[str, Any]:
        """For `--json`: a line a round."""
        health = None if self.monitored is None else {name: self.monitored[name] for name in ("batch", "health", "again")}
        decision = None if self.renewed is None else {name: self.renewed[name] for name in ("decision", "challenger", "reasons")}
        at = self.at.isoformat(timespec="seconds")
        said = {"at": at, "monitored": health, "renewed": decision, "traffic": self.traffic, "faults": list(self.faults)}
        return {**said, "removed": self.removed.document(), "alarm": self.alarm}

    def summary(self) -> str:
        """A line a round, and one for each reason of a renewal and each fault."""
        parts = [f"{self.at:%Y-%m-%d %H:%M:%S}"]
        if self.monitored is not None:
            seen = " (seen before)" if self.monitored["again"] else ""
            parts.append(f"batch {self.monitored['batch']}{seen}: health {self.monitored['health']}")
        if self.renewed is not None:
            waits = self.renewed.get("waits_for_labels", False)
            parts.append("renewal: waits for labels" if waits else f"renewal: {self.renewed['decision']}")
        parts += [self.removed.summary()] if self.removed else []
        decided = self.renewed is not None and self.renewed["decision"] != "not_needed"
        said = self.renewed["reasons"][:MOST_REASONS] if self.renewed is not None and decided else []
        return "\n".join(["  ".join([*parts, self.traffic]), *(f"  {line}" for line in (*said, *self.faults))])


def watch_rounds(
    home: Home,
    settings: Settings,
    pause: float | None,
    renewing: bool,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Round]:
    """Round after round with `pause` seconds between their starts; None: one round. Each verb runs in a process of its own."""
    before: Scrape | None = None
    while True:
        began = time.monotonic()
        done, before = _round(home, settings, renewing, before, clock)
        record_round(home, done.at)
        yield done
        if pause is None:
            return
        sleep(max(0.0, pause - (time.monotonic() - began)))


def _round(
    home: Home, settings: Settings, renewing: bool, before: Scrape | None, clock: Callable[[], datetime]
) -> tuple[Round, Scrape | None]:
    faults: list[str] = []
    failed = False
    after, traffic = _scraped(settings)
    monitored, said, code = _verb(home, "monitor")
    faults += said
    failed |= code not in _ANSWERS or (monitored is None and _has_batch(home, settings))
    renewed: dict[str, Any] | None = None
    if renewing and code in _ANSWERS:
        renewed, said, code = _verb(home, "renew")  # also without a batch: a canary may have run for long enough
        faults += said if monitored is not None or code not in _ANSWERS else []
        failed |= code not in _ANSWERS
    removed = NOTHING
    try:
        _tell(home, settings, before, after, clock())
        if settings.retention_days:
            with opened_ledger(home, settings) as ledger:
                removed = remove_old(home, ledger, settings.retention_days, settings.label_horizon_days, who(), clock())
    except TidegateError as error:
        faults.append(str(error))
        failed = True
    return Round(clock(), monitored, renewed, traffic, tuple(faults), failed, removed), after or before


def _has_batch(home: Home, settings: Settings) -> bool:
    """Whether there was something to monitor: somebody has to look at a delivery that was refused, and at a bucket out of reach."""
    try:
        return inbox_holds_a_batch(home, settings)
    except TidegateError:
        return True


def _tell(home: Home, settings: Settings, before: Scrape | None, after: Scrape | None, now: datetime) -> None:
    """Alerts of metrics; without them what the trail has gained, reminders, and what a channel did not take before."""
    look = Look()
    if before is not None and after is not None:
        look = look_at_metrics(before, after, limits_of(settings), "", places_of(settings))
    with opened_ledger(home, settings) as ledger:
        tell(home, ledger, settings, look, now)


def _scraped(settings: Settings) -> tuple[Scrape | None, str]:
    """The scoring API's metrics, and what is to be said where they could not be read."""
    url = (settings.watch_url or f"http://{settings.host}:{settings.port}").rstrip("/") + "/metrics"
    key = settings.watch_api_key.get_secret_value()
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})  # noqa: S310 - an operator's setting
    try:
        with urllib.request.urlopen(request, timeout=SCRAPE_SECONDS) as answer:  # noqa: S310
            return read_scrape(answer.read().decode()), "metrics read"
    except urllib.error.HTTPError as error:
        return None, f"metrics not read: {url} answers {error.code}"
    except (OSError, ValueError):
        return None, f"metrics not read: nothing answers on {url}"


def _verb(home: Home, name: str) -> tuple[dict[str, Any] | None, list[str], int]:
    """What a verb says, its sentences where it refused or failed, and its exit code."""
    command = [sys.executable, "-m", "tidegate", name, "--home", str(home.root), "--json"]
    # A session of its own: Ctrl-C reaches this process only, which asks the step to end.
    step, stops = None, list[int]()
    try:
        with _held_back(stops):
            step = subprocess.Popen(  # noqa: S603
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
                env={**os.environ, **as_parent()},
            )
        for number in stops:
            signal.raise_signal(number)
        out, err = step.communicate()
    except BaseException:
        if step is not None:
            _end(step)
        raise
    if step.returncode in (0, 3) and out:
        document: dict[str, Any] = json.loads(out)
        return document, [], step.returncode
    lines = [line.removeprefix("tidegate: ") for line in err.splitlines() if line.startswith("tidegate: ")]
    return None, [f"{name}: {line}" for line in lines] or [f"{name} ended with code {step.returncode}."], step.returncode


@contextmanager
def _held_back(stops: list[int]) -> Iterator[None]:
    """SIGINT and SIGTERM are only noted: one that comes while a process is being started would leave it to nobody."""
    before = {number: signal.signal(number, lambda got, _: stops.append(got)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(step: subprocess.Popen[str]) -> None:
    """Let a step tidy up after itself, for some seconds; then nothing of it stays, what it started included."""
    try:
        step.terminate()
        step.communicate(timeout=LONGEST_TIDYING_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(step.pid, signal.SIGKILL)
        step.wait()
