"""The profit curve: what the first n contacts are expected to bring together, for every n."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.measures.classification import Floats

POINTS = 1_000


@dataclass(frozen=True)
class ProfitCurve:
    """Points of the curve, all (points,), in the order of contact; at most about a thousand of them, whatever the number of customers.

    `contacts` int64, from 0; `outlay` and `net_value` float64, expected and cumulated, in the spec's currency. `optimum` is the number of
    contacts at which `net_value` is highest (only customers who bring something in are before it), `optimum_value` its height there.
    """

    contacts: NDArray[np.int64]
    outlay: Floats
    net_value: Floats
    optimum: int
    optimum_value: float


def profit_curve(net_value: Floats, outlay: Floats) -> ProfitCurve:
    """The curve over customers in their order of contact: float64 (n,) each, with those who bring something in first.

    >>> curve = profit_curve(np.array([5.0, 2.0, -1.0]), np.array([1.0, 1.0, 1.0]))
    >>> curve.net_value.tolist(), curve.optimum, curve.optimum_value
    ([0.0, 5.0, 7.0, 6.0], 2, 7.0)
    """
    total, spent = (np.concatenate([[0.0], np.cumsum(part)]) for part in (net_value, outlay))
    optimum = int(np.argmax(total))
    shown = np.unique(np.append(np.linspace(0, len(net_value), min(POINTS, len(net_value)) + 1).round().astype(np.int64), optimum))
    return ProfitCurve(shown, spent[shown], total[shown], optimum, float(total[optimum]))
