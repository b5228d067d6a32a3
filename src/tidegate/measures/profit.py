"""What contacting customers brings in, from the spec's prices.

The model of Verbraken, Verbeke & Baesens 2013 (IEEE TKDE 25(5), 961-973), with money in the spec's currency: a contact costs f; a
contacted customer who was about to leave accepts the offer (costing d) with probability g and stays, which is worth V; one who would have
stayed anyway takes the offer as well. Contacting a leaver therefore brings g(V - d) - f, contacting a loyal customer -d - f, and leaving
a customer alone nothing. V may differ between customers; f, d and g are one for all.

Labels are 0/1 int8 (n,), probabilities float64 in [0, 1] (n,), values float64 (n,), all finite.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from tidegate.customers.rows import Layout, Rows
from tidegate.customers.spec import Money
from tidegate.errors import SpecRefused
from tidegate.measures.classification import Floats, Labels, Ranking, rank, threshold_after
from tidegate.measures.intervals import DRAWS, Interval, Measure, bootstrap, paired_difference

# Verbraken et al. 2013 take Beta(6, 14) for an acceptance rate of 0.3: as sure as after twenty trials. So are we of any rate.
ACCEPTANCE_TRIALS = 20.0


def customer_values(money: Money, layout: Layout, rows: Rows) -> Floats:
    """The value of keeping each customer, float64 (n,): the spec's single value, or its column.

    A missing value counts as the mean of the known ones, which leaves totals as they are. Raises SpecRefused where the rows do not hold
    the column (it is no feature) or no value in it is known.
    """
    if money.customer_value is not None:
        return np.full(len(rows), money.customer_value)
    names = [column.name for column in layout.number_columns]
    name = str(money.customer_value_column)
    if name not in names:
        raise SpecRefused(f"money.customer_value_column: {name!r} is not among the model's columns.", "Let it be a feature.")
    value = rows.numbers[names.index(name)]
    known = np.isfinite(value)
    if not known.any():
        raise SpecRefused(f"money.customer_value_column: {name!r} is missing for every customer.", "Give `customer_value` instead.")
    return np.asarray(np.where(known, value, value[known].mean()), np.float64)


def net_value(money: Money, probability: Floats, value: Floats) -> Floats:
    """Expected net value of contacting each customer, float64 (n,): p·g(V - d) - (1 - p)d - f.

    >>> prices = Money(customer_value=200, contact_cost=1, incentive_cost=10, acceptance_rate=0.3)
    >>> net_value(prices, np.array([0.0, 0.5, 1.0]), np.full(3, 200.0)).round(2).tolist()
    [-11.0, 22.5, 56.0]
    """
    kept = money.acceptance_rate * (value - money.incentive_cost)
    return np.asarray(probability * kept - (1 - probability) * money.incentive_cost - money.contact_cost, np.float64)


def profit(money: Money, label: Labels, probability: Floats, value: Floats, threshold: float) -> float:
    """What contacting everyone at or above the threshold brings in, knowing who left; only acceptance is still an expectation.

    >>> prices = Money(customer_value=200, contact_cost=1, incentive_cost=10, acceptance_rate=0.3)
    >>> profit(prices, np.array([0, 1, 1], np.int8), np.array([0.6, 0.7, 0.1]), np.full(3, 200.0), 0.5)
    45.0
    """
    return float(net_value(money, label.astype(np.float64), value)[probability >= threshold].sum())


def profit_curve(money: Money, label: Labels, probability: Floats, value: Floats, points: int = 400) -> tuple[Floats, Floats, Floats]:
    """Threshold, share contacted and profit per 1,000 customers by falling probability, thinned; three float64 arrays of one length.

    The first point contacts nobody, so its threshold is infinite; the last contacts everybody.
    """
    ranking = rank(label, probability)
    ends = ranking.run_ends[np.unique(np.linspace(0, len(ranking.run_ends) - 1, points).astype(int))]
    brought = np.cumsum(net_value(money, label.astype(np.float64), value)[ranking.order])[ends]
    count = len(label)
    return np.append(np.inf, ranking.score[ends]), np.append(0, ends + 1) / count, 1000 * np.append(0, brought) / count


def profit_threshold(money: Money, value: float) -> float:
    """From which probability on a customer of this value is worth contacting: (d + f) / (g(V - d) + d).

    1 where no customer is, so that only certainty is contacted. The probabilities have to be calibrated.

    >>> round(profit_threshold(Money(customer_value=200, contact_cost=1, incentive_cost=10, acceptance_rate=0.3), 200), 4)
    0.1642
    """
    outlay = money.incentive_cost + money.contact_cost
    slope = money.acceptance_rate * (value - money.incentive_cost) + money.incentive_cost
    return min(1.0, outlay / slope) if slope > 0 else 1.0


def expected_profit_threshold(money: Money, probability: Floats, value: Floats) -> float:
    """The one threshold that maximises the summed expected net value where customers differ in value; needs no labels.

    Believes the probabilities, as `profit_threshold` does; `best_profit_threshold` asks what happened instead. Where no threshold brings
    anything in, one above every probability (at most 1).
    """
    return _best_threshold(rank(np.zeros(len(probability), np.int8), probability), net_value(money, probability, value))


def best_profit_threshold(money: Money, label: Labels, probability: Floats, value: Floats) -> float:
    """The threshold that would have brought in most on labelled rows (out of fold): midway between two probabilities.

    Of equally good ones the strictest: fewer customers are contacted. Where no contact pays, one above every probability,
    but 1 at most: a probability of exactly 1 is contacted by any threshold that a bundle may hold.

    >>> prices = Money(customer_value=200, contact_cost=1, incentive_cost=10, acceptance_rate=0.3)
    >>> best_profit_threshold(prices, np.array([0, 0, 1, 1], np.int8), np.array([0.1, 0.3, 0.7, 0.9]), np.full(4, 200.0))
    0.5
    """
    return _best_threshold(rank(label, probability), net_value(money, label.astype(np.float64), value))


def _best_threshold(ranking: Ranking, brings: Floats) -> float:
    total = np.cumsum(brings[ranking.order])[ranking.run_ends]
    best = int(np.argmax(total))
    if total[best] <= 0:
        return (float(ranking.score[0]) + 1) / 2
    return threshold_after(ranking, best)


@dataclass(frozen=True)
class ThresholdComparison:
    """Two thresholds side by side: profit per 1,000 customers with intervals, and the share of customers contacted.

    `lost_by_f1` is what choosing the F1 threshold over the profit threshold costs per 1,000 customers, over the same draws.
    """

    currency: str
    f1_threshold: float
    profit_threshold: float
    at_f1: Interval
    at_profit: Interval
    lost_by_f1: Interval
    contacted_at_f1: float
    contacted_at_profit: float


def threshold_comparison(
    money: Money,
    label: Labels,
    probability: Floats,
    value: Floats,
    f1_threshold: float,
    profit_threshold: float,
    seed: int,
    draws: int = DRAWS,
) -> ThresholdComparison:
    """Judge two thresholds that were chosen elsewhere (out of fold) on these rows (the holdout), by a paired bootstrap."""
    brings = net_value(money, label.astype(np.float64), value)
    first, second = (_per_thousand(brings * (probability >= threshold)) for threshold in (f1_threshold, profit_threshold))
    count = len(label)
    return ThresholdComparison(
        money.currency,
        f1_threshold,
        profit_threshold,
        bootstrap(first, count, seed, draws),
        bootstrap(second, count, seed, draws),
        paired_difference(second, first, count, seed, draws),
        float((probability >= f1_threshold).mean()),
        float((probability >= profit_threshold).mean()),
    )


def _per_thousand(brings: Floats) -> Measure:
    return lambda weights: 1000 * float(brings.mean() if weights is None else weights @ brings / weights.sum())


def expected_maximum_profit(money: Money, label: Labels, probability: Floats, value: Floats) -> float:
    """EMPC per customer (Verbraken et al. 2013), by empulse: the best profit at each acceptance rate, averaged over rates.

    The rate follows a Beta distribution around the spec's, worth `ACCEPTANCE_TRIALS` trials; at a rate of 1 it is certain, and the
    measure is the deterministic MPC. A customer's value is one number in EMPC: values that differ enter as their mean. It is a yardstick
    for models: it picks the best threshold in hindsight and at each rate anew, so it lies above what any fixed threshold earns.
    """
    from empulse.metrics import empc_score, mpc_score

    rate = money.acceptance_rate
    mean, offer, contact = float(value.mean()), money.incentive_cost, money.contact_cost
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # empulse only warns of a parameter that it does not know, and goes on with its default
        if rate == 1:
            return float(mpc_score(label, probability, accept_rate=rate, clv=mean, incentive_cost=offer, contact_cost=contact))
        alpha, beta = ACCEPTANCE_TRIALS * rate, ACCEPTANCE_TRIALS * (1 - rate)
        return float(empc_score(label, probability, alpha=alpha, beta=beta, clv=mean, incentive_cost=offer, contact_cost=contact))
