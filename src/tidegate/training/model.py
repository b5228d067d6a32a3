"""A model as training holds it: one fitted algorithm, or several and how they are combined. What a bundle will serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from tidegate.bundle.manifest import Member
from tidegate.bundle.model import combine
from tidegate.features import Matrix
from tidegate.training.export import write_model
from tidegate.training.fitted import Fitted, Margins

Combination = Literal["single", "voting", "logit"]


@dataclass(frozen=True)
class Model:
    """Fitted parts, how each enters (`members`, in the same order), and how they become one margin in `space`."""

    parts: tuple[Fitted, ...]
    members: tuple[Member, ...]
    combination: Combination
    space: Literal["logit", "probability"]

    def margin(self, matrix: Matrix) -> Margins:
        """Margins by the training libraries: float32 (n, f) → float64 (n,)."""
        return combine(self.members, self.combination, np.stack([part.margin(matrix) for part in self.parts], axis=1))

    def write(self, folder: Path, features: int) -> None:
        """Export every part into a bundle's folder."""
        write_model(folder, [part.content() for part in self.parts], features)


def alone(fitted: Fitted, name: str) -> Model:
    """The model that is one fitted algorithm."""
    return Model((fitted,), (Member(name=name, kind=fitted.kind),), "single", fitted.space)


def together(parts: Sequence[Fitted], members: Sequence[Member], combination: Literal["voting", "logit"]) -> Model:
    """The model that combines several fitted algorithms."""
    return Model(tuple(parts), tuple(members), combination, "probability" if combination == "voting" else "logit")
