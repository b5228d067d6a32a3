"""`/docs` and what the OpenAPI document says about keys."""

from __future__ import annotations

import base64
import copy
import hashlib
import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import Response

from tidegate.access.keyring import Keyring
from tidegate.serving.front.authorization import ASSETS, DOCUMENTATION, OPENAPI, Policy

_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key; `tidegate key add` makes one"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key in a header of its own"},
}
_EITHER: list[dict[str, list[str]]] = [{"bearer": []}, {"header": []}]
_REFUSALS = {
    "401": "No API key, or one that is unknown, revoked or expired",
    "403": "The API key lacks the role, or a page of another origin called",
}
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def add_documentation(app: FastAPI) -> str:
    """The page, with assets from here and addresses relative to it. Returns the SHA-256 (base64) of the one script inside it."""
    page = get_swagger_ui_html(
        openapi_url=OPENAPI[1:],
        title=app.title,
        swagger_js_url=f"{ASSETS[1:]}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS[1:]}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS[1:]}/favicon.png",
        swagger_ui_parameters={"validatorUrl": None},  # else the page asks validator.swagger.io about this API
    )
    body = bytes(page.body)

    @app.get(DOCUMENTATION, include_in_schema=False)
    async def documentation() -> Response:
        return Response(body, media_type="text/html; charset=utf-8")

    scripts = _INLINE.findall(body)
    assert len(scripts) == 1
    return base64.b64encode(hashlib.sha256(scripts[0]).digest()).decode()


def document_keys(app: FastAPI, policy: Policy, keyring: Keyring | None) -> None:
    """Let the OpenAPI document say which routes need a key, and that they do only where the home has keys."""
    plain = app.openapi
    made: dict[bool, dict[str, Any]] = {}

    def openapi() -> dict[str, Any]:
        required = keyring is not None and keyring.required
        if required not in made:
            made[required] = _with_keys(plain(), policy, required)
        return made[required]

    app.openapi = openapi  # type: ignore[method-assign]


def _with_keys(document: dict[str, Any], policy: Policy, required: bool) -> dict[str, Any]:
    document = copy.deepcopy(document)
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if policy.needs(method.upper(), path) is None:
                continue
            operation["responses"].update({status: {"description": text, "content": content} for status, text in _REFUSALS.items()})
            if required:
                operation["security"] = _EITHER
    return document
