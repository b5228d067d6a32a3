"""A visit to a page in process: the page runs as in a browser, the APIs are what a test makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from tidegate.settings import Settings
from tidegate.ui import session

Answers = Mapping[str, Any]
# What each page is called, in English and in French.
TITLES = {
    "overview": ("Overview", "Vue d’ensemble"),
    "customer": ("Score a customer", "Évaluer un client"),
    "file": ("Score a file", "Évaluer un fichier"),
    "campaign": ("Campaign", "Campagne"),
    "models": ("Models", "Modèles"),
    "monitoring": ("Monitoring", "Surveillance"),
    "experiment": ("Experiment", "Expérience"),
}
SCORING, OPERATE = "http://127.0.0.1:8000", "http://127.0.0.1:8001"


def fake(answers: Answers) -> httpx.Client:
    """An API of fixed answers: an object by path, or (status, detail). A path that is not there fails the test."""

    def handle(request: httpx.Request) -> httpx.Response:
        found = answers[request.url.path]
        if isinstance(found, tuple):
            return httpx.Response(found[0], json={"error": "x", "detail": found[1], "id": "1"})
        return httpx.Response(200, json=found)

    return httpx.Client(transport=httpx.MockTransport(handle), base_url="http://api")


def away() -> httpx.Client:
    """An API that does not answer."""

    def handle(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    return httpx.Client(transport=httpx.MockTransport(handle), base_url="http://api")


def visit(
    monkeypatch: pytest.MonkeyPatch, page: Callable[[], None], scoring: httpx.Client, operate: httpx.Client, language: str = "en"
) -> AppTest:
    """The page, run once. Nothing but a handled fault may come of it."""
    monkeypatch.setattr(session, "settings", Settings)
    monkeypatch.setattr(session, "_connected", {SCORING: scoring, OPERATE: operate}.__getitem__)
    test = AppTest.from_function(page, default_timeout=30)
    test.query_params["lang"] = language
    test.run()
    assert not test.exception, test.exception
    return test


def texts(test: AppTest) -> str:
    """Everything that is written on the page."""
    kinds = ("title", "subheader", "caption", "markdown", "info", "warning", "error", "success")
    written = [element.value for kind in kinds for element in getattr(test, kind)]
    written += [f"{metric.label}: {metric.value} {metric.delta}" for metric in test.metric]
    return "\n".join(written)
