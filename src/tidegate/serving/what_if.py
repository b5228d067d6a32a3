"""`/what-if`: what the probability of a recorded prediction would be if columns that the bank can change had other values.

Nothing of it is recorded, because nothing of it happened: it would be counted as traffic and as drift. So that it is no way to score
somebody without a record, it begins with a recorded prediction, changes actionable columns only, and answers for the version that scored.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from tidegate.bundle.scorer import Scorer, score
from tidegate.customers.spec import TableSpec
from tidegate.errors import InputRefused, NotFound, TooLarge
from tidegate.ledger.predictions import Prediction, find_by_id
from tidegate.serving.documents import answer
from tidegate.serving.patience import asked_ledger
from tidegate.serving.requests import add_post, json_document, ledger_of
from tidegate.serving.schemas import Refusal, column_schema
from tidegate.serving.service import LONGEST_ID, Service, judge
from tidegate.serving.trial.arms import scorers_at_work

MOST_CHANGES = 200


class WhatIf(BaseModel):
    """One change and what it comes to."""

    index: int = Field(description="its place in the request")
    probability: float = Field(ge=0, le=1)
    prediction: int = Field(ge=0, le=1)


class RefusedChange(BaseModel):
    """A change that makes a customer whom the contract refuses."""

    index: int
    field: str
    rule: str
    detail: str


class WhatIfAnswer(BaseModel):
    """The recorded probability, and those of the changes."""

    prediction_id: str
    model_version: str
    threshold: float
    probability: float = Field(ge=0, le=1, description="as it was recorded, without any change")
    answers: list[WhatIf]
    rejected: list[RefusedChange]


def add_what_if(app: FastAPI, service: Service) -> None:
    """The route."""
    body = what_if_body(service.scorer.contract.spec)
    summary, unknown = "What if actionable columns were otherwise; not recorded", {"model": Refusal, "description": "No such prediction"}
    add_post(app, service, post_what_if, "/what-if", summary, body, {"model": WhatIfAnswer}, {404: unknown})


def what_if_body(spec: TableSpec) -> dict[str, Any]:
    """OpenAPI request body: a change holds new values of some actionable columns."""
    columns = {column.name: column_schema(column) for column in spec.feature_columns if column.actionable}
    change = {"type": "object", "properties": columns, "minProperties": 1, "additionalProperties": False}
    properties = {
        "prediction_id": {"type": "string", "minLength": 1, "maxLength": LONGEST_ID, "description": "as answered by /predict"},
        "changes": {"type": "array", "items": change, "minItems": 1, "maxItems": MOST_CHANGES},
    }
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def post_what_if(service: Service, request: Request) -> Response:
    """POST /what-if."""
    ledger, scorers = ledger_of(service), scorers_at_work(service.arms, service.scorer)
    number, changes = _asked(await json_document(request), service.scorer.contract.spec)
    found = await asked_ledger(service, 1, partial(find_by_id, ledger, number))
    if found is None:
        raise NotFound("The ledger holds no such prediction.", "Send the prediction_id of an answer of /predict.")
    scorer = next((one for one in scorers if one.digest == found.bundle_digest), None)
    if scorer is None:
        sentence = f"Version {found.model_version} scored this customer, and version {service.scorer.version} serves now."
        raise InputRefused(sentence, "Score the customer again.")
    return answer(await asyncio.get_running_loop().run_in_executor(None, _answered, scorer, found, changes))


def _asked(document: Any, spec: TableSpec) -> tuple[str, list[Mapping[str, Any]]]:
    """The prediction's id and the changes. Raises InputRefused, TooLarge."""
    remedy = 'Send {"prediction_id": "…", "changes": [{"COLUMN": VALUE}, …]}.'
    if not isinstance(document, dict) or set(document) != {"prediction_id", "changes"}:
        raise InputRefused("The body is not a prediction_id and changes.", remedy)
    number, changes = document["prediction_id"], document["changes"]
    if not isinstance(number, str) or not 0 < len(number) <= LONGEST_ID or not (number.isascii() and number.isprintable()):
        raise InputRefused("prediction_id is not the id of a prediction.", remedy)
    if not isinstance(changes, list) or not changes or not all(isinstance(change, dict) and change for change in changes):
        raise InputRefused("changes is not a list of objects with at least one column each.", remedy)
    if len(changes) > MOST_CHANGES:
        raise TooLarge(f"The body holds {len(changes):,} changes; at most {MOST_CHANGES} are tried at once.", "Send fewer.")
    actionable = [column.name for column in spec.feature_columns if column.actionable]
    if any(name not in actionable for change in changes for name in change):
        said = f"It says so of {', '.join(actionable)}." if actionable else "It says so of no column: set `actionable` in the spec."
        raise InputRefused("A change names a column of which the spec does not say that the bank can change it.", said)
    return number, changes


def _answered(scorer: Scorer, found: Prediction, changes: list[Mapping[str, Any]]) -> dict[str, Any]:
    recorded, threshold = json.loads(found.row), scorer.manifest.threshold
    kept, rows, rejected = judge(scorer, [{**recorded, **change} for change in changes])
    probabilities = [] if rows is None else score(scorer, rows).tolist()
    return {
        "prediction_id": found.prediction_id,
        "model_version": found.model_version,
        "threshold": threshold,
        "probability": found.probability,
        "answers": [
            {"index": index, "probability": probability, "prediction": int(probability >= threshold)}
            for index, probability in zip(kept, probabilities, strict=True)
        ],
        "rejected": [{"index": one.index, "field": one.field, "rule": one.rule, "detail": one.detail} for one in rejected],
    }
