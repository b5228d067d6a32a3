"""Delivery to a real `mlflow server` with basic auth on loopback: credentials, lost connections, lost answers, a killed server."""

from __future__ import annotations

import base64
import http.client
import http.server
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ports import free_port
from receivers import answering
from tidegate.errors import RegistryUnavailable
from tidegate.home import Home
from tidegate.ledger.store import Ledger
from tidegate.registry.deliver import deliver, deliver_waiting
from tidegate.registry.outbox import waiting
from tidegate.registry.store import Registry, check_registry, open_registry
from unit.registry.parcels import NOW, held, put_parcel

pytestmark = pytest.mark.servers

PASSWORD, WRONG = "pier-and-tide-17", "wrong-and-secret"
VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


@dataclass
class Server:
    """A server process that can be killed and started again over the same files."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {**os.environ, "MLFLOW_AUTH_CONFIG_PATH": str(self.folder / "auth.ini"), "MLFLOW_FLASK_SERVER_SECRET_KEY": "test"}
        # compiled once, so that the second start costs a third of the first
        environment |= {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self.folder / "pycache"),
        }
        command = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--host", "127.0.0.1", "--port", str(self.port)]
        store = ["--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db", "--artifacts-destination", str(self.folder / "artifacts")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *store, "--workers", "1"], cwd=self.folder, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.process is not None and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        pytest.fail(f"the server did not start: {(self.folder / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
            self.process = None


@pytest.fixture(scope="module", autouse=True)
def starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server | None]:
    """Started at once and waited for only by those who need it: what needs no server runs meanwhile."""
    if importlib.util.find_spec("flask_wtf") is None:
        yield None
        return
    folder = tmp_path_factory.mktemp("server")
    (folder / "auth.ini").write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder}/auth.db\n"
        f"admin_username = admin\nadmin_password = {PASSWORD}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        "auth_cache_ttl_seconds = 60\n"  # a password's hash costs more than the request it is for
    )
    server = Server(folder, free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def server(starting: Server | None) -> Server:
    if starting is None:
        pytest.skip("Flask-WTF is not installed, and mlflow's basic auth needs it (mlflow[auth])")
    starting.wait()
    return starting


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    # set before they are deleted, so that what the code under test writes is undone as well
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def log_in(monkeypatch: pytest.MonkeyPatch, uri: str, user: str = "admin", password: str = PASSWORD) -> None:
    for name, value in zip(VARIABLES, (uri, user, password), strict=True):
        monkeypatch.setenv(name, value)


KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from tidegate.home import Home
from tidegate.ledger.store import open_ledger, sqlite_url
from tidegate.registry.deliver import deliver
from tidegate.registry.outbox import waiting
from tidegate.registry.store import open_registry
sys.path.insert(0, sys.argv[2])
from unit.registry.parcels import NOW

class Killing:
    def __init__(self, client):
        self.client, self.uploads = client, 0
    def __getattr__(self, name):
        if name == "log_artifacts":
            self.uploads += 1
            if self.uploads == 3:
                os.kill(os.getpid(), signal.SIGKILL)
        return getattr(self.client, name)

home = Home(Path(sys.argv[1]))
registry = open_registry(home, "bank")
deliver(home, replace(registry, client=Killing(registry.client)), open_ledger(sqlite_url(home.ledger)), waiting(home)[0], NOW)
"""


def test_a_process_killed_in_the_middle_loses_nothing(home: Home, ledger: Ledger, tmp_path: Path) -> None:
    path = put_parcel(home, tmp_path / "s")
    command = [sys.executable, "-c", KILLED, str(home.root), str(Path(__file__).parents[1])]
    assert subprocess.run(command, check=False, timeout=120).returncode == -signal.SIGKILL
    assert waiting(home) == [path]
    assert [one.version for one in deliver_waiting(home, ledger, NOW)] == ["1"]
    require_delivered_once(held(home, open_registry(home, "bank"), ledger))


def require_delivered_once(found: dict[str, Any]) -> None:
    assert [(position, parent, name, status) for _, position, parent, name, status, *_ in found["runs"]] == [
        ("0", None, "training", "FINISHED"),
        ("0.0", "0", "catboost search", "FINISHED"),
        ("0.0.0", "0.0", "catboost trial 7", "FINISHED"),
        ("0.1", "0", "logistic", "FINISHED"),
    ]
    assert {tuple(values) for run in found["runs"] for _, values in run[8]} == {(0.9,), (0.98,)}
    assert set(found["runs"][2][9]) == {"bundle/manifest.json", "bundle/spec.toml", "evaluation/roc.csv", "evaluation/deep/gain.csv"}
    assert [version for version, _, _ in found["versions"]] == ["1"]
    assert found["aliases"] == {"champion": "1"}
    assert [what for _, what, _ in found["events"]] == ["promoted", "trained"]
    assert (found["waiting"], found["outbox"]) == ([], [])
    assert found["pointer"].version == "1"


