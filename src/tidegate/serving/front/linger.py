"""Answer a request whose body nobody reads, so that the answer reaches its caller."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

LINGER_SECONDS, LINGER_BYTES = 2.0, 64 << 20
SMALL_BYTES = 64 << 10


async def answer_unread(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the answer at once; then, for a body that may be large, read on a little and close the connection.

    A connection closed with bytes of the caller still under way is reset, and the caller loses the answer with it (RFC 9112, section 9.6).
    A caller who waits for "100 Continue" sends nothing, and one who listens stops when it hears. The small rest of another is read by the
    server itself, and the connection goes on.
    """
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    chunked = any(name == b"transfer-encoding" for name, _ in scope["headers"])
    if not chunked and (not declared or (declared.isdigit() and len(declared) < 9 and int(declared) <= SMALL_BYTES)):
        await response(scope, receive, send)
        return
    response.headers["Connection"] = "close"

    async def holding(message: Message) -> None:
        last = message["type"] == "http.response.body"
        await send({**message, "more_body": True} if last else message)

    await response(scope, receive, holding)
    with suppress(Exception):
        async with asyncio.timeout(LINGER_SECONDS):
            read = 0
            while read < LINGER_BYTES and (message := await receive()).get("more_body"):
                read += len(message["body"])
    await send({"type": "http.response.body", "body": b"", "more_body": False})
