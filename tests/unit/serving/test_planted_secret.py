"""A customer that anybody would recognise goes through every route, well and badly: no log, metric or refusal knows of it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from guarded import Guarded, guarded
from tidegate.errors import LedgerUnavailable
from tidegate.serving.front.logs import LineFormatter, LineHandler

WHO, WORD, NUMBER = "PLANTED-CUSTOMER-471108151623", "PLANTED-VALUE", 48_151.623_42
# Long enough that no request id and no sum of seconds holds them by chance.
PLANTED = ("PLANTED", "471108151623", "48151.6")


class _Lines:
    """Stands for the writer."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Guarded, list[str]]]:
    written, root = _Lines(), logging.getLogger()
    handler = LineHandler(written, "json")  # type: ignore[arg-type]
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with guarded(tmp_path_factory.mktemp("planted")) as found:
            yield found, written.lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


def requests(customer: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(route, what to send): good ones, and refused ones of every kind."""
    text = next(name for name, value in customer.items() if isinstance(value, str))
    number = next(name for name, value in customer.items() if isinstance(value, float))
    named = {**customer, "customer_id": WHO}
    bad = ({**named, text: WORD}, {**named, number: -NUMBER}, {**named, number: WORD}, {**named, number: [WORD]}, {**named, text: None})
    for route in ("/predict", "/explain"):
        for one in (named, {**named, number: NUMBER}, *bad, [named], WORD):
            yield f"{route}?customer={WHO}", {"json": one}
        yield route, {"content": f'{{"customer_id": "{WHO}", '.encode(), "headers": {"Content-Type": "application/json"}}
        yield route, {"content": WHO.encode(), "headers": {"Content-Type": f"text/{WORD}"}}
        yield f"{route}?reasons={WORD}", {"json": named}
    yield "/predict-batch", {"json": {"customers": [named, *bad, WHO]}}
    yield "/predict-batch", {"json": {"customers": WHO}}
    for item in ({"customer_id": WHO, "outcome": 1}, {"customer_id": WHO, "outcome": WORD}, {"customer_id": [WHO], "outcome": 1}):
        yield "/outcomes", {"json": {"outcomes": [item]}}
    for heard in ({"customer_id": WHO, "heard": WORD}, {"prediction_id": WHO, "heard": "accepted"}, {"customer_id": WHO, "note": WORD}):
        yield "/feedback", {"json": heard}
    table = io.StringIO()
    table.write(",".join([*customer, "customer_id"]) + "\n" + ",".join([*map(str, customer.values()), WHO]) + "\n")
    for content in (table.getvalue(), f"{WHO},{WORD}\n{NUMBER},1\n", f'"{WHO}', f"PAR1{WHO}"):
        yield "/predict-csv", {"files": {"file": ("customers.csv", content.encode())}}
    yield "/predict-csv", {"files": {WHO: (WHO, b"x")}}
    yield f"/customers/{WHO}", {"json": named}


def sent(api: Guarded) -> list[tuple[int, str]]:
    """Statuses and bodies of all of them; the plain answers to a file and to reasons give back what was sent, and are none of these."""
    found = []
    for route, what in requests(api.customer):
        headers = {**api.bearer(), "X-Request-ID": f"{WHO} {WORD}", "User-Agent": WHO, "Idempotency-Key": f"{WHO}-{len(found)}"}
        what["headers"] = {**headers, **what.get("headers", {})}
        for given in (what, {**what, "headers": {"X-API-Key": WHO}}):
            answer = api.client.post(route, **given)
            found.append((answer.status_code, "" if answer.status_code == 200 and "batch" not in route else answer.text))
    for method in ("GET", "PUT", WHO):
        answer = api.client.request(method, f"/predict/{WHO}?id={WHO}", headers=api.bearer())
        found.append((answer.status_code, answer.text))
    return found


def hits(*texts: str) -> list[str]:
    return [text[:300] for text in texts if any(word in text.replace(",", "").replace("_", "") for word in PLANTED)]


def clean(api: Guarded, lines: list[str], bodies: list[str]) -> None:
    metrics = api.client.get("/metrics", headers=api.bearer()).text
    assert hits(*bodies, *lines, *api.lines, metrics) == []
    assert len(api.lines) > len(bodies)
    assert all(json.loads(line) for line in (*lines, *api.lines))
    assert not any(key in line for line in (*lines, *api.lines) for key in api.keys.values())


def test_no_refusal_log_or_metric_knows_the_customer(api: tuple[Guarded, list[str]]) -> None:
    found = sent(api[0])
    assert {status for status, _ in found} >= {200, 401, 404, 415, 422}
    clean(*api, [body for _, body in found])


@pytest.mark.parametrize("fault", [ValueError(f"{WHO} has {WORD} {NUMBER}"), LedgerUnavailable("The ledger is gone.", "Wait.")])
def test_no_fault_tells_either(fault: Exception, api: tuple[Guarded, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> object:
        raise fault

    for place in (
        "predictions.judge",
        "predictions.one_valid",
        "predictions.scored_pieces",
        "outcomes._record",
        "feedback.record_feedback",
    ):
        monkeypatch.setattr(f"tidegate.serving.{place}", failing)
    found = sent(api[0])
    assert {status for status, _ in found} >= {500 if isinstance(fault, ValueError) else 503}
    clean(*api, [body for _, body in found])
    if isinstance(fault, ValueError):
        assert any('"error":"ValueError"' in line and '"place"' in line for line in api[1])


def test_no_refusal_repeats_the_name_of_a_file(api: tuple[Guarded, list[str]]) -> None:
    answer = api[0].client.post("/predict-csv", files={"file": (f"{WHO}.csv", b"a,b\n1,2\n")}, headers=api[0].bearer())
    assert answer.status_code == 422
    assert hits(answer.text) == []


def test_what_other_libraries_say_is_not_repeated() -> None:
    def line(name: str, message: str, *arguments: object) -> str:
        record = logging.LogRecord(name, logging.ERROR, "file.py", 1, message, arguments, None)
        try:
            raise KeyError(WHO)
        except KeyError as error:
            record.exc_info = (KeyError, error, error.__traceback__)
        return LineFormatter("json").format(record)

    lines = [line("asyncio", f"Task exception was never retrieved {WHO}"), line("uvicorn.error", "Exception in %s", WHO)]
    assert hits(*lines) == []
    assert json.loads(lines[0])["error"] == "KeyError"
    assert json.loads(lines[1])["message"] == "Exception in %s"
