"""Registry, storage and database each refused, slow and reset, while customers are scored."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from unittest.mock import patch

import sqlalchemy as sa

from databases import Postgres, postgres_binaries
from object_stores import SeaweedFS, weed_binary
from proxy import PASS, REFUSED, RESET, SLOW, Proxy, proxy
from tidegate.home import Home
from tidegate.registry.promote import store_bundle
from tidegate.storage.files import Folder
from tidegate.storage.objects import open_storage
from tidegate.storage.pointer import read_pointer, write_pointer
from trials.evidence import once, stored_predictions
from trials.ground import Ground, Served, served, told, waiting
from trials.traffic import Asked, Traffic, flowing
from trials.verdict import Row, judged, skipped

UNHURT = "0 wrong answers, 0 failed scores"
RATE, CONNECTIONS = 50, 8
RECOVERY_SECONDS = 30.0
LONGEST_REFUSAL_SECONDS = 1.0
MODES = {REFUSED: "refused", SLOW: "slow by 5 s", RESET: "reset"}


def outages(ground: Ground) -> Iterator[Row]:
    """One row for each of the three and each way to be away."""
    yield from _registry(ground)
    yield from _storage(ground)
    yield from _database(ground)


def _registry(ground: Ground) -> Iterator[Row]:
    home = ground.home("registry-away")
    with proxy(9) as between:
        away = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{between.port}", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
        with served(home, ground.folder / "registry.log", environment={**away, **waiting(ground.sizes.patient_seconds)}) as server:
            for mode in MODES:
                yield _unhurt(ground, "registry", mode, between, server, f"sqlite:///{home.ledger}", home)


def _storage(ground: Ground) -> Iterator[Row]:
    binary = weed_binary()
    if binary is None:
        yield skipped("storage away", UNHURT, "SeaweedFS is not installed")
        return
    home, store = ground.home("storage-away"), SeaweedFS.create(binary)
    try:
        store.start()
        with proxy(store.ports[0]) as between:
            environment = store.environment("trial", f"http://127.0.0.1:{between.port}")
            with patch.dict(os.environ, environment):
                _move(home, environment["TIDEGATE_STORAGE_URL"])
                patient = {**environment, **waiting(ground.sizes.patient_seconds)}
                with served(home, ground.folder / "storage.log", environment=patient) as server:
                    for mode in MODES:
                        yield _unhurt(ground, "storage", mode, between, server, f"sqlite:///{home.ledger}", home)
    finally:
        store.remove()


def _move(home: Home, url: str) -> None:
    """Put the home's bundles and pointer into the bucket."""
    bucket, pointer = open_storage(Home(home.root, url)), read_pointer(Folder(home.storage))
    assert pointer is not None
    for folder in sorted((home.storage / "bundles").iterdir()):
        store_bundle(bucket, folder.name, folder)
    write_pointer(bucket, pointer)


def _database(ground: Ground) -> Iterator[Row]:
    binaries = postgres_binaries()
    if binaries is None:
        yield skipped("database away", "503 within 1 s, no restart", "PostgreSQL is not installed")
        return
    home, database = ground.home("database-away"), Postgres.create(binaries)
    try:
        database.start(fsync=True)
        place = database.place()
        with proxy(database.port) as between:
            url = sa.make_url(place).set(port=between.port).render_as_string(hide_password=False)
            hasty = waiting(ground.sizes.refusing_seconds)
            with served(home, ground.folder / "database.log", ledger_url=url, environment=hasty) as server:
                for mode in MODES:
                    yield _gone(ground, mode, between, server, place, home)
    finally:
        database.remove()


def _unhurt(ground: Ground, what: str, mode: str, between: Proxy, server: Served, ledger: str, home: Home) -> Row:
    """The service needs it for nothing that a customer waits for."""
    traffic = _through(ground, f"{what}-{mode}", between, mode, server)
    faults = _wrong(traffic, ledger, home)
    faults += [f"{count} answers with {status}" for status, count in traffic.refused.items()]
    faults += [f"{len(traffic.unanswered)} requests without an answer"] if traffic.unanswered else []
    measured = f"{len(traffic.answers):,} answered, {sum(traffic.refused.values())} refused"
    return judged(f"{what} {MODES[mode]} for {ground.sizes.outage_seconds:.0f} s", UNHURT, measured, faults)


def _gone(ground: Ground, mode: str, between: Proxy, server: Served, ledger: str, home: Home) -> Row:
    """Without the ledger nothing may be answered, and that at once; with it everything again, without a restart."""
    traffic = _through(ground, f"database-{mode}", between, mode, server)
    faults = _wrong(traffic, ledger, home)
    faults += [f"{count} answers with {status}" for status, count in traffic.refused.items() if status != 503]
    faults += [f"{len(traffic.unanswered)} requests without an answer"] if traffic.unanswered else []
    slowest = max(traffic.refused_after, default=0.0)
    faults += [f"a refusal after {slowest:.2f} s"] if slowest > LONGEST_REFUSAL_SECONDS else []
    faults += [] if traffic.refused else ["nothing was refused"]
    measured = f"{len(traffic.answers):,} answered, {traffic.refused.get(503, 0):,} × 503, the slowest after {slowest:.2f} s"
    wanted = "0 wrong answers; 503 within 1 s; no restart"
    return judged(f"database {MODES[mode]} for {ground.sizes.outage_seconds:.0f} s", wanted, measured, faults)


def _through(ground: Ground, name: str, between: Proxy, mode: str, server: Served) -> Traffic:
    """Traffic before, during and after the outage; it ends once answers come again."""
    numbers, customers = itertools.count(), ground.customers()

    def new() -> Asked:
        number = next(numbers)
        return Asked(f"{name}-{number}", {**customers[number % len(customers)], "customer_id": f"{name}-{number}"})

    with flowing(Traffic(server.port, RATE, CONNECTIONS, new)) as traffic:
        time.sleep(1)
        between.behave(mode)
        time.sleep(ground.sizes.outage_seconds)
        between.behave(PASS)
        answered, deadline = len(traffic.answers), time.monotonic() + RECOVERY_SECONDS
        while len(traffic.answers) < answered + RATE and time.monotonic() < deadline:
            time.sleep(0.1)
        if len(traffic.answers) < answered + RATE:
            traffic.refused[0] = 1  # counted as a status that nobody may see
    return traffic


def _wrong(traffic: Traffic, ledger: str, home: Home) -> list[str]:
    """Answers that are not in the ledger once, as they were told; or that their version does not give again."""
    faults = once(traffic.answers, stored_predictions(ledger))
    found = told("verify", "--sample", 200, "--home", home.root, environment={"TIDEGATE_LEDGER_URL": ledger})
    return faults + ([] if found["replay"] == "ok" else [f"replay: {found['replay']}"])
