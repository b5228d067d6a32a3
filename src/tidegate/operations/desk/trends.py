"""The route about the newest batches together. It is not below /monitoring, where every name may be a batch's."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query

from tidegate.operations.desk.answers import Trends
from tidegate.operations.desk.desk import Desk
from tidegate.operations.trends import trends

MOST_BATCHES = 100


def add_trends(app: FastAPI, desk: Desk) -> None:
    """The route."""

    @app.get("/trends", summary="Drift of each feature and ROC-AUC over the newest batches, oldest first", response_model=Trends)
    def over_batches(limit: Annotated[int, Query(ge=1, le=MOST_BATCHES)] = 24) -> dict[str, Any]:
        return trends(desk.home, desk.settings, limit)
