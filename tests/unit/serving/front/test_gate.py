"""What stands in front of every route: keys, origins, headers, request ids, one line a request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guarded import Guarded, guarded
from tidegate.errors import LedgerUnavailable, SettingRefused
from tidegate.ledger.predictions import count_predictions
from tidegate.settings import read_settings

POSTS = ("/predict", "/predict-batch", "/predict-csv", "/explain", "/outcomes", "/feedback", "/what-if")
SHOWN = ("/metrics", "/model-info", "/features")
OPEN = ("/", "/health", "/ready", "/docs", "/openapi.json", "/static-offline-docs/swagger-ui.css")
DESK = "https://desk.bank.example"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(tmp_path_factory.mktemp("guarded")) as found:
        yield found


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(tmp_path_factory.mktemp("unguarded"), with_keys=False, cors_origins=f"{DESK}, http://[::1]:8501") as found:
        yield found


def refused(response: Any, status: int, error: str) -> str:
    assert (response.status_code, response.json()["error"]) == (status, error)
    assert set(response.json()) == {"error", "detail", "id"}
    assert response.json()["id"] == response.headers["x-request-id"]
    return str(response.json()["detail"])


def last(api: Guarded) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(api.lines[-1])
    return line


# --- keys ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", POSTS)
def test_scoring_needs_a_key_with_the_role(api: Guarded, path: str) -> None:
    absent = api.client.post(path, json={})
    refused(absent, 401, "key_absent")
    assert absent.headers["www-authenticate"] == 'Bearer realm="tidegate"'
    wrong = api.client.post(path, json={}, headers={"Authorization": "Bearer tg_" + "0" * 12 + "_" + "0" * 64})
    refused(wrong, 401, "key_invalid")
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]
    for name in ("watcher", "eraser"):
        lacking = api.client.post(path, json={}, headers=api.bearer(name))
        assert "role score" in refused(lacking, 403, "key_forbidden")
        assert 'scope="score"' in lacking.headers["www-authenticate"]
    for name in ("desk", "everything"):
        assert api.client.post(path, json={}, headers=api.bearer(name)).status_code in (415, 422)


def test_a_key_scores_under_either_header(api: Guarded) -> None:
    key = api.keys["desk"]
    for headers in ({"Authorization": f"Bearer {key}"}, {"authorization": f"bearer  {key}"}, {"X-API-Key": key}):
        assert api.client.post("/predict", json=api.customer, headers=headers).status_code == 200
    beside = {"Authorization": "Basic cHJveHk6cHJveHk=", "X-API-Key": key}
    assert api.client.post("/predict", json=api.customer, headers=beside).status_code == 200
    for headers in ({"Authorization": key}, {"Authorization": f"Basic {key}"}, {"Authorization": "Bearer "}, {"X-API-Key": ""}):
        refused(api.client.post("/predict", json=api.customer, headers=headers), 401, "key_absent")
    refused(api.client.post(f"/predict?key={key}", json=api.customer), 401, "key_absent")


def test_who_has_no_key_records_nothing(api: Guarded) -> None:
    assert api.service.ledger is not None
    before = count_predictions(api.service.ledger)
    api.client.post("/predict", json=api.customer)
    assert count_predictions(api.service.ledger) == before


def test_any_key_sees_metrics_and_model_and_nobody_needs_one_for_health_and_pages(api: Guarded) -> None:
    for path in SHOWN:
        refused(api.client.get(path), 401, "key_absent")
        for name in api.keys:
            assert api.client.get(path, headers=api.bearer(name)).status_code == 200
    for path in OPEN:
        assert api.client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/predict%0A", "/predict/", "//predict", "/Predict", "/docs/../predict", "/static-offline-docs%0A", "/nope"]
)
def test_a_path_that_is_not_known_is_closed_too(api: Guarded, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
        assert api.client.request(method, f"http://testserver{path}").status_code == 401
    assert api.client.get(f"http://testserver{path}", headers=api.bearer()).status_code in (404, 405)


def test_without_keys_nobody_is_asked(unguarded: Guarded) -> None:
    assert unguarded.client.post("/predict", json=unguarded.customer).status_code == 200
    assert unguarded.client.get("/metrics").status_code == 200


def test_the_document_says_who_needs_a_key(api: Guarded, unguarded: Guarded) -> None:
    document = api.client.get("/openapi.json").json()
    assert set(document["components"]["securitySchemes"]) == {"bearer", "header"}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            asked = path not in OPEN
            assert ("security" in operation) == asked
            assert ({"401", "403"} <= set(operation["responses"])) == asked
    assert "security" not in unguarded.client.get("/openapi.json").json()["paths"]["/predict"]["post"]


# --- origins ---------------------------------------------------------------------------------------------------------------------------

ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def cors(response: Any) -> set[str]:
    return {name for name in response.headers if name.startswith("access-control")}


def test_without_a_list_no_answer_speaks_of_origins(api: Guarded) -> None:
    for response in (
        api.client.options("/predict", headers={"Origin": DESK, **ASKED}),
        api.client.post("/predict", json=api.customer, headers={"Origin": DESK, **api.bearer()}),
        api.client.get("/health", headers={"Origin": DESK}),
    ):
        assert not cors(response)
        assert "vary" not in response.headers


def test_a_listed_origin_is_answered_and_another_is_not(unguarded: Guarded) -> None:
    allowed = unguarded.client.options("/predict", headers={"Origin": DESK, **ASKED})
    assert (allowed.status_code, allowed.content) == (204, b"")
    assert allowed.headers["access-control-allow-origin"] == DESK
    assert allowed.headers["access-control-allow-methods"] == "GET, POST"
    assert {"authorization", "x-api-key", "content-type", "idempotency-key"} <= {
        name.strip().lower() for name in allowed.headers["access-control-allow-headers"].split(",")
    }
    assert "access-control-allow-credentials" not in allowed.headers
    for response in (
        unguarded.client.post("/predict", json=unguarded.customer, headers={"Origin": DESK}),
        unguarded.client.post("/predict", json={}, headers={"Origin": DESK}),
    ):
        assert (response.headers["access-control-allow-origin"], response.headers["vary"]) == (DESK, "Origin")
    for strange in ("https://evil.example", "null", DESK + ".evil.example", DESK.upper(), "https://desk.bank.example:444"):
        answers = (
            unguarded.client.options("/predict", headers={"Origin": strange, **ASKED}),
            unguarded.client.get("/health", headers={"Origin": strange}),
        )
        assert not any(cors(answer) for answer in answers)
        assert all(answer.headers["vary"] == "Origin" for answer in answers)


def test_a_page_from_elsewhere_cannot_write_where_no_key_is_asked_for(unguarded: Guarded, api: Guarded) -> None:
    for strange in ("https://evil.example", "null", "http://testserver.evil.example"):
        refused(unguarded.client.post("/predict", json=unguarded.customer, headers={"Origin": strange}), 403, "origin_forbidden")
        assert api.client.post("/predict", json=api.customer, headers={"Origin": strange, **api.bearer()}).status_code == 200
    for own in ("http://testserver", "https://testserver"):
        assert unguarded.client.post("/predict", json=unguarded.customer, headers={"Origin": own}).status_code == 200


@pytest.mark.parametrize("origins", ["*", f"{DESK},*", "desk.bank.example", DESK + "/", DESK + "/path", "file:///x", "null", "https://a b"])
def test_an_origin_that_is_none_is_refused_in_a_sentence(origins: str) -> None:
    with pytest.raises(SettingRefused, match="TIDEGATE_CORS_ORIGINS: "):
        read_settings(cors_origins=origins)
    assert read_settings(cors_origins="").cors_origins == ()


# --- headers and ids -------------------------------------------------------------------------------------------------------------------


def test_every_answer_carries_the_security_headers(api: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [api.client.get(path, headers=api.bearer()) for path in (*OPEN, *SHOWN, "/nope")]
    answers += [api.client.post("/predict", json=body, headers=api.bearer()) for body in (api.customer, {}, "x" * 9_000_000)]
    monkeypatch.setattr("tidegate.serving.predictions.predict", lambda *_: 1 / 0)
    answers.append(api.client.post("/predict", json=api.customer, headers=api.bearer()))
    assert {answer.status_code for answer in answers} == {200, 404, 413, 422, 500}
    for answer in answers:
        for name, value in {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}.items():
            assert answer.headers.get_list(name) == [value]
        assert len(answer.headers.get_list("content-security-policy")) == 1
        cached = "/static-offline-docs/" in str(answer.url)
        assert (answer.headers["cache-control"] == "no-store") != cached


def test_the_documentation_runs_its_own_scripts_only(api: Guarded) -> None:
    page = api.client.get("/docs")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self' 'sha256-" in policy
    assert "unsafe" not in policy.split("style-src")[0]
    assert 'validatorUrl": null' in page.text
    assert api.client.get("/health").headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_a_request_keeps_its_callers_id_where_that_is_plain(api: Guarded) -> None:
    answer = api.client.post("/predict", json={}, headers={"X-Request-ID": "trace-7.a_B", **api.bearer()})
    assert (answer.headers["x-request-id"], answer.json()["id"], last(api)["id"]) == ("trace-7.a_B", "trace-7.a_B", "trace-7.a_B")
    for strange in ("", "x" * 65, 'quo"te', "two words", "né".encode("latin-1"), "new%0Aline", "{}"):
        made = api.client.get("/health", headers={"X-Request-ID": strange}).headers["x-request-id"]
        assert len(made) == 16
        assert made == last(api)["id"]


# --- lines -----------------------------------------------------------------------------------------------------------------------------


def test_each_request_leaves_one_line(api: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(api.lines)
    api.client.post("/predict?reasons=1", json=api.customer, headers=api.bearer())
    assert len(api.lines) == before + 1
    line = last(api)
    assert set(line) == {"time", "level", "event", "id", "method", "route", "status", "ms", "version", "key"}
    assert (line["level"], line["event"], line["method"], line["route"], line["status"]) == ("info", "request", "POST", "/predict", 200)
    assert (line["version"], line["key"]) == ("1", "desk")
    api.client.get("/customers/C-1?x=1")
    assert (last(api)["route"], last(api)["status"], last(api)["key"], last(api)["error"]) == ("other", 401, None, "key_absent")
    api.client.request("C-1", "/health")
    assert last(api)["method"] == "other"
    api.client.post("/predict", json={}, headers=api.bearer())
    assert last(api)["error"] == "row_refused"

    def gone(*_: object, **__: object) -> object:
        raise LedgerUnavailable("The disk is full.", "Make room.")

    monkeypatch.setattr(api.service.commit, "submit", gone)
    api.client.post("/predict", json=api.customer, headers=api.bearer())
    assert (last(api)["level"], last(api)["status"], last(api)["error"]) == ("error", 503, "ledger_unavailable")


def test_lines_can_be_text_and_can_be_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with guarded(tmp_path / "text", log_format="text") as api:
        api.client.get("/features", headers=api.bearer())
        assert " info GET /features 200 " in api.lines[-1]
        assert api.lines[-1].endswith(" version=1 key=desk\n")
    with guarded(tmp_path / "quiet", access_log=False) as api:
        api.client.get("/features")
        assert api.lines == []
        monkeypatch.setattr("tidegate.serving.predictions.predict", lambda *_: 1 / 0)
        api.client.post("/predict", json=api.customer, headers=api.bearer())
        assert (last(api)["status"], last(api)["error"]) == (500, "internal")
