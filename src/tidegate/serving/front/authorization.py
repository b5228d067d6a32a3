"""Who may call which route: the policy of the scoring API, and the refusals that go with it (RFC 6750 for the header)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.routing import Route

from tidegate.access.keyring import Keyring
from tidegate.access.keys import ROLES, SCORE, Key
from tidegate.serving.front.headers import Headers

DOCUMENTATION, OPENAPI, ASSETS = "/docs", "/openapi.json", "/static-offline-docs"
ANY_KEY = frozenset(ROLES)
OPEN = frozenset({"/", "/health", "/ready", DOCUMENTATION, OPENAPI})
SHOWN_TO_ANY_KEY = frozenset({"/metrics", "/model-info", "/features"})
OTHER = "other"
Needs = Callable[[str, str], frozenset[str] | None]


@dataclass(frozen=True)
class Policy:
    """What the gate has to know about an API.

    `template` names the route of a path from a closed list (for logs and metrics), `needs` gives the roles of which a key must have one
    for a method and a path (None: no key), `headers` those of routes whose answers are no JSON; `uploads` are the routes that read files.
    """

    template: Callable[[str], str]
    needs: Needs
    headers: Mapping[str, Headers]
    uploads: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Denied:
    """A refusal: its status, its error, one sentence, and the header that says what would help."""

    status: int
    error: str
    detail: str
    challenge: str


_ABSENT = Denied(
    401, "key_absent", "This route needs an API key. Send it as Authorization: Bearer KEY, or as X-API-Key.", 'Bearer realm="tidegate"'
)
_UNKNOWN = Denied(
    401,
    "key_invalid",
    "This API key is unknown, revoked or expired. Ask whoever runs this service for another one.",
    'Bearer realm="tidegate", error="invalid_token"',
)


def scoring_needs(_: str, path: str) -> frozenset[str] | None:
    """Roles for a path of the scoring API. What is not named needs `score`: a path that the router reads in another way is no way in."""
    if path in OPEN or path.startswith(ASSETS + "/"):
        return None
    return ANY_KEY if path in SHOWN_TO_ANY_KEY else frozenset((SCORE,))


def template_of(routes: Sequence[Route]) -> Callable[[str], str]:
    """Names of an API's routes: the path itself, or `/models/{version}` for one that holds a name."""
    plain = frozenset(route.path for route in routes if "{" not in route.path)
    patterns = tuple((route.path_regex, route.path) for route in routes if "{" in route.path)

    def template(path: str) -> str:
        if path in plain:
            return path
        if path.startswith(ASSETS + "/"):
            return ASSETS
        return next((name for pattern, name in patterns if pattern.match(path)), OTHER)

    return template


def admitted(keyring: Keyring, needed: frozenset[str], headers: Mapping[bytes, bytes]) -> Key | Denied:
    """The key of a request (`headers` by their lower-case names), or why it is refused."""
    given = headers.get(b"authorization", b"")
    bearer = given[:7].lower() == b"bearer "
    text = given[7:].strip() if bearer else headers.get(b"x-api-key")
    if not text:
        return _ABSENT
    key = keyring.holder(text)
    if key is None:
        return _UNKNOWN
    if needed.isdisjoint(key.roles):
        asked = " or ".join(role for role in ROLES if role in needed)
        detail = f"This API key may not call this route; it needs the role {asked}. Ask whoever runs this service for such a key."
        return Denied(403, "key_forbidden", detail, f'Bearer realm="tidegate", error="insufficient_scope", scope="{asked}"')
    return key
