"""Asking an API, and what may come back instead of an answer.

ApiFault                  the API did not do what was asked
├── ApiUnreachable        nobody answers at its address, or not in time
├── KeyNeeded             it asks for a key, or does not know the one given (401)
├── RoleNeeded            the key may not do this (403)
└── ApiRefused            it says why (any other status), in `detail`
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import httpx

from tidegate.errors import TidegateError

SECONDS, UPLOAD_SECONDS, CONNECT_SECONDS = 35.0, 900.0, 3.0
Query = Mapping[str, str | int]


class ApiFault(TidegateError):
    """An API did not do what was asked."""


class ApiUnreachable(ApiFault):
    """Nobody answers at its address, or not in time."""


class KeyNeeded(ApiFault):
    """The API asks for a key, or does not know the one given."""


class RoleNeeded(ApiFault):
    """The key may not do this."""


class ApiRefused(ApiFault):
    """The API says why it does not; `status` is that of HTTP."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True)
class Api:
    """One API: its name for people, a connection to it, and the key, which goes into a header and nowhere else."""

    name: str
    connection: httpx.Client
    key: str | None = None

    def get(self, path: str, query: Query | None = None) -> dict[str, Any]:
        """The answer's object. Raises ApiFault."""
        return self._asked("GET", path, params=dict(query or {}))

    def post(self, path: str, body: Mapping[str, Any], query: Query | None = None) -> dict[str, Any]:
        """The answer to a JSON body. Raises ApiFault."""
        return self._asked("POST", path, json=dict(body), params=dict(query or {}))

    def delete(self, path: str) -> dict[str, Any]:
        """The answer to taking something away, or stopping it. Raises ApiFault."""
        return self._asked("DELETE", path)

    def send(self, path: str, fields: Mapping[str, str], name: str | None, file: IO[bytes] | None) -> dict[str, Any]:
        """The answer to a form with a file in it, or none. Raises ApiFault."""
        files = {} if file is None else {"file": (name, file)}
        return self._asked("POST", path, data=dict(fields), files=files or None, timeout=UPLOAD_SECONDS)

    def text(self, path: str) -> str:
        """An answer that is no JSON. Raises ApiFault."""
        return self._exchanged("GET", path).text

    @contextmanager
    def upload(self, path: str, name: str, file: IO[bytes], once: str | None = None) -> Iterator[Iterator[bytes]]:
        """Pieces of what a file comes to, while they arrive. Raises ApiFault, also in the middle.

        `once` is an idempotency key: what was recorded for it before is answered again, and not recorded twice.
        """
        headers = {**self._headers(), **({"Idempotency-Key": once} if once else {})}
        timeout = httpx.Timeout(UPLOAD_SECONDS, connect=CONNECT_SECONDS)
        begun = False
        try:
            with self.connection.stream("POST", path, files={"file": (name, file)}, headers=headers, timeout=timeout) as response:
                if response.status_code >= httpx.codes.BAD_REQUEST:
                    response.read()
                self._checked(response)
                begun = True
                yield response.iter_bytes()
        except httpx.HTTPError as error:
            if begun:
                raise ApiUnreachable(f"The {self.name} broke off in the middle of its answer.") from None
            raise self._unreachable(error) from None

    def _asked(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        response = self._exchanged(method, path, **given)
        try:
            found: dict[str, Any] = response.json()
        except json.JSONDecodeError:
            raise ApiRefused(response.status_code, f"What answers as the {self.name} is something else.") from None
        return found

    def _exchanged(self, method: str, path: str, **given: Any) -> httpx.Response:
        timeout = httpx.Timeout(given.pop("timeout", SECONDS), connect=CONNECT_SECONDS)
        try:
            response = self.connection.request(method, path, headers=self._headers(), timeout=timeout, **given)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from None
        self._checked(response)
        return response

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def _unreachable(self, error: httpx.HTTPError) -> ApiUnreachable:
        how = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "does not answer"
        return ApiUnreachable(f"The {self.name} {how}.")

    def _checked(self, response: httpx.Response) -> None:
        status = response.status_code
        if status < httpx.codes.BAD_REQUEST:
            return
        try:
            detail = str(response.json()["detail"])
        except (ValueError, KeyError, TypeError):
            detail = f"The {self.name} answered with HTTP status {status}."
        if status == httpx.codes.UNAUTHORIZED:
            raise KeyNeeded(detail)
        if status == httpx.codes.FORBIDDEN:
            raise RoleNeeded(detail)
        raise ApiRefused(status, detail)
