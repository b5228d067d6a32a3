"""The explainer of an open bundle: worked out once, from what was read when the bundle was opened."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tidegate.bundle.champion import champion_pointer
from tidegate.bundle.golden import synthetic_rows
from tidegate.bundle.reasons import keep
from tidegate.bundle.reasons.customers import explain_rows
from tidegate.bundle.scorer import open_scorer, score
from tidegate.customers.cells import rows_from_objects
from tidegate.errors import BundleRefused
from tidegate.home import Home
from tidegate.storage.files import Folder


def test_it_is_worked_out_once_and_only_when_asked(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def building(*given: object) -> object:
        built.append(given)
        return original(*given)

    original = keep.build_explainer
    monkeypatch.setattr(keep, "build_explainer", building)
    folder = own_home.storage / "bundles" / champion_pointer(Folder(own_home.storage)).version
    scorer = open_scorer(folder, "1")
    rows = rows_from_objects(scorer.contract, synthetic_rows(scorer.contract.spec, 2, 20))
    score(scorer, rows)
    assert not built
    shutil.rmtree(folder)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: explain_rows(scorer, rows).contributions, range(16)))
    assert len(built) == 1
    assert all(np.array_equal(one, found[0]) for one in found)


def test_a_bundle_without_its_trees_does_not_open(own_home: Home) -> None:
    folder = own_home.storage / "bundles" / "1"
    (folder / "trees.npz").unlink()
    with pytest.raises(BundleRefused, match="trees"):
        keep.keep_explainer(folder, open_manifest(own_home))


def open_manifest(home: Home) -> keep.Manifest:
    return keep.Manifest.model_validate_json((home.storage / "bundles" / "1" / "manifest.json").read_bytes())
