"""`kill -9` under load: of the server, on SQLite and on PostgreSQL, and of the database itself."""

from __future__ import annotations

import itertools
import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from databases import Postgres, postgres_binaries
from ports import free_port
from tidegate.home import Home
from trials.evidence import integrity, once, stored_predictions
from trials.ground import Ground, Served, served, told
from trials.traffic import Answer, Asked, Traffic, flowing
from trials.verdict import Row, judged, skipped

WANTED = "every acknowledged prediction in the ledger exactly once; integrity ok"


@dataclass
class Told:
    """What clients saw over all rounds."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    unanswered: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    repeated: int = 0
    waiting: deque[Asked] = field(default_factory=deque)
    sent: int = 0
    seconds: float = 0.0


def kills(ground: Ground) -> Iterator[Row]:
    """One row a database."""
    home = ground.home("kills")
    yield _rounds(ground, home, f"sqlite:///{home.ledger}", ground.sizes.sqlite_kills, "SQLite")
    binaries = postgres_binaries()
    if binaries is None:
        yield skipped(f"{ground.sizes.postgres_kills} × kill -9, PostgreSQL", WANTED, "PostgreSQL is not installed")
        return
    server = Postgres.create(binaries)
    try:
        server.start(fsync=True)
        yield _rounds(ground, home, server.place(), ground.sizes.postgres_kills, "PostgreSQL", server)
    finally:
        server.remove()


def _rounds(ground: Ground, home: Home, url: str, count: int, name: str, database: Postgres | None = None) -> Row:
    seen, chance, port = Told(), random.Random(ground.sizes.seed), free_port()
    numbers, customers, log = itertools.count(), ground.customers(), home.root / f"{name}.log"

    def new() -> Asked:
        number = next(numbers)
        asked = Asked(f"{name}-{number}", {**customers[number % len(customers)], "customer_id": f"C-{number}"})
        seen.asked.append(asked)
        return asked

    for _ in range(count):
        _round(ground, home, url, log, port, chance, seen, new, lambda server, _: server.kill())
    for _ in range(ground.sizes.database_kills if database else 0):
        _round(ground, home, url, log, port, chance, seen, new, lambda server, traffic: _strike(database, server, traffic))
    _round(ground, home, url, log, port, chance, seen, new, _until_repeated)
    return _judge(home, url, name, count, ground.sizes.database_kills if database else 0, seen)


def _round(
    ground: Ground, home: Home, url: str, log: Path, port: int, chance: random.Random, seen: Told, new: Callable[[], Asked],
    strike: Callable[[Served, Traffic], None],
) -> None:  # fmt: skip
    first = len(seen.asked)
    with served(home, log, port, url) as server:
        traffic = Traffic(port, ground.sizes.rate, ground.sizes.connections, new, seen.waiting)
        with flowing(traffic):
            # long enough that what is sent again is through, and then at any moment of a commit
            time.sleep(0.7 + len(seen.waiting) / ground.sizes.rate + chance.random())
            seen.sent, seen.seconds = seen.sent + traffic.sent, seen.seconds + time.monotonic() - traffic.began
            strike(server, traffic)
    seen.answers += traffic.answers
    seen.unanswered += len(traffic.unanswered)
    for status, times in traffic.refused.items():
        seen.refused[status] = seen.refused.get(status, 0) + times
    # half of what this round asked, answered or not, is asked again with the same key; so is everything that was put off
    half = [*traffic.unanswered, *(one for one in seen.asked[first:] if chance.random() < 0.5)]
    repeated = list({one.key: one for one in [*half, *traffic.postponed, *seen.waiting]}.values())
    seen.repeated += len(repeated)
    chance.shuffle(repeated)
    seen.waiting = deque(repeated)


def _strike(database: Postgres | None, server: Served, traffic: Traffic) -> None:
    """Kill the database under the server, start it again, and see the same server go on."""
    assert database is not None
    database.kill()
    time.sleep(0.5)
    database.start(fsync=True)
    goal, deadline = len(traffic.answers) + 100, time.monotonic() + 30
    while len(traffic.answers) < goal and time.monotonic() < deadline:
        time.sleep(0.05)
    if not server.alive() or len(traffic.answers) < goal:
        raise SystemExit("the server did not go on after its database came back")


def _until_repeated(_: Served, traffic: Traffic) -> None:
    deadline = time.monotonic() + 60
    while traffic.again and time.monotonic() < deadline:
        time.sleep(0.05)


def _judge(home: Home, url: str, name: str, count: int, struck: int, seen: Told) -> Row:
    stored = stored_predictions(url)
    faults = once(seen.answers, stored)
    if unwanted := sorted(set(seen.refused) - {503}):
        faults.append(f"answered {unwanted}")
    told_of = told("verify", "--home", home.root, environment={"TIDEGATE_LEDGER_URL": url})
    faults += [f"verify says of the {part}: {said}" for part, said in told_of.items() if said != "ok"]
    checked = "verify ok"
    if name == "SQLite":
        said = integrity(str(home.ledger))
        faults += [] if said == "ok" else [f"integrity_check: {said}"]
        checked = "integrity_check ok, verify ok"
    distinct = len({one.prediction_id for one in seen.answers})
    also = f" and {struck} × of the database" if struck else ""
    state = f"{len(faults)} faults" if faults else checked
    measured = (
        f"{distinct:,} acknowledged ({len(seen.answers) - distinct:,} again for a repeated key), {len(stored):,} rows, "
        f"{seen.sent / seen.seconds:.0f} requests/s sent, {seen.unanswered:,} cut off, "
        f"{seen.refused.get(503, 0):,} × 503; {state}"
    )
    return judged(f"{count} × kill -9 at 200 requests/s, {name}{also}", WANTED, measured, faults)
