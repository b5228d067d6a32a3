"""`tidegate reports`: the reports of a home, read-only, for browsers."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from tidegate.access.file import required_keys_file
from tidegate.access.keyring import Keyring
from tidegate.access.keys import OPERATE, ROLES
from tidegate.home import Home
from tidegate.monitoring.site import write_site
from tidegate.serving.address import bound
from tidegate.serving.server import listen
from tidegate.settings import Settings

_KINDS = {".html": "text/html; charset=utf-8", ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png"}
# Evidently's pages run scripts of their own, which draw with blobs. They may ask nobody for anything, this server included, and a page is
# an origin of its own: a script that found its way into one reaches neither the other pages nor the APIs of this machine.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts allow-downloads allow-popups"
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def serve_reports(home: Home, settings: Settings, ready: Callable[[str], None]) -> None:
    """Serve `reports/` until SIGTERM or SIGINT; the index is written first, so that there is one before the first batch.

    Raises SettingRefused where the address cannot be bound, HomeRefused where the API keys are damaged.
    """
    keyring = Keyring(required_keys_file(home, settings.api_keys_file))
    guarded = any(keyring.has(role) for role in ROLES)
    with closing(bound(settings.reports_host, settings.reports_port, guarded, OPERATE)) as listening:
        write_site(home.reports)
        listen(create_reports_app(home.reports, keyring), listening, ready)


def create_reports_app(reports: Path, keyring: Keyring | None = None) -> FastAPI:
    """The application: GET and HEAD of files below `reports`, nothing else. Without a keyring nobody is asked for a key."""

    async def answer(request: Request) -> Response:
        if keyring is not None and not _known(keyring, request):
            sentence = "The reports need an API key of any role: as the password of any user name, or as Authorization: Bearer KEY.\n"
            return PlainTextResponse(sentence, 401, {**HEADERS, "WWW-Authenticate": 'Basic realm="tidegate reports"'})
        if request.url.path == "/":
            return RedirectResponse("index.html", headers=HEADERS)
        path = await run_in_threadpool(file_of, reports, request.path_params["path"])
        if path is None:
            return PlainTextResponse("There is no such report.\n", 404, HEADERS)
        return FileResponse(path, headers=HEADERS, media_type=_KINDS[path.suffix])

    return FastAPI(openapi_url=None, docs_url=None, redoc_url=None, routes=[Route("/{path:path}", answer, methods=["GET"])])


def file_of(reports: Path, wanted: str, kinds: Mapping[str, str] = _KINDS) -> Path | None:
    """The file of this name below `reports`, or None: of another kind, hidden, behind a link, or anywhere else."""
    parts = wanted.split("/")
    if any(not part or part.startswith(".") or "\\" in part or "\0" in part for part in parts) or Path(wanted).suffix not in kinds:
        return None
    path = reports.joinpath(*parts)
    try:
        if os.path.realpath(path) != os.path.join(os.path.realpath(reports), *parts) or not path.is_file():  # noqa: PTH118
            return None
    except (OSError, ValueError):
        return None
    return path


def _known(keyring: Keyring, request: Request) -> bool:
    """Whether the request brings a valid key, or none is asked for. A browser brings it as the password of HTTP Basic (RFC 7617)."""
    keyring.follow()
    if not keyring.required:
        return True
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    text = request.headers.get("x-api-key", "").encode()
    if scheme.lower() == "bearer":
        text = given.strip().encode()
    elif scheme.lower() == "basic":
        try:
            text = base64.b64decode(given, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return False
    return bool(text) and keyring.holder(text) is not None
