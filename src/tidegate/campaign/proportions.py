"""How sure a difference between two shares is, and how many customers it takes to see one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tidegate.measures.intervals import Interval

LEVEL = 0.95
Z = 1.959963984540054  # two-sided 95 %
Z_POWER = 0.8416212335729143  # a power of 80 %
WANTED_POWER = 0.8
FEWEST_OUTCOMES = 10
"""In each arm, below which no verdict is given."""


@dataclass(frozen=True)
class Share:
    """`part` of `whole`; both may be fractions of customers where they stand for weights (an effective number)."""

    part: float
    whole: float

    @property
    def value(self) -> float:
        """The share, 0 to 1. `whole` must be above 0."""
        return self.part / self.whole


def wilson(share: Share) -> tuple[float, float]:
    """Score interval of one share, 95 % (Wilson 1927, JASA 22, p. 209).

    >>> low, high = wilson(Share(0, 10))
    >>> round(low, 4), round(high, 4)
    (0.0, 0.2775)
    """
    centre = share.part + Z * Z / 2
    spread = Z * math.sqrt(share.part * (1 - share.value) + Z * Z / 4)
    whole = share.whole + Z * Z
    return max(0.0, (centre - spread) / whole), min(1.0, (centre + spread) / whole)


def difference(first: Share, second: Share) -> Interval:
    """first − second with Newcombe's hybrid score interval, 95 % (Newcombe 1998, Statistics in Medicine 17, method 10).

    It is right in small groups and with shares near 0 or 1, where the usual normal interval is too short.

    >>> found = difference(Share(56, 70), Share(48, 80))  # the paper's table II, first example
    >>> round(found.value, 4), round(found.low, 4), round(found.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    (low, high), (other_low, other_high) = wilson(first), wilson(second)
    value = first.value - second.value
    below = math.hypot(first.value - low, other_high - second.value)
    above = math.hypot(high - first.value, second.value - other_low)
    return Interval(value, value - below, value + above)


def power(untreated: float, treated: float, control: int, contacted: int) -> float:
    """Probability that a difference of these two rates shows at 95 % with so many in each arm, normal approximation.

    0 with fewer than `FEWEST_OUTCOMES` in an arm.

    >>> round(power(0.5, 0.35, 100, 900), 2), power(0.5, 0.5, 0, 10)
    (0.82, 0.0)
    """
    if min(control, contacted) < FEWEST_OUTCOMES or untreated <= treated:
        return 0.0
    error = math.sqrt(untreated * (1 - untreated) / control + treated * (1 - treated) / contacted)
    return 1.0 if error == 0 else 0.5 * math.erfc((Z - (untreated - treated) / error) / math.sqrt(2))


def customers_needed(untreated: float, treated: float, control_share: float) -> int | None:
    """Customers in both arms together for a power of 80 %, at this share of control; None where there is nothing to see.

    >>> customers_needed(0.5, 0.35, 0.1), customers_needed(0.5, 0.5, 0.1)
    (961, None)
    """
    if untreated <= treated or not 0 < control_share < 1:
        return None
    spread = untreated * (1 - untreated) / control_share + treated * (1 - treated) / (1 - control_share)
    fewest = math.ceil(FEWEST_OUTCOMES / min(control_share, 1 - control_share))
    return max(fewest, math.ceil(((Z + Z_POWER) / (untreated - treated)) ** 2 * spread))
