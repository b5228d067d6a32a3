"""Requests at a steady rate over many connections, each with a key; what came of each of them, by the client's own account."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from load import exchange, post


@dataclass(frozen=True)
class Asked:
    """One request: its idempotency key, and the customer."""

    key: str
    customer: dict[str, Any]

    def wire(self) -> bytes:
        """The request as it is sent."""
        return post("/predict", json.dumps(self.customer).encode(), f"Idempotency-Key: {self.key}\r\n")


@dataclass(frozen=True)
class Answer:
    """An acknowledged prediction: what the client was told."""

    key: str
    prediction_id: str
    probability: float
    version: str


@dataclass
class Traffic:
    """A generator in a thread of its own. `again` holds requests that are sent before new ones; `ended` is set to end it."""

    port: int
    rate: float
    connections: int
    new: Callable[[], Asked]
    again: deque[Asked] = field(default_factory=deque)
    answers: list[Answer] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)
    refused_after: list[float] = field(default_factory=list)
    unanswered: list[Asked] = field(default_factory=list)
    postponed: list[Asked] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    began: float = 0.0
    sent: int = 0

    def run(self) -> None:
        """Until ended, or until every connection is broken."""
        asyncio.run(self._all())

    async def _all(self) -> None:
        self.began = time.monotonic()
        await asyncio.gather(*(self._one() for _ in range(self.connections)))

    async def _one(self) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return
        with contextlib.suppress(OSError):
            while not self.ended.is_set():
                turn, self.sent = self.sent, self.sent + 1
                await asyncio.sleep(self.began + turn / self.rate - time.monotonic())
                asked = self.again.popleft() if self.again else self.new()
                began = time.monotonic()
                try:
                    status, body = await asyncio.wait_for(exchange(reader, writer, asked.wire()), 30)
                except (OSError, asyncio.IncompleteReadError, TimeoutError):
                    self.unanswered.append(asked)
                    break
                self._note(asked, status, body, time.monotonic() - began)
        writer.close()

    def _note(self, asked: Asked, status: int, body: bytes, seconds: float) -> None:
        if status != 200:
            self.refused_after.append(seconds)
            self.refused[status] = self.refused.get(status, 0) + 1
            self.postponed.append(asked)
            return
        told = json.loads(body)
        self.answers.append(Answer(asked.key, told["prediction_id"], told["probabilities"]["churn"], told["model_version"]))


@contextlib.contextmanager
def flowing(traffic: Traffic) -> Iterator[Traffic]:
    """The traffic, while the block runs."""
    thread = threading.Thread(target=traffic.run, daemon=True)
    thread.start()
    try:
        yield traffic
    finally:
        traffic.ended.set()
        thread.join(60)
