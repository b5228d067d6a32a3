"""`tidegate outcomes`: what became of customers, from a file into the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from tidegate.customers.admit import Refusal, Tally, guard_share, kind_of
from tidegate.customers.columns import as_text
from tidegate.customers.ids import customer_ids
from tidegate.customers.labels import UNREADABLE, Labels, outcome_labels, read_label, spec_labels
from tidegate.customers.load import RawBatch, Table, columns_of, open_table
from tidegate.customers.quarantine import Quarantine
from tidegate.customers.spec import TableSpec
from tidegate.errors import TableRefused
from tidegate.home import Home
from tidegate.ledger.batch_customers import BatchCustomers
from tidegate.ledger.customer_key import customer_hash
from tidegate.ledger.outcomes import Outcome, RecordedOutcomes, first_recorded, known_customers, record_outcomes
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import past_time, time_text
from tidegate.operations.campaign_places import customer_key, spec_of

ID, OUTCOME, OBSERVED = "customer_id", "outcome", "observed_at"


@dataclass(frozen=True)
class RecordedFile:
    """What became of the rows of a file; `quarantine` is None where none was refused."""

    rows: int
    recorded: int
    known: int
    unlabelled: int
    unknown_customers: int
    quarantined: int
    quarantine: Path | None
    source: Path
    rules: dict[str, int]
    audit: bool = False

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "rows": self.rows,
            "recorded": self.recorded,
            "known_already": self.known,
            "not_known_yet": self.unlabelled,
            "unknown_customers": self.unknown_customers,
            "quarantined": self.quarantined,
            "quarantine": None if self.quarantine is None else str(self.quarantine),
            "rules": self.rules,
            "audit": self.audit,
        }

    def summary(self) -> str:
        """A few lines for a person."""
        what = "audit outcomes" if self.audit else "outcomes"
        lines = [f"{self.recorded:,} {what} recorded from {self.rows:,} rows of {self.source}."]
        lines += [f"{self.known:,} were in the ledger already."] if self.known else []
        lines += [f"{self.unlabelled:,} have no outcome yet: not known is not 'stayed'."] if self.unlabelled else []
        refused = self.quarantined + self.unknown_customers
        where = f"Refused rows: {refused:,}, of them {self.unknown_customers:,} of unknown customers, listed in {self.quarantine}."
        lines += [where] if refused else []
        return "\n".join(lines)


@dataclass
class _Rows:
    """What the rows of a file say, column by column; rows that break the contract are refused and left out."""

    numbers: list[int] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    outcomes: list[int | None] = field(default_factory=list)
    times: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True)
class _Reading:
    """How to read this file: names of its columns, what its labels say, and the time of rows that give none."""

    spec: TableSpec
    positions: Mapping[str, int]
    id: str
    label: str
    labels: Labels
    key: bytes
    untimed: str
    now: datetime


def record_file(
    home: Home, ledger: Ledger, source: Path, most_bad: float, who: str, now: datetime, progress: Callable[[int], None], audit: bool = False
) -> RecordedFile:
    """Record every outcome of a file, all in one transaction; the same file again adds nothing.

    Rows that break the contract go to a quarantine file beside `source` and count against `most_bad`. So do rows of customers whom the
    ledger knows from no prediction and no campaign and who are in no monitored batch, but they do not count: an outcomes file may well
    cover the whole bank. `audit`: somebody checked these, so they are kept beside the ordinary outcomes. Raises TableRefused where too
    many are bad, or nobody in the file is known, and InputRefused where outcomes contradict one another.
    """
    table, spec = open_table(source), spec_of(home)
    place = f"file:{table.sha256}"
    # The same bytes are the same news: rows without a time keep the one they were first recorded with.
    # A batch can be monitored before anything was predicted: its customers need the key that their labels are looked up with.
    key = customer_key(home, create=any(home.batches.glob("*.parquet")))
    reading = _reading(table, spec, key, first_recorded(ledger, place, audit) or time_text(now), now)
    rows = _Rows()
    for batch in table.batches():
        _read(reading, batch, rows)
        progress(rows.tally.read)
    if not rows.tally.read:
        raise TableRefused(f"{source.name} has a header and no rows.", "Give a table with one row a customer.")
    with Quarantine(source.with_name(f"{source.stem}.quarantine.csv")) as quarantine:
        quarantine.add(rows.refusals)
        guard_share(rows.tally, most_bad, source.name, final=True)
        known = known_customers(ledger, rows.customers)
        known |= BatchCustomers(home.batches, key).among(set(rows.customers) - known)
        strangers = _strangers(rows, known, reading.id)
        quarantine.add(strangers)
        if not known:
            raise TableRefused(
                f"The ledger knows none of the customers in {source.name}: no prediction, campaign or monitored batch has them.",
                f"Check the column {reading.id}, or name another --home.",
            )
        evidence = {"data": table.sha256, "rows": rows.tally.read, "unknown_customers": len(strangers)}
        done = record_outcomes(ledger, _outcomes(rows, known, place, now), who, evidence, now, audit)
    return replace(_told(source, rows, known, done, len(strangers), quarantine), audit=audit)


def _strangers(rows: _Rows, known: set[str], column: str) -> list[Refusal]:
    return [
        Refusal(number, column, "unknown customer", "a customer of the ledger", "text")
        for number, one in zip(rows.numbers, rows.customers, strict=True)
        if one not in known
    ]


def _outcomes(rows: _Rows, known: set[str], place: str, now: datetime) -> list[Outcome]:
    return [
        Outcome(customer, observed, outcome, place, time_text(now))
        for customer, observed, outcome in zip(rows.customers, rows.times, rows.outcomes, strict=True)
        if outcome is not None and customer in known
    ]


def _told(source: Path, rows: _Rows, known: set[str], done: RecordedOutcomes, strangers: int, quarantine: Quarantine) -> RecordedFile:
    waiting = sum(outcome is None and one in known for outcome, one in zip(rows.outcomes, rows.customers, strict=True))
    return RecordedFile(
        rows=rows.tally.read,
        recorded=done.added,
        known=done.known,
        unlabelled=waiting,
        unknown_customers=strangers,
        quarantined=rows.tally.quarantined,
        quarantine=quarantine.path if quarantine.count else None,
        source=source,
        rules=rows.tally.rules,
    )


def _reading(table: Table, spec: TableSpec, key: bytes, untimed: str, now: datetime) -> _Reading:
    """Raises TableRefused where the file has no id or no outcome column."""
    identity = spec.id if spec.id in table.names else ID
    label = spec.label if spec.label in table.names else OUTCOME
    for name, wanted in ((identity, spec.id), (label, spec.label)):
        if name not in table.names:
            either = name if wanted is None or wanted == name else f"{wanted} or {name}"
            raise TableRefused(f"{table.path.name} lacks the column {either}.", "Give a table with an id and an outcome in each row.")
    needed = (str(identity), str(label), *((OBSERVED,) if OBSERVED in table.names else ()))
    labels = spec_labels(spec) if label == spec.label else outcome_labels(spec)
    return _Reading(spec, columns_of(table, spec, needed), str(identity), str(label), labels, key, untimed, now)


def _read(reading: _Reading, batch: RawBatch, rows: _Rows) -> None:
    ids = customer_ids(batch.table.column(reading.positions[reading.id]), reading.spec)
    labels = _texts(batch, reading, reading.label)
    times = _texts(batch, reading, OBSERVED) if OBSERVED in reading.positions else [""] * len(ids)
    rows.tally.read += len(ids) + len(batch.ragged)
    for line in batch.ragged:
        _refuse(rows, Refusal(line.row, "", "fields", f"{line.expected} fields", f"{line.found} fields"))
    for number, one, label, moment in zip(batch.row_numbers.tolist(), ids, labels, times, strict=True):
        outcome = read_label(reading.labels, label)
        observed = reading.untimed if not moment.strip() else past_time(moment.strip(), reading.now)
        if one is None:
            _refuse(rows, Refusal(number, reading.id, "missing", "an id", "empty"))
        elif outcome == UNREADABLE:
            _refuse(rows, Refusal(number, reading.label, "label", " or ".join(map(repr, reading.labels.words)), kind_of(label)))
        elif observed is None:
            _refuse(rows, Refusal(number, OBSERVED, "date", "an ISO date or time that has come", kind_of(moment)))
        else:
            rows.numbers.append(number)
            rows.customers.append(customer_hash(reading.key, one))
            rows.outcomes.append(outcome)
            rows.times.append(observed)


def _texts(batch: RawBatch, reading: _Reading, name: str) -> list[str]:
    array: pa.Array = as_text(batch.table.column(reading.positions[name]))
    declared = reading.spec.columns.get(name)
    return ["" if cell is None else cell if declared is None else declared.repaired(cell) for cell in array.to_pylist()]


def _refuse(rows: _Rows, refusal: Refusal) -> None:
    rows.refusals.append(refusal)
    rows.tally.quarantined += 1
    rows.tally.add({f"{refusal.column or 'line'}: {refusal.rule}": 1}, rows.tally.rules)
