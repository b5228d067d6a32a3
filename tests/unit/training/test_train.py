from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from conftest import TrainedHome
from tidegate.bundle.scorer import open_scorer, score
from tidegate.customers.simulation.write import write_simulated
from tidegate.customers.spec import load_spec
from tidegate.errors import HomeRefused, TidegateError
from tidegate.home import Home, exclusive, open_home
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.measures.classification import measure
from tidegate.registry.store import open_registry
from tidegate.storage.files import Folder
from tidegate.storage.pointer import read_pointer
from tidegate.training.candidates import named
from tidegate.training.order import BUDGETS, Order
from tidegate.training.train import Trained, train


def train_again(home: Home, data: Path, seed: int = 42) -> Trained:
    ledger = open_ledger(sqlite_url(home.ledger))
    order = Order(data, load_spec("bank"), seed, seed, BUDGETS["quick"], 0.2, named("lightgbm"), "test", datetime.now(UTC))
    try:
        return train(order, home, ledger, lambda text, share: None, lambda: datetime.now(UTC))
    finally:
        close_ledger(ledger)


def test_the_holdout_is_exactly_the_one_of_scikit_learn(trained: TrainedHome) -> None:
    label = trained.trained.history.label
    expected = train_test_split(np.arange(len(label)), test_size=0.2, stratify=label, random_state=42)
    assert np.array_equal(trained.trained.split.train, expected[0])
    assert np.array_equal(trained.trained.split.holdout, expected[1])


def test_the_reported_metrics_are_those_of_the_served_bundle_on_the_holdout(trained: TrainedHome) -> None:
    result = trained.trained
    scorer = open_scorer(result.bundle, result.version)
    probability = score(scorer, result.history.rows.take(result.split.holdout))
    label = result.history.label[result.split.holdout]
    assert measure(label, probability, scorer.manifest.threshold) == pytest.approx(result.assessment.metrics, abs=1e-9)


def test_each_candidate_is_a_run_with_parameters_metrics_and_files(trained: TrainedHome) -> None:
    registry = open_registry(trained.home, "bank")
    runs = registry.client.search_runs([registry.experiment])
    parents = [run for run in runs if run.data.tags["kind"] == "training"]
    assert len(parents) == 1
    models = [run for run in runs if run not in parents]
    assert {run.data.tags["algorithm"] for run in models} == {one.algorithm for one in trained.trained.contest.contestants}
    assert {run.data.tags["mlflow.parentRunId"] for run in models} == {parents[0].info.run_id}
    for run in models:
        assert run.info.status == "FINISHED"
        assert {"data_sha256", "spec_sha256", "code_version", "seed", "threshold"} <= set(run.data.params)
        assert {"roc_auc", "pr_auc", "out_of_fold_roc_auc", "brier"} <= set(run.data.metrics)
        files = {file.path for file in registry.client.list_artifacts(run.info.run_id, "evaluation")}
        names = {"curves.csv", "gain.csv", "calibration.csv", "confusion_matrix.csv", "evaluation.png"}
        assert files == {f"evaluation/{name}" for name in names}
    champion = registry.client.get_model_version_by_alias("bank", "champion")
    assert str(champion.version) == trained.trained.version


def test_a_second_training_is_a_challenger_and_the_champion_stays(own_home: Home, trained: TrainedHome) -> None:
    before = read_pointer(Folder(own_home.storage))
    result = train_again(own_home, trained.data, seed=7)
    assert result.stage == "challenger"
    assert result.version == "2"
    assert read_pointer(Folder(own_home.storage)) == before


def test_the_same_data_spec_and_seed_give_the_same_model(tmp_path: Path, trained: TrainedHome) -> None:
    again = train_again(open_home(tmp_path / "home"), trained.data)
    timed = {"manifest.json", "card.json", "card.html"}
    names = [path.name for path in sorted(again.bundle.iterdir()) if path.name not in timed]
    for name in names:
        assert (again.bundle / name).read_bytes() == (trained.trained.bundle / name).read_bytes(), name


def test_labels_that_nothing_explains_make_no_champion(tmp_path: Path) -> None:
    data = tmp_path / "noise.csv"
    write_simulated(data, 800, seed=5)
    lines = data.read_text().splitlines()
    labels = [line.split(",")[1] for line in lines[1:]]
    np.random.default_rng(0).shuffle(labels)
    parts = [line.split(",", 2) for line in lines[1:]]
    shuffled = [",".join([first, label, rest]) for (first, _, rest), label in zip(parts, labels, strict=True)]
    data.write_text("\n".join([lines[0], *shuffled]) + "\n")
    home = open_home(tmp_path / "home")
    result = train_again(home, data)
    assert result.stage == "refused"
    assert not all(gate.passed for gate in result.gates)
    assert read_pointer(Folder(home.storage)) is None


def test_two_trainings_at_once_one_refuses(own_home: Home, trained: TrainedHome) -> None:
    with exclusive(own_home, "another training"), pytest.raises(HomeRefused, match="Another process"):
        train_again(own_home, trained.data)


def test_a_refused_table_leaves_the_home_as_it_was(own_home: Home, tmp_path: Path) -> None:
    shutil.rmtree(own_home.scratch, ignore_errors=True)
    before = {str(path.relative_to(own_home.root)) for path in own_home.root.rglob("*")}
    for content in ("", "a,b\n1,2\n"):
        (tmp_path / "bad.csv").write_text(content)
        with pytest.raises(TidegateError):
            train_again(own_home, tmp_path / "bad.csv")
    after = {str(path.relative_to(own_home.root)) for path in own_home.root.rglob("*")}
    assert after - before <= {"scratch", "ledger.db-shm", "ledger.db-wal"}


def test_a_bundle_says_nothing_of_where_its_table_lay(trained: TrainedHome) -> None:
    """It travels to other machines, and its card to other people."""
    told = {path.name: path.read_bytes() for path in trained.trained.bundle.iterdir() if path.is_file()}
    assert f"tidegate train {trained.data.name} --spec SPEC.toml".encode() in told["card.json"]
    assert [name for name, content in told.items() if str(trained.data.parent).encode() in content] == []
