"""Which customers a renewal learns from, which it is judged on, and which it leaves alone.

A customer is always on the same side: whoever is in the frozen holdout, in the reserved slice or in an audit is learned from by no version,
whichever batch they turn up in again.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.kept_rows import HOLDOUT, TRAIN, UNKNOWN_LABEL, KeptRows, read_kept
from tidegate.customers.rows import concatenate, layout_of
from tidegate.customers.spec import TableSpec
from tidegate.errors import HomeRefused
from tidegate.home import Home
from tidegate.ledger.campaigns import treated_among
from tidegate.ledger.customer_key import customer_hash, keyed_digest
from tidegate.ledger.store import Ledger
from tidegate.monitoring.performance.labels import audit_labels_of, labels_of

Labels = NDArray[np.int8]
DAYS_A_MONTH = 30.44
BATCHES = "batches"


@dataclass(frozen=True)
class Terms:
    """How customers are chosen. `months`: how old a batch may be, 0 for any. `treated`: what becomes of customers of a campaign's treated
    arm, whose label is what the campaign made of it.
    """

    horizon_days: int
    reserved_share: float = 0.2
    months: int = 0
    treated: Literal["leave_out", "keep"] = "leave_out"


@dataclass(frozen=True)
class Material:
    """Labelled customers by what they are for. `old` and `fresh` are learned from; `holdout`, `reserved` and `audit` are judged on.

    `audit.label` is the checked label, `audit_ordinary` what these customers have outside the audit (int8 (n,), -1 not known). `batches`:
    names of the files that these and earlier renewals took. `newest`: the newest batch whole, labelled or not; None where there is none.
    `counts`: what was left out, by why.
    """

    old: KeptRows
    fresh: KeptRows
    holdout: KeptRows
    reserved: KeptRows
    audit: KeptRows
    audit_ordinary: Labels
    newest: KeptRows | None
    batches: tuple[str, ...]
    counts: dict[str, int]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Batch:
    """A kept batch with its labels; `treated` bool (n,)."""

    name: str
    seen_at: datetime
    kept: KeptRows
    label: Labels
    audited: Labels
    treated: NDArray[np.bool_]


def gather(home: Home, ledger: Ledger, spec: TableSpec, digest: str, key: bytes, terms: Terms, now: datetime) -> Material:
    """Everything that a renewal of the champion with this digest may use by now; `key` is the installation's customer key.

    Raises HomeRefused where the champion's reference is missing or damaged, and LedgerUnavailable. A batch that was written with another
    table spec, or cannot be read, is left out with a warning.
    """
    reference = read_kept(home.reference / f"{digest}.parquet", spec)
    used = set(json.loads(reference.about.get(BATCHES, "[]")))
    kept, warnings = _read_batches(home, spec, terms, now)
    batches = [_labelled(ledger, key, terms, now, *one) for one in kept if one[0] not in used]
    holdout = reference.take(reference.part == HOLDOUT)
    frozen, counts = set(_names(holdout)), Counter[str]()
    sides: dict[str, list[KeptRows]] = {"fresh": [], "reserved": [], "audit": []}
    ordinary: list[Labels] = []
    for batch in batches:
        audited, reserved, fresh = _sides(batch, key, terms, frozen, counts)
        sides["audit"].append(replace(batch.kept.take(audited), label=batch.audited[audited]))
        ordinary.append(batch.label[audited])
        for side, mask in (("reserved", reserved), ("fresh", fresh)):
            sides[side].append(replace(batch.kept.take(mask), label=batch.label[mask]))
    found = {side: joined(parts, spec) for side, parts in sides.items()}
    judged = {*frozen, *_names(found["reserved"]), *_names(found["audit"])}
    # whoever was audited in one batch is not learned from in another
    fresh_rows = found["fresh"].take(_without(found["fresh"], judged))
    old = reference.take((reference.part == TRAIN) & _without(reference, judged))
    matured = {one.name for one in batches if (one.label != UNKNOWN_LABEL).any() or (one.audited != UNKNOWN_LABEL).any()}
    newest = kept[-1][2] if kept else None
    known = np.concatenate([np.empty(0, np.int8), *ordinary])
    return Material(
        old,
        fresh_rows,
        holdout,
        found["reserved"],
        found["audit"],
        known,
        newest,
        tuple(sorted(used | matured)),
        dict(counts),
        tuple(warnings),
    )


def joined(parts: Sequence[KeptRows], spec: TableSpec) -> KeptRows:
    """Customers of several files as one, `about` nothing; none of none."""
    rows = concatenate([part.rows for part in parts], layout_of(spec))
    empty: tuple[NDArray[np.generic], ...] = (np.empty(0, object), np.empty(0, np.int8), np.empty(0, object), np.empty(0))
    columns = [(part.ids, part.label, part.part, part.probability) for part in parts]
    ids, label, part, probability = (np.concatenate(pieces) for pieces in zip(empty, *columns, strict=True))
    return KeptRows(rows, ids, label.astype(np.int8), part, probability.astype(np.float64), {})


def _read_batches(home: Home, spec: TableSpec, terms: Terms, now: datetime) -> tuple[list[tuple[str, datetime, KeptRows]], list[str]]:
    """(name, seen at, customers) of every usable batch, the oldest first, and what was left out."""
    found, warnings = [], []
    for path in sorted(home.batches.glob("*.parquet")):
        try:
            kept = read_kept(path, spec)
            seen_at = _time(kept, path)
        except HomeRefused as error:
            warnings.append(f"A batch is left out: {error.detail}")
            continue
        if not terms.months or seen_at >= now - timedelta(days=DAYS_A_MONTH * terms.months):
            found.append((path.stem, seen_at, kept))
    return sorted(found, key=lambda one: (one[1], one[0])), warnings


def _time(kept: KeptRows, path: Path) -> datetime:
    try:
        seen_at = datetime.fromisoformat(kept.about["seen_at"])
    except (KeyError, ValueError):
        raise HomeRefused(f"{path} does not say when its customers were seen.", "Monitor the batch again.") from None
    if seen_at.tzinfo is None:
        raise HomeRefused(f"{path} says without time zone when its customers were seen.", "Monitor the batch again.")
    return seen_at


def _labelled(ledger: Ledger, key: bytes, terms: Terms, now: datetime, name: str, seen_at: datetime, kept: KeptRows) -> _Batch:
    """What the batch file says counts, else what the ledger says."""
    customers = [None if one is None else customer_hash(key, one) for one in kept.ids]
    ordinary = labels_of(ledger, customers, seen_at, terms.horizon_days, now)[0]
    audited = audit_labels_of(ledger, customers, seen_at, terms.horizon_days, now)[0]
    label = np.where(kept.label == UNKNOWN_LABEL, ordinary, kept.label).astype(np.int8)
    treated = treated_among(ledger, {one for one in customers if one is not None})
    return _Batch(name, seen_at, kept, label, audited, np.array([one in treated for one in customers], bool))


def _sides(
    batch: _Batch, key: bytes, terms: Terms, frozen: set[str], counts: Counter[str]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks of a batch: audited, reserved, learned from. Treated customers are in none of them, unless they are kept."""
    names = _names(batch.kept)
    out = batch.treated & (terms.treated == "leave_out")
    audited = (batch.audited != UNKNOWN_LABEL) & ~out
    known = (batch.label != UNKNOWN_LABEL) & ~audited & ~out
    apart = np.array([one in frozen or is_reserved(key, one, terms.reserved_share) for one in names], bool)
    counts["treated"] += int(batch.treated.sum())
    counts["not matured or not labelled"] += int(((batch.label == UNKNOWN_LABEL) & ~audited & ~out).sum())
    return audited, known & apart, known & ~apart


def is_reserved(key: bytes, customer: str, share: float) -> bool:
    """Whether a customer is in the slice that training never sees: by a keyed hash, so that nobody without the key can aim around it."""
    return int(keyed_digest(key, f"reserved {customer}")[:13], 16) < share * 16**13


def _names(kept: KeptRows) -> list[str]:
    """Who each row is: the id, else what the row says."""
    return [_content(kept, place) if one is None else str(one) for place, one in enumerate(kept.ids)]


def _content(kept: KeptRows, place: int) -> str:
    content = kept.rows.numbers[:, place].tobytes() + kept.rows.codes[:, place].tobytes()
    return "\x00" + hashlib.sha256(content).hexdigest()


def _without(kept: KeptRows, names: Iterable[str]) -> NDArray[np.bool_]:
    barred = set(names)
    return np.array([one not in barred for one in _names(kept)], bool)
