"""Pages of other origins: which may call, and what their browsers are told (Fetch standard, section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.serving.front.headers import Headers

_EXPOSED = (b"access-control-expose-headers", b"X-Request-ID, X-Model-Version, Retry-After")
_VARY = (b"vary", b"Origin")
_PREFLIGHT: Headers = (
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"Authorization, X-API-Key, Content-Type, Idempotency-Key, X-Request-ID"),
    (b"access-control-max-age", b"600"),
    (b"content-length", b"0"),
)


class Cors:
    """The listed origins, each with its headers made once. An empty list adds no header to any answer."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._of: Mapping[bytes, Headers] = {
            origin.encode(): ((b"access-control-allow-origin", origin.encode()), _EXPOSED, _VARY) for origin in origins
        }
        # A cache must not hand the answer for one origin to another.
        self._others: Headers = (_VARY,) if origins else ()

    def headers(self, origin: bytes | None) -> Headers:
        """What the answer to a request from here carries."""
        return self._others if origin is None else self._of.get(origin, self._others)

    def listed(self, origin: bytes) -> bool:
        """Whether pages of this origin may call."""
        return origin in self._of

    def preflight(self, method: str, origin: bytes | None, asked: bool) -> Headers | None:
        """Headers of the answer to a listed origin's question whether it may call, None for any other request."""
        return _PREFLIGHT if method == "OPTIONS" and asked and origin is not None and origin in self._of else None


def from_elsewhere(origin: bytes, host: bytes) -> bool:
    """Whether the page that sent this is not from this server. Its scheme does not count: a proxy may have ended TLS."""
    return origin.partition(b"://")[2] != host.lower()
