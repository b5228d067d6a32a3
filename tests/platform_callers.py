"""Callers of the platform's scoring API under load: each request has a key and is sent again until it is answered, for at most so long."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

CALLERS = 10


@dataclass
class Calls:
    """What came of them. `failed`: requests that were not answered with 200 in the time a client has; `seen`: every status, 0 for none."""

    acknowledged: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    seen: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def calling(url: str, key: str, bodies: list[dict[str, Any]], rate: float, patience: float = 10.0) -> Iterator[Calls]:
    """`rate` requests a second by ten callers at once until the end of the block."""
    calls, ending = Calls(), threading.Event()
    callers = [threading.Thread(target=_call, args=(number, url, key, bodies, rate, patience, calls, ending)) for number in range(CALLERS)]
    for one in callers:
        one.start()
    try:
        yield calls
    finally:
        ending.set()
        for one in callers:
            one.join()


def _call(
    number: int, url: str, key: str, bodies: list[dict[str, Any]], rate: float, patience: float, calls: Calls, ending: threading.Event
) -> None:
    began, sent = time.monotonic() + number / rate, 0
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=5 if patience else 20, trust_env=False) as client:
        while not ending.is_set():
            due = began + sent * CALLERS / rate
            if ending.wait(max(0.0, due - time.monotonic())):
                return
            _scored(client, bodies[(number + sent * CALLERS) % len(bodies)], patience, calls)
            sent += 1


def _scored(client: httpx.Client, body: dict[str, Any], patience: float, calls: Calls) -> None:
    again, began = uuid.uuid4().hex, time.monotonic()
    while True:
        try:
            answer = client.post("/predict", json=body, headers={"Idempotency-Key": again})
            status = answer.status_code
        except httpx.HTTPError:
            status = 0
        took = time.monotonic() - began
        with calls.lock:
            calls.seen[status] += 1
            if status == 200:
                calls.acknowledged.append(answer.json()["prediction_id"])
                calls.slowest = max(calls.slowest, took)
                return
            if took > patience or status in (401, 403, 409, 422):
                calls.failed.append(f"{status} after {took:.1f} s")
                return
        time.sleep(0.2)
