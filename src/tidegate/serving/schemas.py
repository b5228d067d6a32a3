"""The API's documented shapes: fixed answers as models, requests derived from the bundle's spec."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from tidegate.customers.spec import Column, TableSpec
from tidegate.serving.service import LONGEST_ID, LONGEST_KEY


class Refusal(BaseModel):
    """Every refusal, whatever its status."""

    error: str
    detail: str
    id: str


class Probabilities(BaseModel):
    """Both sides of one customer's probability."""

    churn: float = Field(ge=0, le=1)
    non_churn: float = Field(ge=0, le=1)


class Reason(BaseModel):
    """What one raw column, or one ratio of two, adds to or takes from the customer's number."""

    column: str = Field(description="a raw column, or the name of a ratio")
    columns: list[str] = Field(description="the raw columns it is made of")
    label: str = Field(description="its meaning in the table spec")
    unit: str
    value: Any = Field(description="as it was sent; what a ratio comes to, null where it is not defined")
    contribution: float = Field(description="in reasons_space")
    direction: Literal["raises", "lowers", "none"] = Field(description="what it does to the predicted probability of leaving")
    sentence: str = Field(description="the reason in English")


class PredictionAnswer(BaseModel):
    """One recorded prediction; the last four fields are there when reasons were asked for."""

    prediction: int = Field(ge=0, le=1)
    prediction_label: str
    probabilities: Probabilities
    threshold: float
    model_version: str
    variant: Literal["champion", "treatment"] = Field(description="treatment where an experiment runs and the customer is drawn for it")
    prediction_id: str
    timestamp: str
    reasons_space: Literal["logit", "probability"] | None = Field(
        None, description="base + all contributions = the served log-odds, or the served probability"
    )
    base: float | None = Field(None, description="what the model says of the average training customer, in reasons_space")
    reasons: list[Reason] | None = Field(None, description="the strongest first; null where another version scored than serves now")
    reasons_missing: str | None = Field(None, description="why reasons are null")


class ExplanationAnswer(PredictionAnswer):
    """One recorded prediction with everything that moved it."""

    contributions: dict[str, float] | None = Field(description="every raw column and ratio; null where reasons are")


class BatchedPrediction(PredictionAnswer):
    """A prediction and its place in the request."""

    index: int


class RejectedCustomer(BaseModel):
    """A refused customer, its place in the request and why."""

    index: int
    field: str
    rule: str
    detail: str


class BatchAnswer(BaseModel):
    """Every customer of the request, in one list or the other."""

    predictions: list[BatchedPrediction]
    rejected: list[RejectedCustomer]


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": text}
    for status, text in (
        (408, "The request did not arrive in time"),
        (413, "More than the route reads"),
        (415, "Not the media type that the route reads"),
        (422, "Refused: the detail names the field, the rule and the remedy"),
        (429, "More requests than are answered at once; Retry-After says when to come again"),
        (503, "Not recorded, so not answered; send it again"),
    )
}

_TYPES: dict[str, dict[str, Any]] = {
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"enum": [True, False, 0, 1]},
    "date": {"type": "string", "format": "date"},
    "category": {"type": "string"},
}


def customer_schema(spec: TableSpec) -> dict[str, Any]:
    """JSON Schema of one customer: every feature column, nothing else but an optional customer_id."""
    properties = {column.name: column_schema(column) for column in spec.feature_columns}
    identity = {"type": ["string", "integer", "null"], "description": "Who it is; stored as a keyed hash", "maxLength": LONGEST_ID}
    return {
        "type": "object",
        "title": "Customer",
        "properties": {**properties, "customer_id": identity},
        "required": list(properties),
        "additionalProperties": False,
    }


def column_schema(column: Column) -> dict[str, Any]:
    """JSON Schema of one column."""
    schema = dict(_TYPES[column.kind])
    if column.kind == "category" and column.unknown == "refuse":
        schema["enum"] = sorted({*column.levels, *column.replace})
    if column.limit and column.kind in ("integer", "number"):
        schema["minimum"], schema["maximum"] = column.limit
    if column.nullable:
        schema = {"anyOf": [schema, {"type": "null"}]}
    about = column.meaning + (f" ({column.unit})" if column.unit else "")
    return {**schema, "description": about} if about else schema


def feature_page(spec: TableSpec, names: tuple[str, ...]) -> dict[str, Any]:
    """What `/features` answers: the columns a customer must have, the features computed from them, and which column names the customer."""
    columns = [
        {
            "name": column.name,
            "kind": column.kind,
            "meaning": column.meaning,
            "unit": column.unit,
            "nullable": column.nullable,
            "limit": column.limit,
            "expected": column.expected,
            "levels": column.levels,
            "unknown": column.unknown if column.kind == "category" else None,
            "actionable": column.actionable,
            "actions": column.actions,
        }
        for column in spec.feature_columns
    ]
    return {"columns": columns, "features": names, "id": spec.id}


def customer_body(spec: TableSpec) -> dict[str, Any]:
    """OpenAPI request body of `/predict`."""
    return _body("application/json", customer_schema(spec))


def customers_body(spec: TableSpec, most: int) -> dict[str, Any]:
    """OpenAPI request body of `/predict-batch`."""
    customers = {"type": "array", "items": customer_schema(spec), "minItems": 1, "maxItems": most}
    schema = {"type": "object", "properties": {"customers": customers}, "required": ["customers"], "additionalProperties": False}
    return _body("application/json", schema)


def file_body() -> dict[str, Any]:
    """OpenAPI request body of `/predict-csv`."""
    file = {"type": "string", "format": "binary", "description": "CSV or Parquet"}
    return _body("multipart/form-data", {"type": "object", "properties": {"file": file}, "required": ["file"]})


def with_parameters(body: dict[str, Any], most_reasons: int = 0) -> dict[str, Any]:
    """A route's part of the OpenAPI document, and the parameters it takes: a key, and up to so many reasons."""
    key = {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"}
    about = "Repeat it with the same body to get the same answer again"
    parameters: list[dict[str, Any]] = [{"name": "Idempotency-Key", "in": "header", "required": False, "schema": key, "description": about}]
    if most_reasons:
        count = {"type": "integer", "minimum": 0, "maximum": most_reasons, "default": 0}
        about = "How many of the strongest reasons to give for each customer; 0 gives none"
        parameters.append({"name": "reasons", "in": "query", "required": False, "schema": count, "description": about})
    return {**body, "parameters": parameters}


def _body(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}
