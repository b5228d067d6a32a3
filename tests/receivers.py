"""Servers on loopback that take what Tidegate sends: HTTP and mail."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler], port: int = 0, address: str = "127.0.0.1") -> Iterator[str]:
    """The URL of a server that answers each request with `handler`, until the block ends."""
    listening = ThreadingHTTPServer((address, port), handler)
    threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://{address}:{listening.server_port}"
    finally:
        listening.shutdown()
        listening.server_close()


class Web:
    """What was posted to an HTTP server (path, JSON), which answers with `status`; other than 200 it keeps nothing."""

    def __init__(self, port: int = 0, address: str = "127.0.0.1") -> None:
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.status = 200
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if web.status == 200:
                    web.got.append((self.path, json.loads(body)))
                self.send_response(web.status)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                return

        self._serving = answering(Handler, port, address)
        self.url = self._serving.__enter__()
        self.port = int(self.url.rsplit(":", 1)[1])

    def close(self) -> None:
        self._serving.__exit__(None, None, None)


class Mailbox:
    """The mails that an SMTP server of aiosmtpd received."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"
