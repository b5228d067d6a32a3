from __future__ import annotations

import math
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tidegate.errors import HomeRefused, SettingRefused
from tidegate.training import search
from tidegate.training.candidates import CANDIDATES
from tidegate.training.order import BUDGETS, Effort, effort_of
from tidegate.training.search import Trial, Tuned, tune
from tidegate.training.spaces import SPACES
from unit.training.test_folds import field_of

FOREST = next(one for one in CANDIDATES if one.name == "random_forest")
LOGISTIC = next(one for one in CANDIDATES if one.name == "logistic_regression")
BOOSTED = next(one for one in CANDIDATES if one.name == "lightgbm")


@pytest.fixture(autouse=True)
def _small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SPACES, "random_forest", replace(SPACES["random_forest"], fixed={"n_estimators": 8}))  # type: ignore[arg-type]


def effort(trials: int, kind: str = "tpe") -> Effort:
    return replace(BUDGETS["standard"], trials=trials, search=kind)  # type: ignore[arg-type]


def tuned(store: Path, trials: int, kind: str = "tpe", candidate: object = LOGISTIC) -> Tuned | None:
    return tune(candidate, field_of(300), effort(trials, kind), store, None, lambda done, best, kept: None)  # type: ignore[arg-type]


def said(found: Tuned | None) -> list[tuple[object, ...]]:
    assert found is not None
    return [(dict(one.parameters), one.folds, one.pruned) for one in found.trials]


@pytest.mark.parametrize("kind", ["tpe", "random"])
def test_a_search_that_goes_on_proposes_what_it_would_have_proposed(tmp_path: Path, kind: str) -> None:
    whole = said(tuned(tmp_path / "whole.db", 7, kind))
    assert said(tuned(tmp_path / "parts.db", 4, kind)) == whole[:4]
    assert said(tuned(tmp_path / "parts.db", 7, kind)) == whole


def test_a_finished_search_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = said(tuned(tmp_path / "study.db", 3))
    monkeypatch.setattr(search, "_judge", lambda *anything: pytest.fail("a trial was run again"))
    assert said(tuned(tmp_path / "study.db", 3)) == first
    assert said(tuned(tmp_path / "study.db", 0)) == first


