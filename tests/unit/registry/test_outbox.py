from __future__ import annotations

import errno
import json
import math
import os
import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from tidegate.errors import BundleRefused, HomeRefused
from tidegate.home import Home, discard_if_unused, open_home
from tidegate.registry import outbox
from tidegate.registry.outbox import put_in_outbox, read_parcel, waiting, walk
from unit.registry.parcels import made_run, put_parcel


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return open_home(tmp_path / "home")


def test_what_is_put_in_is_read_again_and_needs_nothing_outside(home: Home, tmp_path: Path) -> None:
    path = put_parcel(home, tmp_path / "scratch")
    shutil.rmtree(tmp_path / "scratch")
    parcel = read_parcel(path)
    assert waiting(home) == [path]
    assert [(position, run.name) for position, run in walk(parcel.run)] == [
        ("0", "training"),
        ("0.0", "catboost search"),
        ("0.0.0", "catboost trial 7"),
        ("0.1", "logistic"),
    ]
    won = parcel.run.children[0].children[0]
    assert won.bundle
    assert won.metrics == {"out_of_fold_pr_auc": 0.98, "roc_auc": 0.9}
    assert dict(won.parameters) == {"depth": "4", "rate": "0.05"}
    folder, place = won.folders[0]
    assert place == "evaluation"
    assert (folder / "deep" / "gain.csv").read_text() == "1,0\n"
    assert [gate.name for gate in parcel.gates] == ["roc_auc_above_chance"]


def test_numbers_that_are_none_survive(home: Home, tmp_path: Path) -> None:
    path = put_parcel(home, tmp_path / "s", runs=lambda figures: made_run("one", figures, bundle=True, metric=math.nan))
    assert math.isnan(read_parcel(path).run.metrics["out_of_fold_pr_auc"])


def test_a_home_with_something_in_its_outbox_is_never_cleared_away(home: Home, tmp_path: Path) -> None:
    path = put_parcel(home, tmp_path / "scratch")
    discard_if_unused(home)
    assert path.exists()


def test_putting_the_same_training_in_twice_is_one_parcel(home: Home, tmp_path: Path) -> None:
    path = put_parcel(home, tmp_path / "first")
    assert put_parcel(home, tmp_path / "second") == path
    assert waiting(home) == [path]


@pytest.mark.parametrize("damage", ["parcel.json", "bundle/manifest.json", "evaluation/model_comparison_final.csv", "files/0/roc.csv"])
@pytest.mark.parametrize("how", ["changed", "missing"])
def test_a_damaged_parcel_is_refused_by_its_folder(home: Home, tmp_path: Path, damage: str, how: str) -> None:
    path = put_parcel(home, tmp_path / "scratch")
    if how == "missing":
        (path / damage).unlink()
    else:
        (path / damage).write_bytes(b"{" + (path / damage).read_bytes()[1:] + b"x")
    with pytest.raises(HomeRefused, match=str(path)):
        read_parcel(path)


@pytest.mark.parametrize(
    "change", [{"run": 1}, {"gates": [{}]}, {"stage": "king"}, {"created_at": "soon"}, {"identity": "other"}, {"files": []}, {"run": None}]
)
def test_a_description_of_another_shape_is_refused(home: Home, tmp_path: Path, change: dict[str, object]) -> None:
    path = put_parcel(home, tmp_path / "scratch")
    described = json.loads((path / "parcel.json").read_text())
    (path / "parcel.json").write_text(json.dumps({**described, **change}))
    with pytest.raises(HomeRefused, match=str(path)):
        read_parcel(path)


def test_a_description_that_leads_elsewhere_is_refused(home: Home, tmp_path: Path) -> None:
    path = put_parcel(home, tmp_path / "scratch")
    text = (path / "parcel.json").read_text()
    (path / "parcel.json").write_text(text.replace('"files/0",', '"../..",'))
    with pytest.raises(HomeRefused, match=str(path)):
        read_parcel(path)


@pytest.mark.parametrize("call", range(6))
def test_a_full_disk_leaves_the_outbox_as_it_was(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    calls = iter(range(100))
    sync = outbox.sync

    def full(path: Path) -> None:
        if next(calls) == call:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        sync(path)

    monkeypatch.setattr(outbox, "sync", full)
    with pytest.raises(HomeRefused, match="No space left"):
        put_parcel(home, tmp_path / "scratch")
    assert list(home.outbox.iterdir()) == []


def test_what_a_killed_process_left_aside_is_not_waiting_and_is_swept(home: Home, tmp_path: Path) -> None:
    left = home.outbox / ".bank-x.999999999.part"
    left.mkdir(parents=True)
    alive = home.outbox / ".bank-y.1.part"
    alive.mkdir()
    assert waiting(home) == []
    put_parcel(home, tmp_path / "scratch")
    assert not left.exists()
    assert alive.exists()


def test_every_file_is_brought_to_the_disk_before_the_name_and_the_name_after(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync = outbox.sync

    def noted(path: Path) -> None:
        synced.append(str(path.relative_to(home.outbox)) if path != home.outbox else "outbox")
        sync(path)

    monkeypatch.setattr(outbox, "sync", noted)
    path = put_parcel(home, tmp_path / "scratch")
    aside = f".{path.name}.{os.getpid()}.part"
    assert set(synced[:-1]) == {aside, *(f"{aside}/{file.relative_to(path)}" for file in path.rglob("*"))}
    assert synced[-1] == "outbox"


@pytest.mark.parametrize(
    "change",
    [
        {"identity": "../x"},
        {"identity": ""},
        {"evidence": {"auc": math.nan}},
        {"created_at": datetime(2026, 1, 1)},
    ],
)
def test_what_could_never_be_delivered_is_not_taken(home: Home, tmp_path: Path, change: dict[str, object]) -> None:
    parcel = read_parcel(put_parcel(home, tmp_path / "s"))
    with pytest.raises(ValueError):
        put_in_outbox(home, replace(parcel, **change), tmp_path / "s" / "bundle", tmp_path / "s" / "evaluation")
    for tree in (replace(parcel.run, bundle=True), parcel.run.children[1]):
        with pytest.raises(ValueError, match="exactly one"):
            put_in_outbox(home, replace(parcel, run=tree), tmp_path / "s" / "bundle", tmp_path / "s" / "evaluation")


def test_a_bundle_that_is_not_the_one_named_is_not_taken(home: Home, tmp_path: Path) -> None:
    parcel = read_parcel(put_parcel(home, tmp_path / "s"))
    other = replace(parcel, identity="bank-other", digest="0" * 64)
    with pytest.raises(BundleRefused):
        put_in_outbox(home, other, tmp_path / "s" / "bundle", tmp_path / "s" / "evaluation")
    assert len(waiting(home)) == 1
