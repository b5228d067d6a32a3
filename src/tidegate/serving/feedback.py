"""`/feedback`: what the person heard who contacted a customer."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from tidegate.customers.admit import kind_of
from tidegate.errors import RowRefused
from tidegate.ledger.customer_key import customer_hash, keyed_digest
from tidegate.ledger.feedback import HEARD, LONGEST_NOTE, Feedback, record_feedback
from tidegate.ledger.times import past_time, time_text
from tidegate.serving.documents import answer, canonical
from tidegate.serving.patience import asked_ledger
from tidegate.serving.requests import add_post, asking, idempotency_key, json_document, ledger_of, misshapen
from tidegate.serving.schemas import with_parameters
from tidegate.serving.service import LONGEST_ID, Service, new_id, usable_id

_FIELDS = ("customer_id", "prediction_id", "heard", "note", "at")


class FeedbackAnswer(BaseModel):
    """One recorded feedback."""

    feedback_id: str
    prediction_id: str | None = Field(description="the prediction it is about: the one named, or the customer's last one until `at`")
    heard: str
    at: str
    timestamp: str


def add_feedback(app: FastAPI, service: Service) -> None:
    """The route."""
    summary = "Record what the contact person heard"
    add_post(app, service, post_feedback, "/feedback", summary, feedback_body(), {"model": FeedbackAnswer})


def feedback_body() -> dict[str, Any]:
    """OpenAPI request body and header."""
    nullable_text: dict[str, Any] = {"type": ["string", "null"]}
    properties = {
        "customer_id": {"type": ["string", "integer"], "minLength": 1, "maxLength": LONGEST_ID, "description": "as in /predict"},
        "prediction_id": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID, "description": "as answered by /predict"},
        "heard": {"enum": list(HEARD)},
        "note": {**nullable_text, "maxLength": LONGEST_NOTE, "description": "May hold personal data; it is erased with the customer"},
        "at": {**nullable_text, "description": "When it was heard: ISO 8601, not in the future; now where it is absent"},
    }
    schema = {"type": "object", "properties": properties, "required": ["heard"], "additionalProperties": False}
    either = {"oneOf": [{"required": ["customer_id"]}, {"required": ["prediction_id"]}]}
    return with_parameters({"requestBody": {"required": True, "content": {"application/json": {"schema": schema | either}}}})


async def post_feedback(service: Service, request: Request) -> Response:
    """POST /feedback."""
    ledger, key, now = ledger_of(service), idempotency_key(request), datetime.now(UTC)
    document = await json_document(request)
    feedback = read_feedback(document, service.key, key, now)
    evidence = {"route": "/feedback", "request": request.state.request_id}
    recorded = await asked_ledger(service, 1, partial(record_feedback, ledger, feedback, asking(request), evidence, now))
    told = {name: getattr(recorded, name) for name in ("feedback_id", "prediction_id", "heard", "at")}
    return answer({**told, "timestamp": recorded.recorded_at})


def read_feedback(document: Any, secret: bytes, key: str | None, now: datetime) -> Feedback:
    """The feedback of a request, not recorded yet. `secret` is the installation's, `key` the request's. Raises RowRefused."""
    fault = misshapen(document, ("heard",), _FIELDS)
    if fault is not None:
        raise RowRefused(fault[2], f"(rule: {fault[1]})")
    if ("customer_id" in document) == ("prediction_id" in document):
        raise RowRefused("customer_id, prediction_id: exactly one of them says whom it is about.", "(rule: one of two)")
    if "customer_id" in document and not usable_id(document["customer_id"]):
        raise _refused(document, "customer_id", f"a text of 1 to {LONGEST_ID} characters or a whole number", "type")
    if "prediction_id" in document and not (document["prediction_id"] and _text(document["prediction_id"], LONGEST_ID)):
        raise _refused(document, "prediction_id", "the id of a prediction", "type")
    if document["heard"] not in HEARD:
        raise _refused(document, "heard", " or ".join(HEARD), "level")
    note, at = document.get("note"), document.get("at")
    if note is not None and not _text(note, LONGEST_NOTE):
        raise _refused(document, "note", f"a text of up to {LONGEST_NOTE} characters", "text")
    moment = time_text(now) if at is None else past_time(at.strip(), now) if isinstance(at, str) else None
    if moment is None:
        raise _refused(document, "at", "an ISO date or time that has come", "date")
    customer = document.get("customer_id")
    return Feedback(
        feedback_id=new_id(),
        idempotency_key=key,
        request_digest=None if key is None else keyed_digest(secret, f"feedback\n{canonical(document)}"),
        prediction_id=document.get("prediction_id"),
        customer=None if customer is None else customer_hash(secret, str(customer)),
        heard=document["heard"],
        note=note or None,
        at=moment,
        recorded_at=time_text(now),
    )


def _refused(document: dict[str, Any], name: str, expected: str, rule: str) -> RowRefused:
    return RowRefused(f"{name}: expected {expected}, found {kind_of(document[name])}.", f"(rule: {rule})")


def _text(value: object, longest: int) -> bool:
    """Whether this is a text that any ledger can hold: half a surrogate pair is no UTF-8, and PostgreSQL takes no NUL."""
    if not isinstance(value, str) or len(value) > longest:
        return False
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value)
