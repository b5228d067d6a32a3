"""Tuning: Optuna proposes a candidate's parameters, five folds of the training rows judge them by PR-AUC.

The folds are drawn with another seed than those on which candidates are compared afterwards, and early stopping only fixes a number of
trees here: no row stops the model that is later judged on it. The study is stored after every fold, so a killed search goes on.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tidegate.errors import HomeRefused
from tidegate.measures.classification import pr_auc
from tidegate.training.candidates import Candidate
from tidegate.training.folds import Field, Fold, fit
from tidegate.training.order import Effort
from tidegate.training.spaces import SPACES, Dimension, Space

if TYPE_CHECKING:
    from collections.abc import Iterator

    import optuna

STARTING_TRIALS = 5
NEVER_PRUNED = 3
# The last fit has a quarter more rows than a fold's.
MORE_ROUNDS = 1.2


@dataclass(frozen=True)
class Trial:
    """One configuration that was tried: its PR-AUC a fold judged (fewer than all where it was pruned), and the CPU seconds it took."""

    number: int
    parameters: Mapping[str, Any]
    folds: tuple[float, ...]
    pruned: bool
    cpu_seconds: float

    @property
    def value(self) -> float:
        """Mean PR-AUC over the folds judged."""
        return float(np.mean(self.folds))


@dataclass(frozen=True)
class Tuned:
    """The candidate with the best parameters found, and everything that was tried, in order."""

    candidate: Candidate
    trials: tuple[Trial, ...]


Told = Callable[[int, Trial | None, bool], None]


def tune(candidate: Candidate, field: Field, effort: Effort, store: Path, until: float | None, progress: Told) -> Tuned | None:
    """The best of the effort's trials; those already in `store` count. None where no trial was ever completed.

    `until`: `time.monotonic()` at which no further trial starts. `progress` takes the trials done, the best so far (None where every one
    was pruned) and whether they are those of an earlier search. Raises HomeRefused where the study cannot be stored.
    """
    with _stored(store):
        study = _open(candidate, field, effort, store)
        done = len(_ended(study))
        if done:
            progress(done, _best(_trials(study, candidate)), True)
        while (effort.trials is None or done < effort.trials) and (until is None or time.monotonic() < until or not done):
            _try_one(study, candidate, field, effort, done)
            done += 1
            progress(done, _best(_trials(study, candidate)), False)
        trials = _trials(study, candidate)
        best = _best(trials)
        return None if best is None else Tuned(_with(candidate, best.parameters), trials)


def _open(candidate: Candidate, field: Field, effort: Effort, store: Path) -> optuna.Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    store.parent.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.RDBStorage(f"sqlite:///{store}", engine_kwargs={"connect_args": {"timeout": 30}})
    # With early medians a poor configuration costs one or two folds; the random search of old prunes nothing.
    pruner = optuna.pruners.MedianPruner(NEVER_PRUNED, 0) if effort.search == "tpe" else optuna.pruners.NopPruner()
    space = repr((SPACES[candidate.name], field.smote, field.seed, len(field.folds), int(field.ratios.sum()), effort.search))
    name = f"{candidate.name} {effort.search} {hashlib.sha256(space.encode()).hexdigest()[:12]}"
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize", pruner=pruner, load_if_exists=True)
    # Left by a process that was killed: it is tried again below, under the next number. Only what runs can be told that it failed.
    for _ in study.get_trials(states=(optuna.trial.TrialState.WAITING,)):
        study.ask()
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study


def _ended(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    from optuna.trial import TrialState

    return study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))


def _try_one(study: optuna.Study, candidate: Candidate, field: Field, effort: Effort, done: int) -> None:
    """Ask for a configuration, judge it fold by fold, and tell."""
    import optuna

    # Seeded a trial, a search that was interrupted proposes what it would have proposed.
    seed = int.from_bytes(hashlib.sha256(f"{field.seed} {candidate.name} {done}".encode()).digest()[:4], "big")
    if effort.search == "tpe":
        study.sampler = optuna.samplers.TPESampler(n_startup_trials=STARTING_TRIALS, seed=seed)
    else:
        study.sampler = optuna.samplers.RandomSampler(seed=seed)
    space = SPACES[candidate.name]
    if effort.search == "tpe" and done == 0:
        study.enqueue_trial({**space.start, "ratios": int(candidate.ratios)})
    trial = study.ask()
    parameters = _proposed(trial, space, field)
    began, rounds, values = time.process_time(), [], []
    for step, fold in enumerate(field.folds):
        value, stopped = _judge(candidate, parameters, space, field, fold)
        values.append(value)
        rounds.append(stopped)
        trial.report(value, step)
        pruned = step + 1 < len(field.folds) and trial.should_prune()
        if pruned or step + 1 == len(field.folds):
            trial.set_user_attr("folds", values)
            trial.set_user_attr("cpu_seconds", round(time.process_time() - began, 3))
            if space.rounds is not None:
                trial.set_user_attr("rounds", max(1, round(MORE_ROUNDS * float(np.mean(rounds)))))
            state = optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE
            study.tell(trial, None if pruned else float(np.mean(values)), state=state)
            return


def _judge(candidate: Candidate, parameters: dict[str, Any], space: Space, field: Field, fold: Fold) -> tuple[float, int]:
    """PR-AUC on a fold, and after how many rounds boosting stopped there (0 for what does not boost)."""
    train, judged = fold
    boosts = space.rounds is not None
    at_most = {space.rounds: space.most_rounds} if space.rounds is not None else {}
    fitted = fit(_with(candidate, parameters | at_most), field, train, judged if boosts else None)
    return pr_auc(field.label[judged], fitted.margin(field.matrix[judged])), fitted.rounds or 0


def _proposed(trial: optuna.Trial, space: Space, field: Field) -> dict[str, Any]:
    """A trial's parameters; whether ratios take part is searched only where there are some."""
    found: dict[str, Any] = {name: _suggest(trial, name, dimension) for name, dimension in space.dimensions.items()}
    if field.ratios.any() and not field.ratios.all():
        found["ratios"] = trial.suggest_int("ratios", 0, 1)
    return found | dict(space.fixed)


