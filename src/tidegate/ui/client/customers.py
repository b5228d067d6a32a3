"""What is recorded of one customer."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tidegate.ui.client.http import Api, ApiRefused

_NOBODY = 404


def predictions_of(api: Api, customer_id: str) -> list[dict[str, Any]]:
    """Recorded predictions of a customer, newest first; none where nothing is recorded of this id."""
    try:
        rows: list[dict[str, Any]] = api.get(f"/customers/{quote(customer_id, safe='')}")["predictions"]["rows"]
    except ApiRefused as refused:
        if refused.status != _NOBODY:
            raise
        return []
    return rows
