"""How much each row moves a measure: the derivative by its weight, from which a variance follows without drawing anything.

The infinitesimal jackknife (Efron 1982, The Jackknife, the Bootstrap and Other Resampling Plans, chapter 6): the variance of a measure is
the sum of the squares of these derivatives. For ROC-AUC it is that of DeLong, DeLong & Clarke-Pearson 1988 up to 1/n.
"""

from __future__ import annotations

import numpy as np

from tidegate.measures.classification import Floats, Labels, Ranking, cumulated, rank


def roc_auc_influence(label: Labels, score: Floats) -> Floats:
    """Derivative of ROC-AUC by each row's weight, float64 (n,), adding up to 0; both classes have to be there.

    >>> roc_auc_influence(np.array([0, 0, 1, 1], np.int8), np.array([0.1, 0.4, 0.35, 0.8])).round(3).tolist()
    [0.125, -0.125, -0.125, 0.125]
    """
    return roc_auc_influence_of(rank(label, score))


def roc_auc_influence_of(ranking: Ranking) -> Floats:
    """`roc_auc_influence` of rows that are sorted already, in the order they came from."""
    positives, negatives = cumulated(ranking)
    leavers, stayers = positives[-1], negatives[-1]
    # Of the opposite class, how many this row is on the right side of; ties count half.
    below = stayers - (negatives + np.append(0.0, negatives[:-1])) / 2
    above = (positives + np.append(0.0, positives[:-1])) / 2
    area = float(np.sum(np.diff(positives, prepend=0.0) * below)) / (leavers * stayers)
    by_run = (below / stayers - area) / leavers, (above / leavers - area) / stayers
    return _by_row(ranking, *by_run)


def pr_auc_influence(label: Labels, score: Floats) -> Floats:
    """Derivative of average precision by each row's weight, float64 (n,), adding up to 0; somebody has to have left.

    >>> (pr_auc_influence(np.array([0, 0, 1, 1], np.int8), np.array([0.1, 0.4, 0.35, 0.8])).round(3) + 0.0).tolist()
    [0.0, -0.111, -0.028, 0.139]
    """
    return pr_auc_influence_of(rank(label, score))


def pr_auc_influence_of(ranking: Ranking) -> Floats:
    """`pr_auc_influence` of rows that are sorted already, in the order they came from."""
    positives, negatives = cumulated(ranking)
    found, here, leavers = positives + negatives, np.diff(positives, prepend=0.0), positives[-1]
    precision = positives / found
    average = float(np.sum(here * precision)) / leavers
    # A row's weight counts in the precision at its own rank and at every later one.
    gained, lost = (np.cumsum((here * share / found**2)[::-1])[::-1] / leavers for share in (negatives, positives))
    return _by_row(ranking, (precision - average) / leavers + gained, -lost)


def _by_row(ranking: Ranking, positive: Floats, negative: Floats) -> Floats:
    runs = np.diff(ranking.run_ends, prepend=-1)
    found = np.empty(len(ranking.label))
    found[ranking.order] = np.where(ranking.label == 1, np.repeat(positive, runs), np.repeat(negative, runs))
    return found