def _suggest(trial: optuna.Trial, name: str, dimension: Dimension) -> float | int:
    if dimension.whole:
        return trial.suggest_int(name, int(dimension.low), int(dimension.high), log=dimension.log)
    return trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)


def _trials(study: optuna.Study, candidate: Candidate) -> tuple[Trial, ...]:
    from optuna.trial import TrialState

    space = SPACES[candidate.name]
    return tuple(
        Trial(
            trial.number,
            _parameters(space, trial),
            tuple(trial.user_attrs["folds"]),
            trial.state == TrialState.PRUNED,
            float(trial.user_attrs["cpu_seconds"]),
        )
        for trial in _ended(study)
    )


def _best(trials: Sequence[Trial]) -> Trial | None:
    # A pruned trial's folds are not those of the others.
    return max((trial for trial in trials if not trial.pruned), key=lambda trial: trial.value, default=None)


def _with(candidate: Candidate, parameters: Mapping[str, Any]) -> Candidate:
    """The candidate with a trial's parameters; `ratios` among them says whether it is given the ratios."""
    chosen = dict(parameters)
    return replace(candidate, ratios=bool(chosen.pop("ratios", candidate.ratios)), parameters=chosen)


def _parameters(space: Space, trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    found = dict(trial.params) | dict(space.fixed)
    return found if space.rounds is None else found | {space.rounds: int(trial.user_attrs["rounds"])}


@contextmanager
def _stored(store: Path) -> Iterator[None]:
    """Storage faults of the study, in our words."""
    from optuna.exceptions import OptunaError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (SQLAlchemyError, OptunaError) as error:
        raise HomeRefused(
            f"The search could not be stored in {store} ({type(error).__name__}).",
            "Check the room on its disk; remove the file where it is damaged.",
        ) from error
