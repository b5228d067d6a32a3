from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegate.customers.spec import load_spec
from tidegate.errors import SearchStopped
from tidegate.training import contest, search
from tidegate.training.arena import Arena
from tidegate.training.candidates import CANDIDATES, Candidate
from tidegate.training.contest import compete
from tidegate.training.order import BUDGETS, Order
from tidegate.training.search import Trial
from tidegate.training.standing import Standing
from unit.training.test_folds import field_of, small

SIMPLE = tuple(small(one.name, ratios=False) for one in CANDIDATES if one.name in {"logistic_regression", "random_forest"})


def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, judged: int, candidates: tuple[Candidate, ...] = SIMPLE) -> str:
    """What a contest says that is stopped after so many folds of its search."""
    field = field_of(300)
    arena = Arena(field, replace(field, seed=1), field.matrix[:80], field.label[:80])
    effort = replace(BUDGETS["standard"], trials=2, tuned=2)
    order = Order(tmp_path / "none.csv", load_spec("bank"), 1, 1, effort, 0.2, candidates, "test", datetime.now(UTC))
    honest, calls = search._judge, [0]

    def judge(*words: object) -> tuple[float, int]:
        calls[0] += 1
        if calls[0] > judged:
            raise KeyboardInterrupt
        return honest(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(search, "_judge", judge)
    with pytest.raises(SearchStopped) as refused:
        compete(order, arena, tmp_path / "study.db", lambda text, share: None)
    assert refused.value.exit_code == 130
    return str(refused.value)


def test_before_the_first_trial_the_best_is_a_baseline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = stopped(tmp_path, monkeypatch, 1)
    assert "Stopped while tuning " in said
    assert "Best so far: " in said
    assert ", PR-AUC 0." in said
    assert "begins again" in said


def test_a_search_stopped_in_its_second_algorithm_still_names_the_best_of_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = stopped(tmp_path, monkeypatch, 10)
    assert "Best so far: " in said
    assert "tuning random forest. Best so far: " in said
    assert "The search is kept: the same command goes on from there, with --trials 0 " in said


def test_stopped_among_the_baselines_it_names_the_best_of_those_that_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = contest.trained

    def trained(arena: Arena, candidate: Candidate, *rest: object) -> object:
        if candidate.name == "random_forest":
            raise KeyboardInterrupt
        return honest(arena, candidate, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(contest, "trained", trained)
    said = stopped(tmp_path, monkeypatch, 99)
    assert said.startswith("Stopped while training random forest. Best so far: logistic regression, PR-AUC 0.")


def test_the_best_so_far_is_the_best_whoever_it_is() -> None:
    standing = Standing()
    standing.telling(lambda text, share: None)("Tuning lightgbm: 4 of 10 trials, PR-AUC 0.7000", 0.4)
    standing.seen("catboost", 0.6)
    standing.tried("catboost", Trial(3, {"depth": 4}, (0.8, 0.9), False, 1.0))
    standing.tried("lightgbm", Trial(1, {"num_leaves": 7}, (0.7,), False, 1.0))
    assert str(standing.stopped()) == (
        'Stopped while tuning lightgbm. Best so far: catboost with {"depth": 4}, PR-AUC 0.8500 out of fold. '
        "The search is kept: the same command goes on from there, with --trials 0 it trains with what was found."
    )
