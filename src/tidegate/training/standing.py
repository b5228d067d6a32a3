"""Where a contest stands, for the sentence that a person reads who stops it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.errors import SearchStopped
from tidegate.training.search import Trial

Progress = Callable[[str, float], None]


@dataclass
class Standing:
    """What is being done, the best PR-AUC so far and whose it is, and whether any trial of a search is stored."""

    doing: str = "Starting"
    pr_auc: float = 0.0
    best: str = ""
    searched: bool = False

    def telling(self, progress: Progress) -> Progress:
        """`progress`, which besides says here what is being done."""

        def told(doing: str, share: float) -> None:
            self.doing = doing
            progress(doing, share)

        return told

    def seen(self, name: str, pr_auc: float, parameters: str = "") -> None:
        """A model of this name reached this PR-AUC out of fold."""
        if pr_auc > self.pr_auc:
            self.pr_auc, self.best = pr_auc, f"{name}{parameters}, PR-AUC {pr_auc:.4f} out of fold"

    def tried(self, name: str, best: Trial | None) -> None:
        """A trial of an algorithm is stored; this is the best of its trials so far."""
        self.searched = True
        if best is not None:
            self.seen(name, best.value, f" with {json.dumps(dict(best.parameters))}")

    def stopped(self) -> SearchStopped:
        """The refusal to go on, which names the best so far and says how to use it."""
        doing = self.doing.split(":")[0]
        said = f"Stopped while {doing[0].lower()}{doing[1:]}." + (f" Best so far: {self.best}." if self.best else "")
        if not self.searched:
            return SearchStopped(said, "Nothing of it is stored yet: the same command begins again.")
        return SearchStopped(
            said, "The search is kept: the same command goes on from there, with --trials 0 it trains with what was found."
        )
