"""Risk segments: what the threshold of the version that serves makes of a probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tidegate.ui.session import percent, say


@dataclass(frozen=True)
class Segment:
    """Its name and its rule for people, and the probabilities in it: from `low` to below `high`."""

    name: str
    rule: str
    low: float
    high: float


def segments(threshold: float) -> tuple[Segment, Segment, Segment]:
    """Low, medium, high: bounded by half the threshold and the threshold, so that high is what is flagged."""
    half, whole = percent(threshold / 2), percent(threshold)
    return (
        Segment(say("Low risk"), say("below {high}", high=half), 0.0, threshold / 2),
        Segment(say("Medium risk"), say("from {low} to below {high}", low=half, high=whole), threshold / 2, threshold),
        Segment(say("High risk"), say("from {low} on", low=whole), threshold, np.inf),
    )
