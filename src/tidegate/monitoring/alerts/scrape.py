"""What /metrics said at one moment, in Prometheus' text format, and what happened between two moments."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

# Routes about customers. Probes and scrapes come at any rate and would hide the errors of those who matter; a file takes minutes.
CUSTOMER_ROUTES = frozenset({"/predict", "/predict-batch", "/predict-csv", "/explain", "/outcomes", "/feedback", "/what-if"})
ONE_CUSTOMER_ROUTES = frozenset({"/predict", "/explain"})
_LINE = re.compile(r"(tidegate_requests_total|tidegate_request_seconds_bucket)\{([^}]*)\}\s+(\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Scrape:
    """Counts since the servers started: `requests` by (route, status), `answers` by (route, upper end of the bucket in seconds)."""

    requests: Mapping[tuple[str, str], float]
    answers: Mapping[tuple[str, float], float]


def read_scrape(text: str) -> Scrape:
    """The counts in a page of metrics; a line that cannot be read is left out.

    >>> read_scrape('tidegate_requests_total{route="/predict",status="200"} 7.0').requests
    {('/predict', '200'): 7.0}
    """
    requests: dict[tuple[str, str], float] = {}
    answers: dict[tuple[str, float], float] = {}
    for name, inside, number in _LINE.findall(text):
        labels = dict(_LABEL.findall(inside))
        try:
            if name.endswith("_total"):
                requests[labels["route"], labels["status"]] = float(number)
            else:
                answers[labels["route"], float(labels["le"])] = float(number)
        except (KeyError, ValueError):
            continue
    return Scrape(requests, answers)


def grown(before: Scrape, after: Scrape) -> Scrape:
    """What was counted between two scrapes; all of the second where a counter fell, because the server then started anew."""
    restarted = any(after.requests.get(key, 0) < count for key, count in before.requests.items())
    if restarted:
        return after
    requests = {key: count - before.requests.get(key, 0) for key, count in after.requests.items()}
    return Scrape(requests, {key: count - before.answers.get(key, 0) for key, count in after.answers.items()})


def served(change: Scrape) -> tuple[float, float]:
    """(requests about customers, those among them that ended in a 5xx)."""
    ours = [(status, count) for (route, status), count in change.requests.items() if route in CUSTOMER_ROUTES]
    return sum(count for _, count in ours), sum(count for status, count in ours if status.startswith("5"))


def percentile(change: Scrape, share: float) -> tuple[float, float]:
    """(seconds within which this share of answers about one customer came, number of answers); linear inside its bucket.

    Beyond the last bucket it is that bucket's lower end, so that it is at least so long. NaN without answers.
    """
    counts: dict[float, float] = {}
    for (route, bound), count in change.answers.items():
        if route in ONE_CUSTOMER_ROUTES:
            counts[bound] = counts.get(bound, 0.0) + count
    total = counts.get(math.inf, 0.0)
    if total <= 0:
        return math.nan, 0.0
    low, below = 0.0, 0.0
    for bound in sorted(counts):
        if counts[bound] >= share * total:
            inside = counts[bound] - below
            return (low if math.isinf(bound) else low + (bound - low) * (share * total - below) / inside if inside else bound), total
        low, below = bound, counts[bound]
    return low, total
