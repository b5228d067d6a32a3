"""Headers that every answer carries, made once: none of them depends on the request."""

from __future__ import annotations

from collections.abc import Mapping

Headers = tuple[tuple[bytes, bytes], ...]

# Answers hold customers' scores: nobody stores them, frames them, reads a script out of them, or learns from where they were asked for.
_ALWAYS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_NO_STORE = (b"cache-control", b"no-store")
_NOTHING_RUNS = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")

PLAIN: Headers = (*_ALWAYS, _NO_STORE, _NOTHING_RUNS)
ASSETS: Headers = (*_ALWAYS, (b"cache-control", b"public, max-age=3600"), _NOTHING_RUNS)


def page_headers(script_hash: str) -> Headers:
    """Headers of the documentation page: scripts from here and the one inside it, whose SHA-256 (base64) is given.

    Swagger UI writes style attributes and pictures as data: URLs; it asks nobody but this API.
    """
    policy = (
        f"default-src 'none'; script-src 'self' 'sha256-{script_hash}'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    nothing = (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()")
    return (*_ALWAYS, _NO_STORE, (b"content-security-policy", policy.encode()), nothing)


def headers_by_route(documentation: str, assets: str, script_hash: str) -> Mapping[str, Headers]:
    """Headers of the routes whose answers are no JSON; PLAIN is for all others."""
    return {documentation: page_headers(script_hash), assets: ASSETS}
