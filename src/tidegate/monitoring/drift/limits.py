"""From where on a difference counts: the significance of the tests, and how large an effect has to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from tidegate.settings import Settings

FEWEST_ROWS = 30
"""Fewer customers say nothing: a test on them only sees what anybody would, and every share moves by 3 points with one of them."""

# A normal distribution that moves by 0.1 standard deviations has a KS distance of 0.04: the first two are alike, as are the next ones.
FLOORS: Mapping[str, float] = MappingProxyType(
    {"wasserstein": 0.1, "ks_distance": 0.05, "psi": 0.1, "level_change": 0.05, "missing_change": 0.02, "new_level_share": 0.01}
)


@dataclass(frozen=True)
class DriftLimits:
    """When a column, and when a batch has drifted.

    `significance`: of the tests, over all columns together. `floors`: effects below these do not matter however sure they are;
    `wasserstein` in standard deviations of the reference, `ks_distance` and `level_change` (half the sum of the changes of all levels'
    shares) from 0 to 1, `psi` the population stability index, the others shares of the rows. `most_drifted`: more drifted columns
    than this are an alarm. `told_apart`, `far_apart`: ROC-AUC from which on a classifier tells the batch from the reference (warning),
    and clearly (alarm). `most_quarantined`, `most_missing`, `most_new`, `most_outside`: shares of the rows, see `verdicts`.
    """

    significance: float = 0.01
    floors: Mapping[str, float] = field(default_factory=lambda: dict(FLOORS))
    most_drifted: int = 3
    told_apart: float = 0.55
    far_apart: float = 0.7
    most_quarantined: float = 0.1
    most_missing: float = 0.2
    most_new: float = 0.2
    most_outside: float = 0.01


def limits_of(settings: Settings) -> DriftLimits:
    """The limits that an operator has set; floors that say how far a distribution moves go up and down together."""
    times = settings.smallest_drift / FLOORS["wasserstein"]
    moved = {name: FLOORS[name] * times for name in ("wasserstein", "ks_distance", "psi", "level_change")}
    return DriftLimits(
        significance=settings.drift_significance,
        floors={**FLOORS, **moved},
        most_drifted=settings.most_drifted_features,
        most_quarantined=settings.most_quarantined_share,
    )
