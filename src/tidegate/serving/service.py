"""What the API serves from: the champion, the ledger's writer, the customer key. Knows no route."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.bundle.scorer import Scorer
from tidegate.customers.admit import kind_of
from tidegate.customers.cells import rows_from_objects
from tidegate.customers.contract import breaches
from tidegate.customers.rows import Rows
from tidegate.errors import RowRefused
from tidegate.ledger.batch_customers import BatchCustomers
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.customer_key import customer_hash, keyed_digest
from tidegate.ledger.predictions import Prediction
from tidegate.ledger.store import Ledger
from tidegate.serving.documents import canonical, compact
from tidegate.serving.metrics import Metrics
from tidegate.serving.trial.arms import Arms, Scored, scored_by_arm
from tidegate.settings import Settings

LONGEST_ID, LONGEST_KEY = 256, 255


@dataclass
class Service:
    """One per process. `scorer` is replaced as a whole when the champion changes; a request uses the one it began with.

    `scratch` takes uploaded files while they are scored. `explaining` works out reasons: one thread, begun with the first of them.
    `asking` asks the ledger whatever is not a prediction, apart from the threads that score.
    `arms` says which version scores whom while an experiment runs. `batches` knows who is in the monitored batches of this machine's home.
    """

    scorer: Scorer
    ledger: Ledger | None
    commit: GroupCommit | None
    key: bytes
    settings: Settings
    metrics: Metrics
    scratch: Path
    explaining: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "reasons"))
    asking: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(6, "ledger"))
    arms: Arms = field(default_factory=Arms)
    batches: BatchCustomers | None = None


@dataclass(frozen=True)
class Refused:
    """One refused customer of a batch: its place, the field, the rule and a sentence."""

    index: int
    field: str
    rule: str
    detail: str


def judge(scorer: Scorer, customers: Sequence[object]) -> tuple[list[int], Rows | None, list[Refused]]:
    """Positions of the valid customers, their typed rows, and the refused ones (one entry each, the first rule broken)."""
    shaped, refused = [], {}
    for index, customer in enumerate(customers):
        fault = _misshapen(scorer, customer)
        if fault is None:
            shaped.append(index)
        else:
            refused[index] = Refused(index, *fault)
    if not shaped:
        return [], None, list(refused.values())
    objects: list[Mapping[str, Any]] = [customers[index] for index in shaped]  # type: ignore[misc]
    rows = rows_from_objects(scorer.contract, objects)
    found = breaches(scorer.contract, rows)
    if not found:
        return shaped, rows, [refused[index] for index in sorted(refused)]
    for breach in found:
        for position in breach.rows.tolist():
            value = objects[position].get(breach.column)
            kind = kind_of(value) if breach.column in objects[position] else "another relation"
            detail = f"{breach.column}: expected {breach.expects}, found {'text' if isinstance(value, str) else kind}."
            refused.setdefault(shaped[position], Refused(shaped[position], breach.column, breach.rule, detail))
    valid = np.array([position for position, index in enumerate(shaped) if index not in refused], np.int64)
    kept = [shaped[position] for position in valid.tolist()]
    return kept, rows.take(valid) if kept else None, [refused[index] for index in sorted(refused)]


def _misshapen(scorer: Scorer, customer: object) -> tuple[str, str, str] | None:
    """(field, rule, sentence) where an object lacks a field, has a strange one or an unusable customer_id."""
    if not isinstance(customer, dict):
        return "", "object", f"A customer must be a JSON object, found {kind_of(customer)}."
    columns = scorer.contract.spec.feature_columns
    if len(customer) != len(columns) or any(column.name not in customer for column in columns):
        for column in columns:
            if column.name not in customer:
                return column.name, "absent", f"{column.name}: the field is absent; send it, or null where /features says nullable."
        names = {column.name for column in columns} | {"customer_id"}
        extra = next((name for name in customer if name not in names), None)
        if extra is not None:
            shown = extra if extra.isascii() and extra.isprintable() and len(extra) <= 64 else "(unprintable)"
            return shown, "extra", f"{shown}: no such field; GET /features lists the fields."
    identity = customer.get("customer_id")
    if identity is not None and not usable_id(identity):
        return "customer_id", "type", f"customer_id: expected a text of 1 to {LONGEST_ID} characters or a whole number."
    return None


def usable_id(identity: object) -> bool:
    """Whether this can name a customer: a whole number, or a text that is not too long and can be stored."""
    if type(identity) is int:
        return abs(identity) < 1 << 63
    if type(identity) is not str or not 0 < len(identity) <= LONGEST_ID:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in identity)


def predict(
    service: Service, scorer: Scorer, customers: Sequence[Mapping[str, Any]], rows: Rows, source: str, key: str | None, digest: str | None
) -> list[Prediction]:
    """Score valid customers into predictions that are not recorded yet. A batch's key is continued by the place in it.

    Each is scored by the version of the customer's arm where an experiment runs, else by `scorer`, the champion the request began with.
    """
    hashes, ids = customer_hashes(service.key, customers), [new_id() for _ in customers]
    return unrecorded(customers, scored_by_arm(service.arms, service.metrics, scorer, rows, hashes, ids), hashes, ids, source, key, digest)


def customer_hashes(secret: bytes, customers: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """Keyed hashes of the customers' ids, None without one. `secret` is the installation's."""
    identities = [customer.get("customer_id") for customer in customers]
    return [None if identity is None else customer_hash(secret, str(identity)) for identity in identities]


def unrecorded(
    customers: Sequence[Mapping[str, Any]],
    scores: Sequence[Scored],
    hashes: Sequence[str | None],
    prediction_ids: Sequence[str],
    source: str,
    key: str | None,
    digest: str | None,
) -> list[Prediction]:
    """Predictions of customers who were just scored; all sequences are of one length."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    names = [column.name for column in scores[0].scorer.contract.spec.feature_columns]
    found = []
    for place, one in enumerate(scores):
        threshold = one.scorer.manifest.threshold
        found.append(
            Prediction(
                prediction_id=prediction_ids[place],
                idempotency_key=key if key is None or not place else continued(key, place),
                request_digest=digest,
                customer=hashes[place],
                model_version=one.scorer.version,
                bundle_digest=one.scorer.digest,
                variant=one.variant,
                probability=one.probability,
                threshold=threshold,
                prediction=int(one.probability >= threshold),
                row=compact({name: customers[place][name] for name in names}),
                source=source,
                created_at=now,
                experiment_phase=one.phase,
            )
        )
    return found


