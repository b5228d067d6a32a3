"""Keys as an operator handles them: real processes, an address beyond loopback, keys changed under a running server."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from champions import write_linear_champion
from commands import running, tidegate
from ports import free_port
from tidegate.bundle.golden import synthetic_rows
from tidegate.customers.spec import load_spec
from tidegate.home import Home, open_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = open_home(tmp_path / "home")
    write_linear_champion(made)
    return made


def add(home: Home, name: str, *roles: str, environment: dict[str, str] | None = None) -> str:
    answer = tidegate("key", "add", name, *(f"--role={role}" for role in roles), "--home", home.root, "--json", environment=environment)
    assert answer.returncode == 0, answer.stderr
    return str(json.loads(answer.stdout)["key"])


def status(port: int, key: str | None, path: str = "/predict") -> int:
    body = json.dumps(synthetic_rows(load_spec("bank"), seed=1, count=1)[0]).encode() if path == "/predict" else None
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers), timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def becomes(port: int, key: str, expected: int) -> None:
    deadline = time.monotonic() + 20
    while (found := status(port, key)) != expected:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_keys_open_an_address_and_are_rotated_under_a_running_server(home: Home) -> None:
    for host in ("0.0.0.0", "::"):
        answer = tidegate("serve", "--host", host, "--port", free_port(), "--home", home.root)
        assert answer.returncode == 2
        assert "tidegate key add NAME --role score" in answer.stderr
    operating = add(home, "ops", "operate")
    port = free_port()
    words: tuple[Any, ...] = ("serve", "--host", "0.0.0.0", "--port", port, "--home", home.root)
    assert "no valid API key with the role score" in tidegate(*words).stderr
    old = add(home, "crm", "score")
    with running(*words) as (process, ready):
        assert ready["url"] == f"http://0.0.0.0:{port}"
        assert (status(port, None), status(port, "tg_x"), status(port, operating), status(port, old)) == (401, 401, 403, 200)
        assert (status(port, None, "/health"), status(port, None, "/metrics"), status(port, operating, "/metrics")) == (200, 401, 200)
        new = add(home, "crm-2", "score")
        becomes(port, new, 200)
        assert status(port, old) == 200
        assert tidegate("key", "revoke", "crm", "--home", home.root).returncode == 0
        becomes(port, old, 401)
        assert status(port, new) == 200
        (home.secrets / "api-keys.json").rename(home.secrets / "away")
        becomes(port, new, 401)
        assert status(port, None) == 401
        (home.secrets / "away").rename(home.secrets / "api-keys.json")
        becomes(port, new, 200)
        process.terminate()
        _, log = process.communicate(timeout=30)
    lines = [json.loads(line) for line in log.splitlines()]
    assert {line["key"] for line in lines if line["event"] == "request"} == {None, "ops", "crm", "crm-2"}
    assert not any(key in log for key in (operating, old, new))
    assert tidegate("verify", "--home", home.root).returncode == 0


def test_a_loopback_server_asks_from_the_first_key_on(home: Home) -> None:
    port = free_port()
    with running("serve", "--port", port, "--home", home.root):
        assert status(port, None) == 200
        key = add(home, "crm", "score")
        becomes(port, key, 200)
        deadline = time.monotonic() + 20
        while status(port, None) != 401:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert tidegate("key", "revoke", "crm", "--home", home.root).returncode == 0
        becomes(port, key, 401)
        assert status(port, None) == 401


def test_replicas_share_a_mounted_file(home: Home, tmp_path: Path) -> None:
    mounted = {"TIDEGATE_API_KEYS_FILE": str(tmp_path / "mounted.json")}
    answer = tidegate("serve", "--port", free_port(), "--home", home.root, environment=mounted)
    assert answer.returncode == 2
    assert "TIDEGATE_API_KEYS_FILE names" in answer.stderr
    key = add(home, "crm", "score", environment=mounted)
    assert not (home.secrets / "api-keys.json").exists()
    port = free_port()
    with running("serve", "--host", "0.0.0.0", "--port", port, "--home", home.root, environment=mounted):
        assert (status(port, key), status(port, None)) == (200, 401)
