"""The route about live traffic: how many predictions were recorded, hour by hour."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import FastAPI, Query

from tidegate.ledger.predictions import predictions_by_hour
from tidegate.operations.desk.answers import Traffic
from tidegate.operations.desk.desk import Desk, now


def add_traffic(app: FastAPI, desk: Desk) -> None:
    """The route."""

    @app.get("/traffic", summary="Predictions recorded in the last hours, oldest first", response_model=Traffic)
    def traffic(hours: Annotated[int, Query(ge=1, le=24 * 31)] = 24) -> dict[str, Any]:
        this = now().replace(minute=0, second=0, microsecond=0)
        begins = [this - timedelta(hours=back) for back in reversed(range(hours))]
        found = predictions_by_hour(desk.ledger, begins[0].isoformat(timespec="microseconds"))
        return {"hours": [{"at": at.isoformat(), "predictions": found.get(at.isoformat()[:13], 0)} for at in begins]}
