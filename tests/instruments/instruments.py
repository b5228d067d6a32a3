"""Prometheus and Alertmanager as Debian ships them, on loopback, with this repository's configuration at the pace of a test."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from callers import wait_until
from commands import call
from ports import free_port

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
PATIENCE_SECONDS = 180
# What takes minutes in a bank takes seconds here; what is compared with the clock (an hour) stays. One scrape that is late alarms nobody.
PACE = ((r"(for): \w+", r"\1: 3s"), (r"\[2m\]", "[8s]"), (r"\[5m\]", "[12s]"), (r"\[15m\]", "[40s]"))


def binary(*names: str) -> str:
    """The first of these programs that is there; a test that asks for none of Debian's packages is skipped, loudly."""
    for name in names:
        if found := shutil.which(name):
            return found
    pytest.skip(f"{names[0]} is NOT INSTALLED, so NOTHING of this was tested: apt-get install prometheus prometheus-alertmanager")


def run(*words: object, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command, whatever its exit code is."""
    command = [str(word) for word in words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **(environment or {})})


def all_rules() -> dict[str, dict[str, Any]]:
    """Alerting rules by their names."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    return {rule["alert"]: rule for rule in rules}


@dataclass(frozen=True)
class Prometheus:
    """One that answers."""

    url: str

    def ask(self, query: str) -> list[dict[str, Any]]:
        """The series that a query answers now. Fails where Prometheus calls it an error."""
        status, body = call(f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}")
        assert status == 200, (query, body)
        found: list[dict[str, Any]] = json.loads(body)["data"]["result"]
        return found

    def firing(self) -> set[str]:
        """Names of the alerts that fire."""
        return {one["metric"]["alertname"] for one in self.ask('ALERTS{alertstate="firing"}')}

    def names(self) -> set[str]:
        """Of all metrics that were scraped."""
        return set(json.loads(call(f"{self.url}/api/v1/label/__name__/values")[1])["data"])


def configure(folder: Path, api: list[str], worker: str, alertmanager: str | None, port: int, key: str = "unused") -> Path:
    """This repository's prometheus.yml, with addresses of this machine and the pace of a test."""
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    (folder / "rules").mkdir(parents=True)
    for path in RULES:
        text = path.read_text()
        for pattern, quick in PACE:
            text = re.sub(pattern, quick, text)
        (folder / "rules" / path.name).write_text(text)
    (folder / "key").write_text(key)
    config["global"] = {"scrape_interval": "2s", "scrape_timeout": "1900ms", "evaluation_interval": "1s"}
    targets = {"tidegate-api": api, "tidegate-worker": [worker], "prometheus": [f"127.0.0.1:{port}"], "alertmanager": [alertmanager]}
    for job in config["scrape_configs"]:
        job.pop("dns_sd_configs", None)
        job["static_configs"] = [{"targets": [one for one in targets[job["job_name"]] if one]}]
        if "authorization" in job:
            job["authorization"]["credentials_file"] = str(folder / "key")
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager] if alertmanager else []}]}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def listening(url: str, log: Path, *words: object) -> Iterator[None]:
    """A server from the moment it says it is ready."""
    with log.open("w") as output, subprocess.Popen([str(word) for word in words], stdout=output, stderr=output) as process:
        try:
            wait_until(lambda: answers(f"{url}/-/ready"), log.read_text, PATIENCE_SECONDS)
            yield
        finally:
            process.terminate()


def answers(url: str) -> bool:
    try:
        return call(url)[0] == 200
    except OSError:
        return False


@contextmanager
def prometheus(folder: Path, api: list[str], worker: str, alertmanager: str | None = None, key: str = "unused") -> Iterator[Prometheus]:
    """Prometheus, which scrapes `api` and `worker` (HOST:PORT)."""
    program, port = binary("prometheus"), free_port()
    config, url = configure(folder, api, worker, alertmanager, port, key), f"http://127.0.0.1:{port}"
    words = (f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}")
    with listening(url, folder / "prometheus.log", program, *words):
        yield Prometheus(url)


@contextmanager
def alertmanager(folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """HOST:PORT of an Alertmanager with the rendered configuration, which waits a second where the real one waits minutes."""
    program, address = binary("prometheus-alertmanager", "alertmanager"), f"127.0.0.1:{free_port()}"
    rendered = run(DEPLOY / "alertmanager" / "render.sh", folder, environment=environment)
    assert rendered.returncode == 0, rendered.stderr
    config = folder / "alertmanager.yml"
    config.write_text(re.sub(r"(group_wait|group_interval): \w+", r"\1: 1s", config.read_text()))
    words = (f"--config.file={config}", f"--storage.path={folder / 'data'}", f"--web.listen-address={address}")
    with listening(f"http://{address}", folder / "alertmanager.log", program, *words, "--cluster.listen-address="):
        yield address


def metrics_in(query: str) -> set[str]:
    """Names of metrics in a query: words that are followed by no parenthesis, outside braces, brackets and lists of labels."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|(?:by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", " ", query)
    words = re.findall(r"\b([a-zA-Z_][a-zA-Z0-9_]*)\b(?!\s*\()", bare)
    return {
        word for word in words if word not in {"and", "or", "unless", "offset", "by", "on", "bool"} and not re.fullmatch(r"\d+\w", word)
    }
