"""Where the platform answers on this host, and one request to it. Settings come from the environment, then from `.env`, as for compose."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 10
PORTS = {
    "api": ("TIDEGATE_PORT", 8000),
    "operate": ("TIDEGATE_OPERATE_PORT", 8001),
    "ui": ("TIDEGATE_UI_PORT", 8501),
    "reports": ("TIDEGATE_REPORTS_PORT", 9000),
    "mlflow": ("MLFLOW_PORT", 5000),
}
# Straight to this machine: a proxy for the world outside has no business between.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def setting(name: str, default: str = "") -> str:
    """A variable of the environment, or of the file that compose reads, or the default."""
    record = Path(os.environ.get("COMPOSE_ENV_FILES") or ".env")
    lines = record.read_text(encoding="utf-8").splitlines() if record.is_file() else []
    kept = [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]
    return os.environ.get(name) or (kept[-1] if kept else "") or default


def url(service: str) -> str:
    """Address of a published service, without a slash at its end."""
    name, port = PORTS[service]
    return f"http://127.0.0.1:{setting(name, str(port))}"


def score_key() -> str:
    """The platform's key of the role score; empty where it has none (a service on loopback)."""
    path = Path(setting("TIDEGATE_SECRETS", "secrets")) / "key_score"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def asked(address: str, body: object = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """Status and document (None where it is no JSON); 0 where nobody answered."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json", **(headers or {})})
    try:
        with _OPENER.open(request, timeout=PATIENCE_SECONDS) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    except OSError:
        return 0, None
    try:
        return status, json.loads(text)
    except ValueError:
        return status, None
