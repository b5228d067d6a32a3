"""One customer through the front door, as a client sends it: scored, by the version that serves, and twice with one key the same answer."""

from __future__ import annotations

import random
import sys
import uuid
from typing import Any

from published import asked, score_key, url

TRIES = 200


def customer(columns: list[dict[str, Any]], draw: random.Random) -> dict[str, Any]:
    """One of whom each column is as expected; together they may still break a rule between columns, which is then a 422."""
    found: dict[str, Any] = {}
    for column in columns:
        low, high = column["expected"] or column["limit"] or (0, 1)
        low, high = (0 if low is None else low), (1_000 if high is None else high)
        kind = column["kind"]
        if kind == "category":
            found[column["name"]] = draw.choice(column["levels"])
        elif kind == "boolean":
            found[column["name"]] = draw.random() < 0.5
        else:
            found[column["name"]] = draw.randint(int(low), int(high)) if kind == "integer" else round(draw.uniform(low, high), 3)
    return found


def wrong(front: str, headers: dict[str, str]) -> str:
    """What is wrong with the answers, as one sentence; empty where nothing is."""
    status, page = asked(f"{front}/features", headers=headers)
    if status != 200:
        return f"GET /features answers {status or 'nothing'}"
    draw, body, said = random.Random(1), {}, None
    keyed = {**headers, "Idempotency-Key": f"smoke-{uuid.uuid4()}"}
    for _ in range(TRIES):
        body = customer(page["columns"], draw)
        status, said = asked(f"{front}/predict", body, keyed)
        if status != 422:
            break
    if status != 200:
        return f"POST /predict answers {status or 'nothing'}"
    chances = said["probabilities"]
    if not 0 <= chances["churn"] <= 1 or abs(chances["churn"] + chances["non_churn"] - 1) > 1e-6:
        return "the two probabilities are none, or do not add up to 1"
    if (chances["churn"] >= said["threshold"]) != bool(said["prediction"]):
        return "the prediction is not what probability and threshold say"
    again = asked(f"{front}/predict", body, keyed)[1]
    if again is None or (again["prediction_id"], again["probabilities"]) != (said["prediction_id"], chances):
        return "the same request with the same key has another answer"
    serving = asked(f"{front}/model-info", headers=headers)[1]
    if serving is None or str(serving["model_version"]) != str(said["model_version"]):
        return "the version that scored is not the one that serves"
    print(f"Scored by version {said['model_version']}: {chances['churn']:.3f}, prediction {said['prediction_id']}.")
    return ""


def main() -> int:
    """Code of the process."""
    key, front = score_key(), url("api")
    found = wrong(front, {"Authorization": f"Bearer {key}"} if key else {})
    if found:
        print(f"The smoke test of {front} failed: {found}.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
