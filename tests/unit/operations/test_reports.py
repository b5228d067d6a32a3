"""The reports site gives out reports and nothing else, to whom it should."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tidegate.access.file import write_keys
from tidegate.access.keyring import Keyring
from tidegate.access.keys import make_key
from tidegate.errors import SettingRefused
from tidegate.home import open_home
from tidegate.operations.reports import create_reports_app, file_of, serve_reports
from tidegate.settings import Settings


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / "reports"
    (folder / "batch 1").mkdir(parents=True)
    (folder / "index.html").write_text("index")
    (folder / "batch 1" / "drift_tests.json").write_text("{}")
    (folder / "batch 1" / "kept.parquet").write_text("rows")
    (folder / ".batch.part").mkdir()
    (folder / ".batch.part" / "drift_tests.json").write_text("half")
    (tmp_path / "home" / "secret.json").write_text("secret")
    (folder / "link.json").symlink_to(tmp_path / "home" / "secret.json")
    (folder / "linked").symlink_to(tmp_path / "home")
    return folder


def test_pages_come_with_headers_under_which_they_can_ask_nobody(reports: Path) -> None:
    client = TestClient(create_reports_app(reports))
    answer = client.get("/")
    assert (answer.status_code, answer.text) == (200, "index")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert "allow-same-origin" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get("/batch%201/drift_tests.json").headers["content-type"] == "application/json"
    assert client.head("/index.html").status_code == 200


@pytest.mark.parametrize(
    "wanted",
    [
        "../secret.json", "..%2fsecret.json", "%2e%2e/secret.json", "batch%201/../../secret.json", "batch%201/..%2f..%2fsecret.json",
        "/etc/passwd", "//etc/hosts.json", "link.json", "linked/secret.json", ".batch.part/drift_tests.json", "batch%201/kept.parquet",
        "batch%201", "batch%201/", "absent.json", "index.html%00.json", "..\\secret.json", "index.html/x.json", "a" * 5_000 + ".json",
    ],
)  # fmt: skip
def test_nothing_else_is_given_out(reports: Path, wanted: str) -> None:
    answer = TestClient(create_reports_app(reports)).get(f"/{wanted}")
    assert answer.status_code == 404
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "wanted", ["../secret.json", "linked/secret.json", "link.json", "/etc/hosts.json", "batch 1/../../secret.json", "\0.json"]
)
def test_the_path_itself_is_refused_whatever_the_router_makes_of_it(reports: Path, wanted: str) -> None:
    assert file_of(reports, wanted) is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(reports: Path, method: str) -> None:
    assert TestClient(create_reports_app(reports)).request(method, "/index.html").status_code == 405


def test_where_there_are_keys_one_of_any_role_is_asked_for(reports: Path, tmp_path: Path) -> None:
    key, text = make_key("desk", ("score",), None, datetime.now(UTC))
    write_keys(tmp_path / "keys.json", [key])
    client = TestClient(create_reports_app(reports, Keyring(tmp_path / "keys.json")))
    refused = client.get("/index.html")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Basic realm="tidegate reports"')
    basic = base64.b64encode(f"anybody:{text}".encode()).decode()
    for headers in ({"Authorization": f"Bearer {text}"}, {"X-API-Key": text}, {"Authorization": f"Basic {basic}"}):
        assert client.get("/index.html", headers=headers).status_code == 200
    wrong = base64.b64encode(b"anybody:tg_x").decode()
    for given in ("Basic", "Basic !!", f"Basic {wrong}", "Bearer", "Bearer nonsense", f"Digest {text}"):
        assert client.get("/index.html", headers={"Authorization": given}).status_code == 401


def test_beyond_loopback_it_needs_keys(tmp_path: Path) -> None:
    with pytest.raises(SettingRefused, match="reachable from other machines"):
        serve_reports(open_home(tmp_path / "home"), Settings(reports_host="0.0.0.0", reports_port=9123), lambda url: None)
