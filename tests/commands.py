"""The command line as processes: a verb to its end, one that keeps running, and what it answers."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ports import free_port


def tidegate(*words: object, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tidegate", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **(environment or {})})


def call(url: str, body: object = None, content_type: str = "application/json") -> tuple[int, bytes]:
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": content_type} if data is not None else {})
    try:
        with urllib.request.urlopen(request, timeout=300) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@contextlib.contextmanager
def running(
    *words: object, environment: dict[str, str] | None = None, program: tuple[str, str] = ("-m", "tidegate")
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A long-running verb from the moment it says (as JSON) that it is ready; `program` is what Python runs."""
    command = [sys.executable, *program, *map(str, words), "--json"]
    ports = {f"TIDEGATE_{name}_PORT": str(free_port()) for name in ("OPERATE", "REPORTS", "UI")}
    # A busy disk makes a commit slow; a test of how long one is waited for sets its own.
    environment = {**os.environ, **ports, "TIDEGATE_LEDGER_SECONDS": "25", **(environment or {})}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment)
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield process, json.loads(line)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def number(text: str) -> object:
    for read in (int, float):
        with contextlib.suppress(ValueError):
            return read(text)
    return text


def customers(path: Path) -> list[dict[str, object]]:
    with path.open(newline="") as file:
        return [
            {name.lower(): number(value) for name, value in row.items() if name not in ("CLIENTNUM", "Attrition_Flag")}
            for row in csv.DictReader(file)
        ]
