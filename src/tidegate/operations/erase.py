"""`tidegate erase`: a customer leaves no trace in the home, and a restored backup forgets them again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tidegate.bundle.manifest import file_digest
from tidegate.customers.formulas import neutralised
from tidegate.errors import InputRefused
from tidegate.home import Home, sweep, working
from tidegate.ledger.connections import writing
from tidegate.ledger.customer_key import customer_hash
from tidegate.ledger.erase import ALWAYS, erase_customers, erase_predictions, prediction_ids, predictions_of, scrub
from tidegate.ledger.events import add_event
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text
from tidegate.operations.campaign_places import customer_key
from tidegate.operations.erase_files import FilesErased, erase_from_files
from tidegate.operations.erasure_register import (
    CUSTOMER,
    PREDICTION,
    Register,
    erasing,
    merged,
    prediction_hash,
    read_register,
    write_register,
)
from tidegate.operations.rewritten_batches import record_rewritten
from tidegate.registry.appoint import require_reason

ERASED = "erased"


@dataclass(frozen=True)
class Erased:
    """Who was to be erased, what was removed by place, and the tables that could not be read."""

    customers: int
    predictions: int
    removed: Mapping[str, int]
    unread: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every table could be searched."""
        return not self.unread

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "customers": self.customers,
            "named_predictions": self.predictions,
            "removed": dict(self.removed),
            "removed_in_all": sum(self.removed.values()),
            "unread": list(self.unread),
        }

    def summary(self) -> str:
        """A few lines for a person; no id."""
        whom = [_counted(self.customers, "customer")] if self.customers else []
        whom += [_counted(self.predictions, "prediction")] if self.predictions else []
        found = {place: count for place, count in self.removed.items() if count}
        lines = [f"Erased {' and '.join(whom)}: {_counted(sum(found.values()), 'row')} removed."]
        lines += [f"  {place}: {count:,}" for place, count in found.items()]
        if not found:
            lines.append("This home held nothing of them. The erasure is recorded, so that a restored backup forgets them too.")
        lines += [f"Not searched, because it cannot be read as a table: {place}. Look at it yourself." for place in self.unread]
        return "\n".join(lines)


def erase(
    home: Home, ledger: Ledger, customers: Sequence[str], predictions: Sequence[str], reason: str, who: str, clock: Callable[[], datetime]
) -> Erased:
    """Erase customers by id, and predictions by their own id: from the ledger, from tables in the home and from what killed processes left.

    The register is written first: an erasure that was killed is finished by the same command, or by a restore. Raises InputRefused where
    nobody is named, HomeRefused where another process erases, LedgerUnavailable where the ledger fails; then it may be repeated.
    """
    reason = require_reason(reason)
    whom = {one for one in customers if one}
    named = {one for one in predictions if one}
    if not whom and not named:
        raise InputRefused("Nobody is named who is to be erased.", "Give a customer's id, or --prediction ID.")
    key = customer_key(home, create=True)
    hashes = {customer_hash(key, spelling) for spelling in spellings(whom)}
    entries = [(CUSTOMER, one) for one in hashes] + [(PREDICTION, prediction_hash(key, one)) for one in named]
    with erasing(home):
        known = read_register(home.erasures, key)
        write_register(home.erasures, key, merged(known, dict.fromkeys(entries, time_text(clock()))))
        files = _from_files(home, ledger, key, hashes, who, clock())
        with writing(ledger.engine) as connection:
            searched = hashes | named | predictions_of(connection, hashes)
            rows = _added(erase_customers(connection, dict.fromkeys(hashes, ALWAYS)), erase_predictions(connection, named), files.rows)
            evidence = {"customers": len(whom), "named_predictions": len(named), "removed": rows, "reason": reason}
            add_event(connection, who, ERASED, evidence, clock())
        scrub(ledger, searched)
        # once more: what was recorded while this ran is gone as well, and must not come back with a backup made meanwhile
        write_register(home.erasures, key, merged(known, dict.fromkeys(entries, time_text(clock()))))
    return Erased(len(whom), len(named), rows, files.unread)


def repeat_erasures(home: Home, ledger: Ledger, key: bytes, register: Register, who: str, now: datetime) -> dict[str, int]:
    """Erase again whatever a register names, as far as it was written before that; counts by place. For a home that nobody else uses."""
    customers = {one: at for (kind, one), at in register.items() if kind == CUSTOMER}
    wanted = {one for kind, one in register if kind == PREDICTION}
    named = [one for one in prediction_ids(ledger) if prediction_hash(key, one) in wanted] if wanted else []
    files = _from_files(home, ledger, key, set(customers), who, now)
    with writing(ledger.engine) as connection:
        searched = {*customers, *named, *predictions_of(connection, customers)}
        rows = _added(erase_customers(connection, customers), erase_predictions(connection, named), files.rows)
    scrub(ledger, searched if sum(rows.values()) else ())
    return rows


def spellings(customers: Iterable[str]) -> set[str]:
    """How the ledger may have met these ids: as given, and without or with the `'` that `score` puts before what a spreadsheet would run.

    >>> sorted(spellings(["K1", "=K2", "'=K3"]))
    ["'=K2", "'=K3", '=K2', '=K3', 'K1']
    """
    given = pa.array(sorted(customers), pa.string())
    bare = pc.replace_substring_regex(given, "^'", "")
    unmarked = pc.if_else(pc.equal(neutralised(bare), given), bare, given)
    return {one for array in (given, unmarked, neutralised(unmarked)) for one in array.to_pylist()}


def _from_files(home: Home, ledger: Ledger, key: bytes, hashes: set[str], who: str, now: datetime) -> FilesErased:
    def gone(cell: str) -> bool:
        return not hashes.isdisjoint(customer_hash(key, one) for one in (cell, cell.strip()))

    def rewriting(path: Path, part: Path) -> None:
        if path.parent == home.inbox:
            record_rewritten(ledger, who, file_digest(path), file_digest(part), now)

    sweep(home)
    with working(home, "erase"):  # on the way in, what killed processes left in scratch goes: an upload may be among it
        return erase_from_files(home, gone, rewriting)


def _added(*counts: Mapping[str, int]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in counts:
        for place, count in each.items():
            found[place] = found.get(place, 0) + count
    return found


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
