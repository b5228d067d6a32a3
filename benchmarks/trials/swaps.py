"""Champion swaps under load: promotions and rollbacks as people do them, and pointers to damaged copies as careless people leave them."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from commands import call
from tidegate.errors import InputRefused
from tidegate.home import Home
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.operations.champion import promote, rollback
from tidegate.storage.files import Folder
from tidegate.storage.pointer import Pointer, read_pointer, write_pointer
from trials.evidence import once, stored_predictions
from trials.ground import Ground, Served, served, told, waiting
from trials.traffic import Asked, Traffic, flowing
from trials.verdict import Row, judged

REFUSED = "the new champion is refused"
DAMAGED = ("manifest.json", "model.onnx", "model.json", "golden.json", "spec.toml", "trees.npz")
PATIENCE_SECONDS = 30


def swaps(ground: Ground) -> Iterator[Row]:
    """Two rows: nothing failed, and every score is the named version's."""
    home, count, broken = ground.home("swaps"), ground.sizes.swaps, ground.sizes.broken_swaps
    numbers, customers, log = itertools.count(), ground.customers(), ground.folder / "swaps.log"

    def new() -> Asked:
        number = next(numbers)
        return Asked(f"swap-{number}", {**customers[number % len(customers)], "customer_id": f"S-{number}"})

    with served(home, log, environment=waiting(ground.sizes.patient_seconds)) as server:
        traffic = Traffic(server.port, ground.sizes.rate / 2, 16, new)
        with flowing(traffic), closing_ledger(home) as ledger:
            done = _swap(home, ledger, server, count, broken, random.Random(ground.sizes.seed))
            alive = server.alive()
    versions = sorted({answer.version for answer in traffic.answers})
    faults = [*done, *([] if alive else ["the server died"])]
    failed = len(traffic.unanswered) + sum(traffic.refused.values())
    faults += [f"{failed} requests failed: {traffic.refused or 'no answer'}"] if failed else []
    faults += [f"{one} answered, and it is broken" for one in versions if one.startswith("broken")]
    measured = f"{len(traffic.answers):,} answered, {failed} failed, by versions {', '.join(versions)}"
    yield judged(
        f"{count} champion swaps under load, {broken} to broken bundles", "0 failed requests; no answer of a broken one", measured, faults
    )
    yield replayed(home, ground.sizes.replayed, traffic)


def replayed(home: Home, count: int, traffic: Traffic) -> Row:
    """Scores again with the versions that they name, and the versions as clients were told them."""
    found = told("verify", "--sample", count, "--home", home.root)
    faults = once(traffic.answers, stored_predictions(sqlite_url(home.ledger)))
    if found["replay"] != "ok" or found["replayed"] < min(count, len(traffic.answers)):
        faults.append(f"replay: {found['replay']}")
    faults += [f"verify says of the {part}: {found[part]}" for part in ("bundle", "ledger", "events") if found[part] != "ok"]
    measured = f"{found['replayed']:,} replayed, {found['differing']} differ, {found['missing']} without their bundle"
    return judged(f"{count:,} sampled scores", "replay bit for bit with the version they name", measured, faults)


class closing_ledger(closing[Ledger]):  # noqa: N801 - it is used as a block
    """The home's ledger, opened beside the server's own."""

    def __init__(self, home: Home) -> None:
        super().__init__(open_ledger(sqlite_url(home.ledger)))

    def __exit__(self, *_: object) -> None:
        close_ledger(self.thing)


def _swap(home: Home, ledger: Ledger, server: Served, count: int, broken: int, chance: random.Random) -> list[str]:
    storage, faults = Folder(home.storage), []
    whole = sorted(path.name for path in (home.storage / "bundles").iterdir())
    careless = set(chance.sample(range(1, count), broken))
    for number in range(count):
        now, present = datetime.now(UTC), read_pointer(storage)
        assert present is not None
        serving = _serving(server)
        if number in careless:
            refusals = _refusals(server)
            write_pointer(storage, _damaged(home, serving, f"broken-{number}", DAMAGED[number % len(DAMAGED)], chance))
            faults += _expect(
                lambda refusals=refusals: _refusals(server) > refusals, f"swap {number}: no refusal of a broken bundle in the log"
            )
            faults += [] if _serving(server) == serving else [f"swap {number}: another version serves after a broken one"]
            continue
        aim = chance.choice([one for one in whole if one not in (serving, present.version)])
        if number % 3 == 2:
            aim = _back(home, ledger, aim, now)
        else:
            promote(home, ledger, aim, "trial", "trial", now)
        faults += _expect(lambda aim=aim: _serving(server) == aim, f"swap {number}: version {aim} does not serve")
    return faults


def _back(home: Home, ledger: Ledger, otherwise: str, now: datetime) -> str:
    """The version that a rollback leads to; where there is none, `otherwise` is promoted."""
    try:
        return rollback(home, ledger, "trial", "trial", now).pointer.version
    except InputRefused:
        return promote(home, ledger, otherwise, "trial", "trial", now).pointer.version


def _expect(reached: object, fault: str) -> list[str]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if reached():  # type: ignore[operator]
            return []
        time.sleep(0.1)
    return [fault]


def _serving(server: Served) -> str:
    return str(json.loads(call(f"{server.url}/")[1])["model_version"])


def _refusals(server: Served) -> int:
    return server.log.read_text().count(REFUSED)


def _damaged(home: Home, version: str, name: str, file: str, chance: random.Random) -> Pointer:
    """A copy of a sealed bundle with one bit flipped, and a pointer that promises the original."""
    folder = home.storage / "bundles" / name
    shutil.copytree(home.storage / "bundles" / version, folder)
    digest = hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    damaged: Path = folder / file if (folder / file).exists() else folder / "golden.json"
    content = bytearray(damaged.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    damaged.write_bytes(content)
    return Pointer(name, digest, datetime.now(UTC).isoformat())
