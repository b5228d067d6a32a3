"""Realised performance: on known labels only, and worse only where it is beyond chance."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tidegate.measures.classification import measure
from tidegate.monitoring.performance.realised import realise, relative_drop


def customers(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    probability = generator.beta(0.6, 2.5, count)
    return (generator.random(count) < probability).astype(np.int8), probability


def test_only_known_labels_count() -> None:
    label, probability = customers(2_000)
    known = np.random.default_rng(2).random(2_000) < 0.6
    found = realise(np.where(known, label, -1).astype(np.int8), probability, 0.3, {"roc_auc": 0.8}, seed=1)
    assert found is not None
    expected = measure(label[known], probability[known], 0.3)
    assert {name: one.value for name, one in found.metrics.items()} == {name: expected[name] for name in found.metrics}
    assert (found.rows, found.positives, found.unlabelled) == (known.sum(), label[known].sum(), (~known).sum())
    assert all(one.low <= one.value <= one.high for one in found.metrics.values())


def test_nothing_matured_is_none() -> None:
    assert realise(np.full(5, -1, np.int8), np.full(5, 0.5), 0.5, {"roc_auc": 0.9}, seed=1) is None
    assert realise(np.empty(0, np.int8), np.empty(0), 0.5, {"roc_auc": 0.9}, seed=1) is None


def test_worse_needs_size_and_more_than_chance() -> None:
    label, probability = customers(4_000)
    area = measure(label, probability, 0.3)["roc_auc"]
    fell = realise(label, probability, 0.3, {"roc_auc": area / 0.94}, seed=1)
    held = realise(label, probability, 0.3, {"roc_auc": area / 0.96}, seed=1)
    assert fell is not None
    assert held is not None
    assert (fell.worse, held.worse) == (True, False)
    assert fell.roc_auc_drop == pytest.approx(0.06)
    assert "6.0% below the holdout's" in fell.sentence
    assert "more than 5%" in fell.sentence
    allowed = realise(label, probability, 0.3, {"roc_auc": area / 0.94}, seed=1, largest_drop=0.1)
    assert allowed is not None
    assert not allowed.worse, "a tenth may be lost, as set"
    few = realise(label[:250], probability[:250], 0.3, {"roc_auc": measure(label[:250], probability[:250], 0.3)["roc_auc"] / 0.94}, seed=1)
    assert few is not None
    assert (few.enough, few.worse) == (True, False), "a drop of 6 % among 250 customers may be chance"


def test_few_positives_say_so_and_are_not_worse() -> None:
    label = np.array([1] * 29 + [0] * 500, np.int8)
    probability = np.concatenate([np.full(29, 0.1), np.linspace(0.2, 0.9, 500)])
    found = realise(label, probability, 0.5, {"roc_auc": 0.95}, seed=1)
    assert found is not None
    assert (found.enough, found.worse, found.metrics["roc_auc"].value) == (False, False, 0.0)
    assert "Too few to judge: 529 customers with matured labels, 29 of whom left; 30" in found.sentence
    now = realise(label, probability, 0.5, {"roc_auc": 0.95}, seed=1, fewest=29)
    assert now is not None
    assert now.worse


def test_one_class_only_is_json_without_nan() -> None:
    found = realise(np.zeros(100, np.int8), np.linspace(0, 1, 100), 0.5, {"roc_auc": 0.9}, seed=1)
    assert found is not None
    told = json.loads(json.dumps(found.document(), allow_nan=False))
    assert told["metrics"]["roc_auc"] == {"value": None, "low": None, "high": None}
    assert (told["roc_auc_drop"], told["worse"], told["enough"]) == (None, False, False)


def test_a_better_batch_has_a_negative_drop() -> None:
    assert relative_drop(0.99, 0.9) == pytest.approx(-0.1)
    assert np.isnan(relative_drop(0.9, float("nan")))
