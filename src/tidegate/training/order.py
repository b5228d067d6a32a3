"""What to train, and how much to try."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from tidegate.customers.spec import TableSpec
from tidegate.errors import SettingRefused
from tidegate.training.candidates import Candidate

DEFAULT_MINUTES = 30.0
MOST_TRIALS = 10_000


@dataclass(frozen=True)
class Effort:
    """How much to try.

    `search`: not at all, Optuna's TPE with pruning, or at random. `trials` of each tuned algorithm (None: as many as `minutes` allow);
    `tuned`: how many algorithms, the best by out-of-fold log-loss (None: all). `ensembles`: whether models are combined. `smote`: whether
    every model is trained on oversampled rows.
    """

    budget: str
    search: Literal["none", "tpe", "random"]
    trials: int | None
    tuned: int | None
    ensembles: bool
    minutes: float | None = None
    smote: bool = False


BUDGETS = {
    "quick": Effort("quick", "none", 0, 0, ensembles=False),
    "standard": Effort("standard", "tpe", 10, 3, ensembles=True),
    "thorough": Effort("thorough", "tpe", None, None, ensembles=True, minutes=DEFAULT_MINUTES),
}


def effort_of(
    budget: str, search: str | None = None, trials: int | None = None, minutes: float | None = None, smote: bool = False
) -> Effort:
    """The effort of a budget with a person's changes. Raises SettingRefused naming the option."""
    if budget not in BUDGETS:
        raise SettingRefused(f"There is no budget {budget!r}.", f"Choose among {', '.join(BUDGETS)}.")
    chosen = BUDGETS[budget]
    if search not in (None, "tpe", "random"):
        raise SettingRefused(f"There is no search {search!r}.", "Choose --search tpe or --search random.")
    if trials is not None and not 0 <= trials <= MOST_TRIALS:
        raise SettingRefused(f"--trials {trials} is out of range.", f"Give a number from 0 to {MOST_TRIALS:,}.")
    if minutes is not None and not 0 < minutes < float("inf"):
        raise SettingRefused("--minutes must be above 0.", "Give the minutes that the search may take, for example --minutes 30.")
    if budget == "quick" and (search or trials or minutes):
        raise SettingRefused("The budget quick tunes nothing.", "Leave --search, --trials and --minutes out, or give --budget standard.")
    if budget == "standard" and minutes is not None:
        raise SettingRefused("The budget standard has a number of trials, no time limit.", "Give --budget thorough with --minutes.")
    if search == "random":
        # The classic way: every algorithm, a fixed number of configurations.
        return Effort(budget, "random", 40 if trials is None else trials, None, True, minutes if budget == "thorough" else None, smote)
    limit = chosen.minutes if minutes is None else minutes
    return Effort(budget, chosen.search, chosen.trials if trials is None else trials, chosen.tuned, chosen.ensembles, limit, smote)


@dataclass(frozen=True)
class Order:
    """The table, its spec, the candidates, the seeds and the effort; `most_bad` is the share of rows that may break the contract.

    `seed` tells holdout from training rows; `model_seed` draws folds, models and search.
    """

    data: Path
    spec: TableSpec
    seed: int
    model_seed: int
    effort: Effort
    most_bad: float
    candidates: tuple[Candidate, ...]
    who: str
    now: datetime
