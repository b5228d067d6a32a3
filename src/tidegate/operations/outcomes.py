"""`tidegate outcomes`: what became of customers, from a file into the ledger."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pyarrow as pa

from tidegate.customers.admit import Refusal, Tally, guard_share, kind_of
from tidegate.customers.columns import as_text
from tidegate.customers.load import RawBatch, Table, columns_of, open_table
from tidegate.customers.quarantine import Quarantine
from tidegate.customers.spec import TableSpec
from tidegate.errors import TableRefused
from tidegate.home import Home
from tidegate.ledger.customer_key import customer_hash
from tidegate.ledger.outcomes import Outcome, RecordedOutcomes, first_recorded, known_customers, record_outcomes, time_text
from tidegate.ledger.store import Ledger
from tidegate.operations.campaign_places import customer_ids, customer_key, spec_of

ID, OUTCOME, OBSERVED = "customer_id", "outcome", "observed_at"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_WHOLE = re.compile(r"(-?\d+)\.0+")
_UNREADABLE = -1


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
        }

    def summary(self) -> str:
        """A few lines for a person."""
        lines = [f"{self.recorded:,} outcomes recorded from {self.rows:,} rows of {self.source}."]
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
    """How to read this file: names of its columns, meaning of its words, and the time of rows that give none."""

    spec: TableSpec
    positions: Mapping[str, int]
    id: str
    label: str
    words: Mapping[str, int]
    other: int | None
    key: bytes
    untimed: str
    now: datetime


def record_file(
    home: Home, ledger: Ledger, source: Path, most_bad: float, who: str, now: datetime, progress: Callable[[int], None]
) -> RecordedFile:
    """Record every outcome of a file, all in one transaction; the same file again adds nothing.

    Rows that break the contract go to a quarantine file beside `source` and count against `most_bad`. So do rows of customers whom the
    ledger knows from no prediction and no campaign, but they do not count: an outcomes file may well cover the whole bank. Raises
    TableRefused where too many are bad, or nobody in the file is known, and InputRefused where outcomes contradict one another.
    """
    table, spec = open_table(source), spec_of(home)
    place = f"file:{table.sha256}"
    # The same bytes are the same news: rows without a time keep the one they were first recorded with.
    reading = _reading(table, spec, customer_key(home, create=False), first_recorded(ledger, place) or time_text(now), now)
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
        strangers = _strangers(rows, known, reading.id)
        quarantine.add(strangers)
        if not known:
            raise TableRefused(
                f"The ledger knows none of the customers in {source.name}: neither a prediction nor a campaign has them.",
                f"Check the column {reading.id}, or name another --home.",
            )
        evidence = {"data": table.sha256, "rows": rows.tally.read, "unknown_customers": len(strangers)}
        done = record_outcomes(ledger, _outcomes(rows, known, place, now), who, evidence, now)
    return _told(source, rows, known, done, len(strangers), quarantine)


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
    spelt = {text: left for text, left in ((spec.positive, 1), (spec.negative, 0)) if text is not None}
    words = spelt if label == spec.label else spelt | {"1": 1, "0": 0, "true": 1, "false": 0}
    other = 0 if label == spec.label and spec.negative is None else None
    return _Reading(spec, columns_of(table, spec, needed), str(identity), str(label), words, other, key, untimed, now)


def _read(reading: _Reading, batch: RawBatch, rows: _Rows) -> None:
    ids = customer_ids(batch.table.column(reading.positions[reading.id]), reading.spec)
    labels = _texts(batch, reading, reading.label)
    times = _texts(batch, reading, OBSERVED) if OBSERVED in reading.positions else [""] * len(ids)
    rows.tally.read += len(ids) + len(batch.ragged)
    for line in batch.ragged:
        _refuse(rows, Refusal(line.row, "", "fields", f"{line.expected} fields", f"{line.found} fields"))
    for number, one, label, moment in zip(batch.row_numbers.tolist(), ids, labels, times, strict=True):
        outcome = _outcome(label, reading)
        observed = reading.untimed if not moment.strip() else _observed(moment.strip(), reading.now)
        if one is None:
            _refuse(rows, Refusal(number, reading.id, "missing", "an id", "empty"))
        elif outcome == _UNREADABLE:
            _refuse(rows, Refusal(number, reading.label, "label", " or ".join(map(repr, reading.words)), kind_of(label)))
        elif observed is None:
            _refuse(rows, Refusal(number, OBSERVED, "date", "an ISO date or time that has come", kind_of(moment)))
        else:
            rows.numbers.append(number)
            rows.customers.append(customer_hash(reading.key, one))
            rows.outcomes.append(outcome)
            rows.times.append(observed)


def _outcome(text: str, reading: _Reading) -> int | None:
    """1 left, 0 stayed, None not known yet, _UNREADABLE for any other word. A whole float is its number: pandas writes 1 as 1.0."""
    if text not in reading.words and (whole := _WHOLE.fullmatch(text)):
        text = whole[1]
    if text in reading.words:
        return reading.words[text]
    if text in reading.spec.missing or not text.strip():
        return None
    return _UNREADABLE if reading.other is None else reading.other


def _observed(text: str, now: datetime) -> str | None:
    """The time as the ledger writes it, a date alone as the end of that day in UTC; None where it is none or is still to come.

    >>> _observed("2026-03-01", datetime(2026, 3, 1, 9, tzinfo=UTC)), _observed("soon", datetime(2026, 3, 1, tzinfo=UTC))
    ('2026-03-01T23:59:59.999999+00:00', None)
    """
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text)
            return time_text(datetime.combine(day, time.max, UTC)) if day <= now.astimezone(UTC).date() else None
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return time_text(moment) if moment <= now else None
    except (ValueError, OverflowError):
        return None


def _texts(batch: RawBatch, reading: _Reading, name: str) -> list[str]:
    array: pa.Array = as_text(batch.table.column(reading.positions[name]))
    declared = reading.spec.columns.get(name)
    return ["" if cell is None else cell if declared is None else declared.repaired(cell) for cell in array.to_pylist()]


def _refuse(rows: _Rows, refusal: Refusal) -> None:
    rows.refusals.append(refusal)
    rows.tally.quarantined += 1
    rows.tally.add({f"{refusal.column or 'line'}: {refusal.rule}": 1}, rows.tally.rules)
