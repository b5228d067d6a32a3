"""Routes about one customer: what is recorded of them, and forgetting it."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Request

from tidegate.errors import NotFound
from tidegate.ledger.customer_key import customer_hash
from tidegate.ledger.customers import Held, held_of
from tidegate.operations.campaign_places import customer_key
from tidegate.operations.desk.desk import Desk, asking, now
from tidegate.operations.erase import erase
from tidegate.registry.appoint import LONGEST_REASON
from tidegate.serving.service import LONGEST_ID


def add_customers(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get("/customers/{customer_id}", summary="What the ledger holds of a customer: predictions, outcomes, feedback, campaigns")
    def customer(
        customer_id: Annotated[str, Path(min_length=1, max_length=LONGEST_ID)], limit: Annotated[int, Query(ge=1, le=1000)] = 50
    ) -> dict[str, Any]:
        held = held_of(desk.ledger, customer_hash(customer_key(desk.home, create=False), customer_id), limit)
        if not any(one.total for one in held.values()):
            raise NotFound("The ledger holds nothing of this customer.", "Check the id.")
        return {name: {"total": one.total, "rows": _rows(one)} for name, one in held.items()}

    @app.delete("/customers/{customer_id}", summary="Forget a customer: every row of theirs leaves the home for good (role erase)")
    def erased(
        request: Request,
        customer_id: Annotated[str, Path(min_length=1, max_length=LONGEST_ID)],
        reason: Annotated[str, Query(max_length=LONGEST_REASON)] = "",
    ) -> dict[str, Any]:
        return erase(desk.home, desk.ledger, [customer_id], (), reason, asking(request), now).document()


def _rows(held: Held) -> list[dict[str, Any]]:
    """A prediction's row of values is kept as text, so that its bytes never change; here it is shown as what it is."""
    return [{**row, "row": json.loads(row["row"])} if "row" in row else row for row in held.rows]
