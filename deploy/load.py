"""Traffic for the dashboards: random customers of the columns that `/features` names, so many a second, through the gateway.

Needs nothing but Python and the key in `secrets/key_score`. A line a second says what came of all so far: answered, refused (422),
overloaded (429), failed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

SECONDS = 10


def asked(url: str, key: str, body: object = None, again: str = "") -> tuple[int, Any]:
    """Status and document; 0 where nobody answered."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **({"Idempotency-Key": again} if again else {})}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=SECONDS) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, None
    except (OSError, ValueError):
        return 0, None


def customer(columns: list[dict[str, Any]], draw: random.Random) -> dict[str, Any]:
    """One of whom each column is as expected; together they may still break a rule between columns, which is then a 422."""
    found: dict[str, Any] = {}
    for column in columns:
        low, high = column["expected"] or column["limit"] or (0, 1)
        low, high = (0 if low is None else low), (1_000 if high is None else high)
        kind = column["kind"]
        found[column["name"]] = (
            draw.choice(column["levels"])
            if kind == "category"
            else draw.random() < 0.5
            if kind == "boolean"
            else draw.randint(int(low), int(high))
            if kind == "integer"
            else round(draw.uniform(low, high), 3)
        )
    return found


def main() -> None:
    """Until the time is over or somebody stops it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default=f"http://127.0.0.1:{os.environ.get('TIDEGATE_PORT') or 8000}")
    parser.add_argument("--key", type=Path, default=Path(os.environ.get("TIDEGATE_SECRETS") or "secrets") / "key_score")
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    key = options.key.read_text().strip()
    status, page = asked(options.url + "/features", key)
    if status != 200:
        sys.exit(f"{options.url}/features answers {status or 'nothing'}. Is the platform up (make up), and is this its key?")
    draw, counts, lock = random.Random(options.seed), Counter[str](), threading.Lock()

    def send(number: int, body: dict[str, Any]) -> None:
        got, _ = asked(options.url + "/predict", key, body, f"load-{os.getpid()}-{time.time_ns()}-{number}")
        with lock:
            counts[{200: "answered", 422: "refused", 429: "overloaded"}.get(got, "failed")] += 1

    began, sent, told = time.monotonic(), 0, 0
    try:
        while time.monotonic() - began < options.seconds:
            threading.Thread(target=send, args=(sent, customer(page["columns"], draw)), daemon=True).start()
            sent += 1
            time.sleep(max(0.0, began + sent / options.rate - time.monotonic()))
            if int(time.monotonic() - began) > told:
                told = int(time.monotonic() - began)
                with lock:
                    print(told, "  ".join(f"{name} {counts[name]}" for name in ("answered", "refused", "overloaded", "failed")), flush=True)
    except KeyboardInterrupt:
        pass
    time.sleep(min(2, SECONDS))
    sys.exit(1 if counts["failed"] or not counts["answered"] else 0)


if __name__ == "__main__":
    main()
