"""Columns → churn probability: the formula, the other regime that a concept drift leads to, and the intercept of a wanted base rate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tidegate.customers.simulation import bank
from tidegate.customers.simulation.draw import Columns, Floats

Formula = Mapping[tuple[str, ...], tuple[float, float, float, float]]
STEPS = 60


@dataclass(frozen=True)
class Intercepts:
    """Added to the log odds of today's formula and of the other regime."""

    today: float = 0.0
    other: float = 0.0


NO_SHIFT = Intercepts()


def churn_probability(columns: Columns, strength: Floats | float = 0.0, intercepts: Intercepts = NO_SHIFT) -> Floats:
    """The formula: a logistic function of products of standardised columns, with coefficients per band of spending.

    At `strength` s (0 to 1, one number or float64 (rows,)) it is the mixture (1 - s) · today's + s · the other regime's.
    Needs the columns named in `bank.standardised`; returns float64 (rows,).
    """
    today = sigmoid(log_odds(columns, bank.LOG_ODDS) + intercepts.today)
    if not np.any(strength):
        return today
    return (1 - strength) * today + strength * sigmoid(log_odds(columns, bank.OTHER_REGIME) + intercepts.other)


def log_odds(columns: Columns, formula: Formula) -> Floats:
    """Σ coefficient[band] · product of standardised columns: float64 (rows,)."""
    amount = columns["Total_Trans_Amt"].astype(np.float64)
    band = np.searchsorted(bank.BAND_EDGES, amount, side="right")
    standardised = bank.standardised(columns, band)
    total = np.zeros(len(amount))
    for names, coefficients in formula.items():
        term = np.array(coefficients)[band]
        for name in names:
            term = term * standardised[name]
        total += term
    return total


def sigmoid(value: Floats) -> Floats:
    """1 / (1 + e^-value); beyond ±700 it is 0 or 1 without overflow."""
    return 1 / (1 + np.exp(np.clip(-value, -700, 700)))


def panel_rate(paths: Floats, intercept: float, warm_up: int) -> float:
    """Mean churn probability over the months after `warm_up` of a panel in which everyone who leaves is replaced.

    `paths` (ages, customers) are the log odds that customers would have at each age in months if nobody left. The newcomers of
    each month follow from those who left the month before (the renewal equation), so no panel has to be drawn again.
    One age and no warm-up is a single table.
    """
    alive = np.ones(paths.shape[1])
    leaving = np.empty(len(paths))
    for age, path in enumerate(paths):
        probability = sigmoid(path + intercept)
        leaving[age] = np.mean(alive * probability)
        alive = alive * (1 - probability)
    joined, rates = [1.0], []
    for month in range(len(paths)):
        rates.append(sum(joined[month - age] * leaving[age] for age in range(month + 1)))
        joined.append(rates[-1])
    return float(np.mean(rates[warm_up:]))


def solve_intercept(paths: Floats, rate: float, warm_up: int) -> float:
    """The intercept at which `panel_rate` is `rate` (0 to 1), by bisection."""
    low, high = -200.0, 200.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if panel_rate(paths, middle, warm_up) < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2
