"""What the ledger holds beside what clients were told: pure judgement, and how it is read past the product's own code."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from databases import Outsider
from trials.traffic import Answer


@dataclass(frozen=True)
class Stored:
    """A prediction as the database has it."""

    key: str | None
    prediction_id: str
    probability: float
    version: str


def stored_predictions(url: str) -> list[Stored]:
    """Every prediction of a ledger, read with the database's own driver."""
    with closing(Outsider(url)) as outsider:
        found = outsider.execute("SELECT idempotency_key, prediction_id, probability, model_version FROM predictions").fetchall()
    return [Stored(*row) for row in found]


def integrity(path: str) -> str:
    """What SQLite says of its own file."""
    with closing(Outsider(f"sqlite:///{path}")) as outsider:
        return str(outsider.execute("PRAGMA integrity_check").fetchone()[0])


def once(answers: Sequence[Answer], stored: Sequence[Stored]) -> list[str]:
    """Where acknowledged answers are not in the ledger exactly once and as they were told; empty where they all are."""
    by_id, ids, keys = {one.prediction_id: one for one in stored}, _repeated(stored, "prediction_id"), _repeated(stored, "key")
    faults = [f"{one} stored {count} times" for one, count in [*ids, *keys]]
    told: dict[str, str] = {}
    for answer in answers:
        found = by_id.get(answer.prediction_id)
        if found is None:
            faults.append(f"{answer.prediction_id} was acknowledged and is not in the ledger")
        elif (found.key, found.version) != (answer.key, answer.version) or _bits(found.probability) != _bits(answer.probability):
            faults.append(f"{answer.prediction_id} is in the ledger with another key, version or probability")
        if told.setdefault(answer.key, answer.prediction_id) != answer.prediction_id:
            faults.append(f"the key {answer.key} was answered with two predictions")
    return faults


def _repeated(stored: Sequence[Stored], name: str) -> list[tuple[str, int]]:
    counted = Counter(getattr(one, name) for one in stored)
    return [(one, count) for one, count in counted.items() if count > 1 and one is not None]


def _bits(number: float) -> bytes:
    return struct.pack("<d", number)
