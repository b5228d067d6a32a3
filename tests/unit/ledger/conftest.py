"""An open ledger, in a file or on PostgreSQL, and predictions to put into it.

Every test that asks for `ledger` or `url` runs on both databases, on PostgreSQL only under `make servers`. One that asks for the `path` of
the file is about SQLite and runs there alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from databases import Outsider, Postgres
from tidegate.ledger.predictions import Prediction
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        of_a_file = "path" in inspect.signature(metafunc.function).parameters
        metafunc.parametrize("backend", ["sqlite"] if of_a_file else ["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def url(backend: str, path: Path, request: pytest.FixtureRequest) -> str:
    """Where a ledger may be made; nothing is there yet."""
    if backend == "sqlite":
        return sqlite_url(path)
    server: Postgres = request.getfixturevalue("postgres")
    return server.place()


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    opened = open_ledger(url)
    yield opened
    close_ledger(opened)


@pytest.fixture
def outsider(url: str, ledger: Ledger) -> Iterator[Outsider]:
    connection = Outsider(url)
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
