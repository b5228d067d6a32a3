"""JSON in and out: strict reading, and the one shape every refusal has."""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.responses import Response

from tidegate.errors import InputRefused, TidegateError

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


class DuplicateKey(ValueError):
    """An object names a key twice."""


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DuplicateKey
    return found


def _no_constants(name: str) -> None:
    raise ValueError(name)


_decoder = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constants)
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)
_compact = json.JSONEncoder(separators=(",", ":"), check_circular=False)
_plain = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False, allow_nan=False)


def read_json(body: bytes) -> Any:
    """A JSON document. Raises InputRefused for anything that RFC 8259 does not allow, NaN, Infinity and repeated keys included."""
    remedy = "Send one JSON object in UTF-8."
    try:
        return _decoder.decode(body.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputRefused("The body is not UTF-8 text.", remedy) from None
    except DuplicateKey:
        raise InputRefused("The body names a field twice.", "Send each field once.") from None
    except json.JSONDecodeError as error:
        raise InputRefused(f"The body is not JSON (character {error.pos}).", remedy) from None
    except (ValueError, RecursionError):
        raise InputRefused("The body holds NaN, Infinity, an oversized number or is nested too deeply.", remedy) from None


def canonical(document: object) -> str:
    """One spelling of a document: keys sorted, no spaces."""
    return _canonical.encode(document)


def compact(document: object) -> str:
    """A document as it is, without spaces, in ASCII."""
    return _compact.encode(document)


def answer(document: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response."""
    try:
        body = _plain.encode(document).encode()
    except UnicodeEncodeError:  # half a surrogate pair, given back as it was sent: only an escape can hold it
        body = compact(document).encode()
    return Response(body, status, headers, "application/json")


def refusal(status: int, error: str, detail: str, request_id: str, headers: dict[str, str] | None = None) -> Response:
    """The one envelope of every refusal: what kind, one sentence with the remedy, and the request's id."""
    return answer({"error": error, "detail": detail, "id": request_id}, status, headers)


def refusal_of(error: TidegateError, request_id: str) -> Response:
    """The envelope of an error of ours; a fault says no more than that it is one."""
    headers = {"Retry-After": "1"} if error.status == 503 else None
    return refusal(error.status, error_name(error), str(error), request_id, headers)


def error_name(error: TidegateError) -> str:
    """The class in snake_case: `row_refused`."""
    return _WORD.sub("_", type(error).__name__).lower()
