"""`/outcomes`: what became of customers, as late as it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from tidegate.customers.admit import kind_of
from tidegate.customers.labels import UNREADABLE, Labels, outcome_labels, read_label
from tidegate.customers.spec import TableSpec
from tidegate.errors import InputRefused, TooLarge
from tidegate.ledger.customer_key import customer_hash, keyed_digest
from tidegate.ledger.outcomes import Outcome, RecordedOutcomes, first_recorded, known_customers, record_outcomes
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import past_time, time_text
from tidegate.serving.documents import answer, canonical
from tidegate.serving.patience import asked_ledger
from tidegate.serving.requests import add_post, asking, json_document, ledger_of, misshapen
from tidegate.serving.schemas import RejectedCustomer
from tidegate.serving.service import LONGEST_ID, Refused, Service, usable_id

_FIELDS = ("customer_id", "outcome", "observed_at")


class OutcomesAnswer(BaseModel):
    """What became of the outcomes of a request: each is recorded, was known already, or is rejected."""

    recorded: int = Field(ge=0)
    known_already: int = Field(ge=0)
    rejected: list[RejectedCustomer]


@dataclass(frozen=True)
class _Seen:
    """A readable item and its place in the request; `observed_at` is None where it says none."""

    index: int
    customer: str
    outcome: int
    observed_at: str | None


def add_outcomes(app: FastAPI, service: Service) -> None:
    """The route."""
    body = outcomes_body(service.scorer.contract.spec, service.settings.max_batch_rows)
    add_post(app, service, post_outcomes, "/outcomes", "Record who left and who stayed", body, {"model": OutcomesAnswer})


def outcomes_body(spec: TableSpec, most: int) -> dict[str, Any]:
    """OpenAPI request body."""
    words = ", ".join(f"{text!r} is {left}" for text, left in outcome_labels(spec).words.items())
    properties = {
        "customer_id": {"type": ["string", "integer"], "minLength": 1, "maxLength": LONGEST_ID, "description": "as in /predict"},
        "outcome": {"type": ["integer", "boolean", "string"], "description": f"1 left, 0 stayed; as a text: {words}"},
        "observed_at": {"type": ["string", "null"], "description": "ISO 8601, not in the future; a date is the end of that day in UTC"},
    }
    item = {"type": "object", "properties": properties, "required": list(_FIELDS[:2]), "additionalProperties": False}
    outcomes = {"type": "array", "items": item, "minItems": 1, "maxItems": most}
    schema = {"type": "object", "properties": {"outcomes": outcomes}, "required": ["outcomes"], "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def post_outcomes(service: Service, request: Request) -> Response:
    """POST /outcomes."""
    ledger, document = ledger_of(service), await json_document(request)
    items = _items(document, service.settings.max_batch_rows)
    work = partial(_record, service, ledger, items, asking(request), request.state.request_id, datetime.now(UTC))
    done, rejected = await asked_ledger(service, len(items), work)
    return answer({"recorded": done.added, "known_already": done.known, "rejected": [asdict(one) for one in rejected]})


def _items(document: Any, most: int) -> list[Any]:
    items = document.get("outcomes") if isinstance(document, dict) and set(document) == {"outcomes"} else None
    if not isinstance(items, list) or not items:
        raise InputRefused("The body holds no outcomes.", 'Send {"outcomes": [{…}, …]} with at least one outcome and no other field.')
    if len(items) > most:
        raise TooLarge(f"The body holds {len(items):,} outcomes; at most {most:,} are recorded at once.", "Send fewer, or a file.")
    return items


def _record(
    service: Service, ledger: Ledger, items: Sequence[Any], who: str, request_id: str, now: datetime
) -> tuple[RecordedOutcomes, list[Refused]]:
    """Record the readable outcomes of known customers in one transaction, with one event; name the others.

    Raises InputRefused where outcomes contradict one another or the ledger; then nothing is recorded.
    """
    labels = outcome_labels(service.scorer.contract.spec)
    judged = [_judged(labels, service.key, index, item, now) for index, item in enumerate(items)]
    seen = [one for one in judged if isinstance(one, _Seen)]
    known = known_customers(ledger, (one.customer for one in seen))
    if service.batches is not None:
        known |= service.batches.among({one.customer for one in seen} - known, skip_damaged=True)
    unknown = "customer_id: no prediction, campaign or monitored batch has this customer."
    rejected = [one for one in judged if isinstance(one, Refused)]
    strangers = [Refused(one.index, "customer_id", "unknown customer", unknown) for one in seen if one.customer not in known]
    # The same items on the same day are the same news: those without a time keep the one they were first recorded with.
    source = f"outcomes:{keyed_digest(service.key, f'{now.date()} {canonical(items)}')}"
    untimed = first_recorded(ledger, source) or time_text(now)
    kept = [Outcome(one.customer, one.observed_at or untimed, one.outcome, source, time_text(now)) for one in seen if one.customer in known]
    evidence = {"route": "/outcomes", "request": request_id, "rows": len(items), "unknown_customers": len(strangers)}
    done = record_outcomes(ledger, kept, who, {**evidence, "rejected": len(rejected)}, now)
    return done, sorted([*rejected, *strangers], key=lambda one: one.index)


def _judged(labels: Labels, key: bytes, index: int, item: object, now: datetime) -> _Seen | Refused:
    fault = misshapen(item, _FIELDS[:2], _FIELDS)
    if fault is not None:
        return Refused(index, *fault)
    assert isinstance(item, dict)
    identity, said, observed_at = item["customer_id"], item["outcome"], item.get("observed_at")
    if not usable_id(identity):
        return Refused(index, "customer_id", "type", f"customer_id: expected a text of 1 to {LONGEST_ID} characters or a whole number.")
    outcome = read_label(labels, _text(said))
    if outcome is None or outcome == UNREADABLE:
        words = " or ".join(map(repr, labels.words))
        known_later = " Not known yet is not 'stayed': send it when it is known." if outcome is None else ""
        return Refused(index, "outcome", "label", f"outcome: expected {words}, found {kind_of(said)}.{known_later}")
    moment = None if observed_at is None else past_time(observed_at.strip(), now) if isinstance(observed_at, str) else ""
    if observed_at is not None and not moment:
        detail = f"observed_at: expected an ISO date or time that has come, found {kind_of(observed_at)}."
        return Refused(index, "observed_at", "date", detail)
    return _Seen(index, customer_hash(key, str(identity)), outcome, moment)


def _text(said: object) -> str:
    """A JSON value as a file would write it; what cannot be a label is a text that is none."""
    if isinstance(said, bool):
        return "true" if said else "false"
    if said is None:
        return ""
    return str(said) if isinstance(said, str | int | float) else "(no label)"
