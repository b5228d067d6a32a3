"""When a canary has gone wrong: its errors, its latency or its scores, against the champion's at the same time.

Each question is asked every few seconds for as long as the experiment runs, so a usual test would find something sooner or later. Here the
chance of one false stop by one question is at most `FALSE_ALARM` at each look; a month of looks every two seconds is 1.3 million, which by
the union bound leaves 0.13 % for a question. The bounds hold for any number of observations: Hoeffding 1963 (JASA 58, theorem 1, the
form with the relative entropy) for shares, Massart 1990 (Annals of Probability 18) for distribution functions.

A canary that differs by a little is not wrong, it is what the comparison of outcomes is for: each question has a margin as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

FALSE_ALARM = 1e-9
FEWEST = 20
"""Customers of the champion below which there is nothing to compare with; limits without it are used then."""

LATENCY_BOUNDS = tuple(round(0.0005 * 1.2**step, 7) for step in range(60))
"""Upper bounds of the latency bins in seconds: from half a millisecond to 23 s, a fifth apart; one bin more lies above."""
SCORE_BOUNDS = tuple(round(step / 50, 2) for step in range(1, 50))
"""Inner bounds of 50 equal bins of probabilities."""

ERROR_MARGIN = 0.01
SLOWER_TIMES, SLOWER_SECONDS, SLOW_ALONE_SECONDS = 2.0, 0.01, 1.0
SLOW_SHARE = 0.1
SCORE_MARGIN = 0.25


@dataclass(frozen=True)
class Seen:
    """What a variant did in a window: requests, errors, customers scored, and the counts in the bins of latency and of scores."""

    requests: int
    errors: int
    customers: int
    latency: tuple[int, ...]
    scores: tuple[int, ...]


@dataclass(frozen=True)
class Wrong:
    """What is wrong, in one sentence, and the numbers that say so."""

    what: str
    detail: str
    evidence: dict[str, float]


def judge_canary(treatment: Seen, control: Seen) -> Wrong | None:
    """The first thing that is wrong with a canary in a window, or None."""
    return wrong_errors(treatment, control) or wrong_latency(treatment, control) or wrong_scores(treatment, control)


def wrong_errors(treatment: Seen, control: Seen) -> Wrong | None:
    """More than twice the champion's share of errors, and a percentage point beyond that."""
    asked, theirs = treatment.customers + treatment.errors, control.customers + control.errors
    allowed = min(1.0, ERROR_MARGIN + (2 * control.errors / theirs if theirs >= FEWEST else 0.0))
    if not exceeds(treatment.errors, asked, allowed):
        return None
    detail = f"{treatment.errors:,} of {asked:,} answers of the treatment failed, where {100 * allowed:.3g} % may."
    return Wrong("errors", detail, {"errors": treatment.errors, "answers": asked, "allowed_share": allowed})


def wrong_latency(treatment: Seen, control: Seen) -> Wrong | None:
    """More than a tenth of the answers slower than twice the champion's P95 (and 10 ms above it)."""
    if control.requests >= FEWEST:
        usual = quantile(control.latency, 0.95)
        limit = max(SLOWER_TIMES * usual, usual + SLOWER_SECONDS)
    else:
        limit = SLOW_ALONE_SECONDS
    slow = sum(count for count, low in zip(treatment.latency, (0.0, *LATENCY_BOUNDS), strict=True) if low >= limit)
    if not exceeds(slow, treatment.requests, SLOW_SHARE):
        return None
    detail = f"{slow:,} of {treatment.requests:,} answers of the treatment took longer than {1000 * limit:.3g} ms, where a tenth may."
    return Wrong("latency", detail, {"slow": slow, "answers": treatment.requests, "limit_seconds": limit})


def wrong_scores(treatment: Seen, control: Seen) -> Wrong | None:
    """A distribution of scores that is a quarter away from the champion's (Kolmogorov-Smirnov distance), beyond noise."""
    if min(treatment.customers, control.customers) < FEWEST:
        return None
    noise = sum(math.sqrt(math.log(4 / FALSE_ALARM) / (2 * seen.customers)) for seen in (treatment, control))
    shares = ([passed / seen.customers for passed in accumulate(seen.scores)] for seen in (treatment, control))
    distance = max(abs(mine - theirs) for mine, theirs in zip(*shares, strict=True))
    if distance <= SCORE_MARGIN + noise:
        return None
    detail = f"The scores of the treatment are {distance:.2f} away from the champion's, where {SCORE_MARGIN:.2f} may be."
    evidence = {"distance": distance, "noise": noise, "treatment_customers": treatment.customers, "control_customers": control.customers}
    return Wrong("scores", detail, evidence)


def missing_metrics(recorded: int, counted: int) -> Wrong | None:
    """Predictions of the treatment that the ledger holds, and servers count less than half of: a canary that nobody watches."""
    if recorded < FEWEST or 2 * counted >= recorded:
        return None
    detail = f"The ledger holds {recorded:,} answers of the treatment, and the servers' counts {counted:,}."
    return Wrong("metrics missing", detail, {"recorded": recorded, "counted": counted})


def missing_customers(treated: int, others: int, share: float) -> Wrong | None:
    """Customers arrive, and fewer than half of those who should be treated are, beyond chance: some server does not take part."""
    if not exceeds(others, treated + others, 1 - share / 2):
        return None
    detail = f"Of {treated + others:,} customers {treated:,} were treated, where {100 * share:.3g} % should be."
    return Wrong("treatment missing", detail, {"treated": treated, "customers": treated + others, "share": share})


def exceeds(count: int, total: int, share: float) -> bool:
    """Whether `count` of `total` independent draws prove a probability above `share`, wrongly so with `FALSE_ALARM` at most.

    >>> exceeds(10, 10, 0.01), exceeds(1, 10, 0.01)
    (True, False)
    """
    if not total or count <= share * total or share >= 1:
        return False
    found = count / total
    entropy = found * math.log(found / share) + ((1 - found) * math.log((1 - found) / (1 - share)) if found < 1 else 0.0)
    return total * entropy > -math.log(FALSE_ALARM)


def quantile(latency: Sequence[int], level: float) -> float:
    """A quantile in seconds from the bins of `LATENCY_BOUNDS`, interpolated within its bin; NaN of nothing.

    >>> 0.0005 <= quantile([0, 1] + [0] * 59, 0.5) <= 0.0006
    True
    """
    total = sum(latency)
    if not total:
        return math.nan
    edges = (0.0, *LATENCY_BOUNDS, 2 * LATENCY_BOUNDS[-1])
    passed = 0.0
    for index, count in enumerate(latency):
        if count and passed + count >= level * total:
            return edges[index] + (edges[index + 1] - edges[index]) * (level * total - passed) / count
        passed += count
    return edges[-1]
