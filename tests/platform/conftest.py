"""One platform for all tests of this folder, brought up by the verbs that a person calls, on free ports and with secrets of its own."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from platform_stack import DOCKER, TOP, Stack
from receivers import Web

PUBLISHED = {
    "api": "TIDEGATE_PORT",
    "operate": "TIDEGATE_OPERATE_PORT",
    "ui": "TIDEGATE_UI_PORT",
    "reports": "TIDEGATE_REPORTS_PORT",
    "mlflow": "MLFLOW_PORT",
}
KEPT_PORTS = (18_000, 18_001, 18_501, 19_000, 15_000)
KEPT_SLACK_PORT = 15_999
# A small bank and quick trainings.
SETTINGS = {
    "TIDEGATE_SIMULATED_ROWS": "3000",
    "TIDEGATE_RENEWAL_BUDGET": "quick",
    "TIDEGATE_RENEWAL_ALGORITHMS": "logistic_regression",
    "TIDEGATE_RENEWAL_AUDIT_REQUIRED": "false",
    "TIDEGATE_EVERY": "1h",
    # Two cores carry a dozen containers and their callers: a commit that takes seconds there is no fault.
    "TIDEGATE_LEDGER_SECONDS": "10",
}


def free_ports(count: int) -> list[int]:
    taken = [socket.socket() for _ in range(count)]
    try:
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in taken]
    finally:
        for one in taken:
            one.close()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Up and healthy; afterwards gone with everything it knew. With PLATFORM_KEEP=FOLDER it stays, and the next run takes it over."""
    if "DOCKER_HOST" not in os.environ:
        pytest.skip("DOCKER_HOST names no engine: .ci/platform starts one")
    kept = os.environ.get("PLATFORM_KEEP")
    folder = Path(kept or tempfile.mkdtemp(prefix="tidegate-platform-"))
    folder.mkdir(exist_ok=True)
    ports = dict(zip(PUBLISHED, KEPT_PORTS if kept else free_ports(len(PUBLISHED)), strict=True))
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("TIDEGATE_", "COMPOSE_"))},
        **SETTINGS,
        **{PUBLISHED[name]: str(port) for name, port in ports.items()},
        "COMPOSE": os.environ.get("COMPOSE", "docker-compose"),
        "DOCKER": DOCKER,
        "COMPOSE_FILE": f"{TOP / 'compose.yaml'}:{TOP / 'deploy/docker/compose.ci.yaml'}",
        "COMPOSE_ENV_FILES": str(folder / "env"),
        "COMPOSE_PROGRESS": "plain",
        "TIDEGATE_PROJECT": os.environ.get("PLATFORM_PROJECT", "tidegate-tests"),
        "TIDEGATE_SECRETS": str(folder / "secrets"),
    }
    (folder / "env").touch()
    # A Slack of our own, on this machine's address in the engine's first network, written down as somebody does before the first start.
    asked = (DOCKER, "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    address = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    slack = Web(KEPT_SLACK_PORT if kept else 0, address)
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets" / "slack_webhook_url").write_text(f"{slack.url}/services/{secrets.token_hex(12)}\n")
    made = Stack(environment, folder / "secrets", ports, slack)
    made.make("up", "UP=--no-build")
    yield made
    slack.close()
    if not kept:
        made.make("down", "VOLUMES=1")
        shutil.rmtree(folder)