def continued(key: str, place: int) -> str:
    """A request's key for its customer at `place` beyond the first. The separator is none that a caller can send."""
    return f"{key}\x1f{place}"


def request_digest(key: bytes, source: str, document: object) -> str:
    """Keyed digest of a request's meaning: a repeated idempotency key must come with the same one. Keyed, because it covers an id."""
    return keyed_digest(key, f"{source}\n{canonical(document)}")


def new_id() -> str:
    """A prediction's id: UUID version 7 (RFC 9562), ordered by time."""
    random = int.from_bytes(os.urandom(10), "big")
    value = (time.time_ns() // 1_000_000) << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64 | 0b10 << 62 | random & (1 << 62) - 1
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def answer_of(scorer: Scorer, prediction: Prediction) -> dict[str, Any]:
    """What the caller is told about a recorded prediction."""
    spec = scorer.contract.spec
    stayed = spec.negative or f"not {spec.positive}"
    return {
        "prediction": prediction.prediction,
        "prediction_label": spec.positive if prediction.prediction else stayed,
        "probabilities": {"churn": prediction.probability, "non_churn": 1.0 - prediction.probability},
        "threshold": prediction.threshold,
        "model_version": prediction.model_version,
        "variant": prediction.variant,
        "prediction_id": prediction.prediction_id,
        "timestamp": prediction.created_at,
    }


def one_valid(scorer: Scorer, document: object) -> tuple[Mapping[str, Any], Rows]:
    """The single customer of `/predict`. Raises RowRefused with field, rule and remedy."""
    _, rows, refused = judge(scorer, [document])
    if refused or rows is None:
        raise RowRefused(refused[0].detail, f"(rule: {refused[0].rule})")
    return document, rows  # type: ignore[return-value]