def interrupted(after: int, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]) -> None:
    honest, calls = search._judge, [0]

    def judge(*words: object) -> tuple[float, int]:
        calls[0] += 1
        if calls[0] > after:
            raise error
        return honest(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(search, "_judge", judge)


@pytest.mark.parametrize("after", [0, 7])
def test_a_killed_search_resumes_to_the_same_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    whole = said(tuned(tmp_path / "whole.db", 4))
    with monkeypatch.context() as patch:
        interrupted(after, patch, SystemExit)
        with pytest.raises(SystemExit):
            tuned(tmp_path / "killed.db", 4)
    assert said(tuned(tmp_path / "killed.db", 4)) == whole


def test_an_interrupted_search_keeps_its_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        interrupted(12, patch, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            tuned(tmp_path / "study.db", 6)
    kept = tuned(tmp_path / "study.db", 2)
    assert kept is not None
    assert len(kept.trials) == 2


def test_a_search_that_goes_on_says_first_what_it_has(tmp_path: Path) -> None:
    tuned(tmp_path / "study.db", 3)
    told: list[tuple[int, bool]] = []
    tune(LOGISTIC, field_of(300), effort(4), tmp_path / "study.db", None, lambda done, best, kept: told.append((done, kept)))
    assert told == [(3, True), (4, False)]


def test_the_best_is_the_best_of_those_that_were_not_pruned(tmp_path: Path) -> None:
    told: list[Trial | None] = []
    found = tune(FOREST, field_of(300), effort(10), tmp_path / "study.db", None, lambda done, best, kept: told.append(best))
    assert found is not None
    last = told[-1]
    assert last is not None
    assert last.value == max(one.value for one in found.trials if not one.pruned)
    complete = [one for one in found.trials if not one.pruned]
    assert any(one.pruned for one in found.trials)
    assert all(len(one.folds) == 5 for one in complete)
    assert all(len(one.folds) < 5 for one in found.trials if one.pruned)
    best = max(complete, key=lambda one: one.value)
    assert found.candidate.parameters | {"ratios": int(found.candidate.ratios)} == dict(best.parameters)


def test_random_search_prunes_nothing_and_stays_in_its_space(tmp_path: Path) -> None:
    found = tuned(tmp_path / "study.db", 8, "random", FOREST)
    assert found is not None
    assert not any(one.pruned for one in found.trials)
    for trial in found.trials:
        for name, dimension in SPACES["random_forest"].dimensions.items():
            assert dimension.low <= trial.parameters[name] <= dimension.high
    assert {trial.parameters["ratios"] for trial in found.trials} == {0, 1}


def test_boosting_is_tuned_to_a_number_of_rounds(tmp_path: Path) -> None:
    found = tuned(tmp_path / "study.db", 1, candidate=BOOSTED)
    assert found is not None
    assert 1 <= found.candidate.parameters["rounds"] < SPACES["lightgbm"].most_rounds


def test_a_time_limit_ends_the_search_but_not_before_one_trial(tmp_path: Path) -> None:
    unlimited = replace(BUDGETS["thorough"], trials=None)
    found = tune(LOGISTIC, field_of(300), unlimited, tmp_path / "study.db", time.monotonic() - 1, lambda done, best, kept: None)
    assert found is not None
    assert len(found.trials) == 1


def test_another_order_has_another_study(tmp_path: Path) -> None:
    tuned(tmp_path / "study.db", 2)
    found = tune(LOGISTIC, field_of(300, smote=True), effort(1), tmp_path / "study.db", None, lambda done, best, kept: None)
    assert found is not None
    assert len(found.trials) == 1


def test_a_damaged_study_is_named(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_bytes(b"not a database" * 100)
    with pytest.raises(HomeRefused, match=r"study\.db"):
        tuned(tmp_path / "study.db", 1)


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import OperationalError

    def full(*anything: object, **more: object) -> None:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    monkeypatch.setattr(RDBStorage, "set_trial_intermediate_value", full)
    with pytest.raises(HomeRefused, match="could not be stored"):
        tuned(tmp_path / "study.db", 1)


def test_every_start_lies_in_its_space() -> None:
    for name, space in SPACES.items():
        assert set(space.start) == set(space.dimensions), name
        for key, value in space.start.items():
            assert space.dimensions[key].low <= value <= space.dimensions[key].high, (name, key)
            assert not space.dimensions[key].whole or isinstance(value, int)
    assert set(SPACES) == {candidate.name for candidate in CANDIDATES}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"budget": "huge"}, "no budget 'huge'"),
        ({"budget": "standard", "search": "grid"}, "no search 'grid'"),
        ({"budget": "standard", "trials": -1}, "--trials"),
        ({"budget": "standard", "trials": 10**6}, "--trials"),
        ({"budget": "thorough", "minutes": 0.0}, "--minutes"),
        ({"budget": "thorough", "minutes": math.inf}, "--minutes"),
        ({"budget": "thorough", "minutes": math.nan}, "--minutes"),
        ({"budget": "quick", "trials": 3}, "tunes nothing"),
        ({"budget": "standard", "minutes": 3.0}, "no time limit"),
    ],
)
def test_an_effort_that_makes_no_sense_is_refused(words: dict[str, object], says: str) -> None:
    with pytest.raises(SettingRefused, match=says):
        effort_of(**words)  # type: ignore[arg-type]


def test_the_classic_way_tunes_every_algorithm() -> None:
    classic = effort_of("standard", search="random")
    assert (classic.trials, classic.tuned, classic.ensembles) == (40, None, True)
    assert np.isclose(effort_of("thorough").minutes or 0, 30)


def test_a_search_killed_before_its_first_trial_ran_begins_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first configuration waits in the study by then, and a trial that waits cannot be told that it failed."""
    with monkeypatch.context() as patch:
        patch.setattr("optuna.Study.ask", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            tuned(tmp_path / "killed.db", 2)
    assert said(tuned(tmp_path / "killed.db", 2)) == said(tuned(tmp_path / "whole.db", 2))
