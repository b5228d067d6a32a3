"""An open ledger in a temporary folder, and predictions to put into it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidegate.ledger.predictions import Prediction
from tidegate.ledger.store import Ledger, close_ledger, open_ledger


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    opened = open_ledger(f"sqlite:///{path}")
    yield opened
    close_ledger(opened)


@pytest.fixture
def outsider(path: Path, ledger: Ledger) -> Iterator[sqlite3.Connection]:
    """A connection that knows nothing of the ledger's code: what it sees is committed."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
    yield connection
    connection.close()


@pytest.fixture
def make() -> Callable[..., Prediction]:
    def make_prediction(number: int = 0, key: str | None = None, digest: str | None = None, **changes: object) -> Prediction:
        values: dict[str, object] = {
            "prediction_id": f"id-{number:08d}",
            "idempotency_key": key,
            "request_digest": digest,
            "customer": f"{number:032x}",
            "model_version": "7",
            "bundle_digest": "b" * 64,
            "variant": "champion",
            "probability": 0.1 + number / 1e6,
            "threshold": 0.5,
            "prediction": 0,
            "row": '{"age":41,"note":"Zoë ☂"}',
            "source": "predict",
            "created_at": f"2026-01-02T03:04:05.{number:06d}+00:00",
        }
        return Prediction(**{**values, **changes})  # type: ignore[arg-type]

    return make_prediction