def test_a_refused_connection_is_said_within_seconds_and_without_the_password(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ada:{WRONG}@127.0.0.1:9")
    began = time.monotonic()
    with pytest.raises(RegistryUnavailable, match=r"127\.0\.0\.1:9 does not answer: connection refused") as caught:
        open_registry(home, "bank")
    assert time.monotonic() - began < 15
    assert WRONG not in str(caught.getrepr(style="long", chain=True, showlocals=True))


class Slow(http.server.BaseHTTPRequestHandler):
    """Answers after five seconds, like a server that wakes up."""

    def do_GET(self) -> None:
        time.sleep(5)
        content = json.dumps({"experiment": {"experiment_id": "7", "name": "bank", "lifecycle_stage": "active"}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        return


class Elsewhere(Slow):
    """A web page where MLflow was expected."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        self.wfile.write(b"<html>")


def test_a_slow_server_is_waited_for_and_a_web_page_is_none(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(Slow) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        assert open_registry(home, "bank").experiment == "7"
    with answering(Elsewhere) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        with pytest.raises(RegistryUnavailable, match="does not speak MLflow"):
            open_registry(home, "bank")


def test_a_wrong_password_is_one_clear_sentence_and_the_right_one_delivers(
    server: Server,
    home: Home,
    ledger: Ledger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = put_parcel(home, tmp_path / "s")
    log_in(monkeypatch, server.uri, password=WRONG)
    with pytest.raises(RegistryUnavailable, match=r"refused the credentials \(401\)") as caught:
        check_registry(home, "bank")
    assert "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in caught.value.remedy
    with pytest.raises(RegistryUnavailable, match="Nothing is lost") as caught:
        deliver_waiting(home, ledger, NOW)
    assert str(path) in str(caught.value)
    assert WRONG not in str(caught.value)

    credentials = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri.replace("//", f"//admin:{PASSWORD}@"))
    assert [one.version for one in deliver_waiting(home, ledger, NOW)] == ["1"]
    registry = check_registry(home, "bank")
    require_delivered_once(held(home, registry, ledger))
    assert registry.uri == server.uri
    assert capsys.readouterr().out == "", "stdout belongs to --json"
    stored = b"".join(file.read_bytes() for file in home.root.rglob("*") if file.is_file()) + (server.folder / "mlflow.db").read_bytes()
    assert not {secret for secret in (PASSWORD, WRONG, credentials) if secret.encode() in stored or secret in caplog.text}


def test_what_the_pages_of_mlflow_ask_is_answered(server: Server, home: Home, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(monkeypatch, server.uri)
    registry = other_model(open_registry(home, "bank"), "searched")
    put_and_deliver(home, registry, ledger)
    search = registry.client.search_runs
    (won,) = search([registry.experiment], 'tags.kind = "tuned" and metrics.out_of_fold_pr_auc > 0.97 and params.depth = "4"')
    assert won.info.run_name == "catboost trial 7"
    (parent,) = search([registry.experiment], 'tags.kind = "training"')
    children = search([registry.experiment], f"tags.mlflow.parentRunId = '{parent.info.run_id}'", order_by=["metrics.roc_auc DESC"])
    assert {run.info.run_name for run in children} == {"catboost search", "logistic"}


def put_and_deliver(home: Home, registry: Registry, ledger: Ledger) -> None:
    path = put_parcel(home, home.root.parent / registry.name, model=registry.name)
    deliver(home, registry, ledger, path, NOW)


def other_model(registry: Registry, name: str) -> Registry:
    return replace(registry, name=name, experiment=registry.client.create_experiment(name))


def test_an_account_that_may_only_read_is_told_before_a_long_training(server: Server, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(monkeypatch, server.uri)
    other_model(open_registry(home, "bank"), "guarded")
    token = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    body = json.dumps({"username": "reader", "password": "only-reading-here"}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {token}"}
    urllib.request.urlopen(urllib.request.Request(f"{server.uri}/api/2.0/mlflow/users/create", body, headers), timeout=20).close()
    log_in(monkeypatch, server.uri, "reader", "only-reading-here")
    with pytest.raises(RegistryUnavailable, match=r"does not allow this account to write here \(403\)"):
        check_registry(home, "guarded")


def test_answers_lost_on_the_way_back_make_nothing_twice(
    server: Server, home: Home, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[str] = []

    class Losing(http.server.BaseHTTPRequestHandler):
        """Passes requests on, and drops the first answer to each kind of writing."""

        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            onward = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            onward.request(self.command, self.path, content, dict(self.headers))
            answer = onward.getresponse()
            body = answer.read()
            kind = self.path.split("/artifacts/")[0]
            if self.command != "GET" and "search" not in kind and kind not in lost:
                lost.append(kind)
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    with answering(Losing) as uri:
        log_in(monkeypatch, uri)
        registry = open_registry(home, "lossy")
        put_and_deliver(home, registry, ledger)
        doubles = registry.client.search_runs([registry.experiment], run_view_type=2)
        require_delivered_once(held(home, registry, ledger))
    assert {path.rpartition("mlflow/")[2] for path in lost} >= {
        "experiments/create",
        "runs/create",
        "runs/log-batch",
        "model-versions/create",
    }
    assert len(doubles) == 1, "the lost answer made no double, so this test shows nothing"


def test_a_server_killed_in_the_middle_and_back_again_has_everything_once(
    server: Server, home: Home, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(monkeypatch, server.uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    registry = other_model(open_registry(home, "bank"), "killed")
    path = put_parcel(home, home.root.parent / "s", model="killed")

    class Killing:
        def __init__(self) -> None:
            self.batches = 0

        def __getattr__(self, name: str) -> Any:
            self.batches += name == "log_batch"
            if self.batches == 3:
                server.kill()
            return getattr(registry.client, name)

    with pytest.raises(RegistryUnavailable, match=r"does not answer.*Nothing is lost"):
        deliver(home, replace(registry, client=Killing()), ledger, path, NOW)
    assert waiting(home) == [path]
    server.start()
    server.wait()
    assert len(deliver_waiting(home, ledger, NOW)) == 1
    require_delivered_once(held(home, registry, ledger))
