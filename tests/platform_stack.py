"""The platform as its tests see it: verbs of make, published ports, containers; all through the engine that DOCKER_HOST names."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from receivers import Web

TOP = Path(__file__).parents[1]
DOCKER = "/usr/bin/docker"
API, OPERATE, UI, REPORTS, MLFLOW = "api", "operate", "ui", "reports", "mlflow"


@dataclass(frozen=True)
class Stack:
    """One platform: its environment for make and compose, where it listens, and whom its Alertmanager tells."""

    environment: dict[str, str]
    secrets: Path
    ports: dict[str, int]
    slack: Web

    def run(self, *words: str | Path, given: bytes = b"", patience: float = 900, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [str(word) for word in words], cwd=TOP, env=self.environment, input=given, capture_output=True, timeout=patience
        )
        assert not check or done.returncode == 0, (words, done.stdout.decode()[-3000:], done.stderr.decode()[-6000:])
        return done

    def make(self, *words: str, patience: float = 1800, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return self.run("make", "--no-print-directory", *words, patience=patience, check=check)

    def compose(self, *words: str, given: bytes = b"", patience: float = 900, check: bool = True) -> str:
        return self.run(*self.environment["COMPOSE"].split(), *words, given=given, patience=patience, check=check).stdout.decode()

    def docker(self, *words: str, patience: float = 300) -> str:
        return self.run(DOCKER, *words, patience=patience).stdout.decode()

    def inside(self, service: str, *words: str, check: bool = True) -> str:
        return self.compose("exec", "-T", service, *words, check=check)

    def sql(self, database: str, statement: str) -> list[str]:
        return self.inside("postgres", "psql", "-U", "postgres", "-d", database, "-Atc", statement).splitlines()

    def containers(self, service: str = "") -> list[dict[str, Any]]:
        """What `docker inspect` says of each running container."""
        ids = self.compose("ps", "-q", *([service] if service else [])).split()
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", *ids)) if ids else []
        return found

    def key(self, role: str) -> str:
        return (self.secrets / f"key_{role}").read_text().strip()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def client(self, name: str, role: str | None, seconds: float = 60) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key(role)}"} if role else {}
        return httpx.Client(base_url=self.url(name), headers=headers, timeout=seconds, trust_env=False)

    def job(self, path: str, patience: float = 600) -> dict[str, Any]:
        """A job of the operate API, once it has ended."""
        deadline = time.monotonic() + patience
        with self.client(OPERATE, "operate") as client:
            while True:
                said: dict[str, Any] = client.get(path).raise_for_status().json()
                if said["state"] not in ("running", "waiting"):
                    return said
                assert time.monotonic() < deadline, said
                time.sleep(1)

    def kill(self, container: dict[str, Any]) -> None:
        """SIGKILL for everything in it, as in a crash. What the engine is asked to kill counts as meant: it would not start it again."""
        os.kill(container["State"]["Pid"], signal.SIGKILL)

    def healthy(self, service: str, count: int = 1, patience: float = 240) -> None:
        def all_are() -> bool:
            states = [one["State"].get("Health", {}).get("Status") for one in self.containers(service)]
            return states == ["healthy"] * count

        until(all_are, lambda: self.compose("ps", "-a") + self.compose("logs", "--tail", "20", service), patience)


def until(holds: Callable[[], bool], seen: Callable[[], object], patience: float) -> None:
    """Until it holds; else the test fails with what was `seen`."""
    deadline = time.monotonic() + patience
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if holds():
                return
        assert time.monotonic() < deadline, seen()
        time.sleep(0.5)


def rows(stack: Stack, database: str) -> dict[str, int]:
    """How many rows each table has."""
    tables = stack.sql(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return {table: int(stack.sql(database, f'SELECT count(*) FROM "{table}"')[0]) for table in tables}


def without(counts: dict[str, int], names: Sequence[str]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if name not in names}
