"""The API's documented shapes: fixed answers as models, requests derived from the bundle's spec."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from tidegate.customers.spec import Column, TableSpec
from tidegate.serving.service import LONGEST_ID


class Refusal(BaseModel):
    """Every refusal, whatever its status."""

    error: str
    detail: str
    id: str


class Probabilities(BaseModel):
    """Both sides of one customer's probability."""

    churn: float = Field(ge=0, le=1)
    non_churn: float = Field(ge=0, le=1)


class PredictionAnswer(BaseModel):
    """One recorded prediction."""

    prediction: int = Field(ge=0, le=1)
    prediction_label: str
    probabilities: Probabilities
    threshold: float
    model_version: str
    variant: str
    prediction_id: str
    timestamp: str


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
        (413, "More than the route reads"),
        (415, "Not the media type that the route reads"),
        (422, "Refused: the detail names the field, the rule and the remedy"),
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
    """What `/features` answers: the columns a customer must have, and the features computed from them."""
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
        }
        for column in spec.feature_columns
    ]
    return {"columns": columns, "features": names}


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


def _body(media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}
