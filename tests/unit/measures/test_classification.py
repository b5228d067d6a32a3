"""Measures of probabilities and decisions, against scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from sklearn import metrics

from tidegate.measures.classification import (
    COMPOSITE_WEIGHTS,
    at_threshold,
    best_f1_threshold,
    brier,
    composite,
    expected_calibration_error,
    log_loss,
    measure,
    pr_auc,
    pr_auc_of,
    rank,
    roc_auc,
    roc_auc_of,
)

Case = tuple[np.ndarray, np.ndarray, np.ndarray]


def case(seed: int) -> Case:
    """Labels, probabilities (with ties where the seed is even) and integer weights."""
    generator = np.random.default_rng(seed)
    count = int(generator.integers(5, 400))
    label = (generator.random(count) < generator.uniform(0.05, 0.95)).astype(np.int8)
    label[:2] = 0, 1
    probability = np.clip(generator.normal(0.3 + 0.3 * label, 0.25), 0, 1)
    if seed % 2 == 0:
        probability = np.round(probability, 1)
    return label, probability, generator.integers(0, 4, count).astype(float) + np.eye(count)[0] + np.eye(count)[1]


CASES = [case(seed) for seed in range(30)]


@pytest.mark.parametrize("given", CASES)
def test_areas_equal_those_of_scikit_learn(given: Case) -> None:
    label, probability, weights = given
    assert roc_auc(label, probability) == pytest.approx(metrics.roc_auc_score(label, probability), abs=1e-12)
    assert pr_auc(label, probability) == pytest.approx(metrics.average_precision_score(label, probability), abs=1e-12)
    ranking = rank(label, probability)
    assert roc_auc_of(ranking, weights) == pytest.approx(metrics.roc_auc_score(label, probability, sample_weight=weights), abs=1e-12)
    assert pr_auc_of(ranking, weights) == pytest.approx(
        metrics.average_precision_score(label, probability, sample_weight=weights), abs=1e-12
    )


@pytest.mark.parametrize("given", CASES)
def test_losses_equal_those_of_scikit_learn(given: Case) -> None:
    label, probability, weights = given
    assert brier(label, probability) == pytest.approx(metrics.brier_score_loss(label, probability), abs=1e-12)
    assert brier(label, probability, weights) == pytest.approx(
        metrics.brier_score_loss(label, probability, sample_weight=weights), abs=1e-12
    )
    inside = np.clip(probability, 1e-6, 1 - 1e-6)
    assert log_loss(label, inside) == pytest.approx(metrics.log_loss(label, inside), abs=1e-12)
    assert log_loss(label, inside, weights) == pytest.approx(metrics.log_loss(label, inside, sample_weight=weights), abs=1e-12)


@pytest.mark.parametrize("given", CASES)
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0, 1.1])
def test_decisions_equal_those_of_scikit_learn(given: Case, threshold: float) -> None:
    label, probability, weights = given
    for weight in (None, weights):
        found = at_threshold(label, probability, threshold, weight)
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            label, probability >= threshold, average="binary", zero_division=0, sample_weight=weight
        )
        expected = {
            "f1": f1,
            "precision": precision,
            "recall": recall,
            "accuracy": metrics.accuracy_score(label, probability >= threshold, sample_weight=weight),
        }
        assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("given", CASES)
def test_weights_are_counts_of_rows(given: Case) -> None:
    label, probability, weights = given
    drawn = np.repeat(np.arange(len(label)), weights.astype(int))
    ranking = rank(label, probability)
    assert roc_auc_of(ranking, weights) == pytest.approx(roc_auc(label[drawn], probability[drawn]), abs=1e-12)
    assert pr_auc_of(ranking, weights) == pytest.approx(pr_auc(label[drawn], probability[drawn]), abs=1e-12)
    assert at_threshold(label, probability, 0.4, weights) == pytest.approx(at_threshold(label[drawn], probability[drawn], 0.4), abs=1e-12)
    for loss in (brier, log_loss, lambda *rows, **more: expected_calibration_error(*rows, bins=7, **more)):
        assert loss(label, probability, weights=weights) == pytest.approx(loss(label[drawn], probability[drawn]), abs=1e-12)


@pytest.mark.parametrize("bins", [1, 5, 10])
def test_the_calibration_error_is_that_of_sorted_equal_parts(bins: int) -> None:
    generator = np.random.default_rng(bins)
    probability = generator.random(200)
    label = (generator.random(200) < probability**2).astype(np.int8)
    parts = np.array_split(np.argsort(probability), bins)
    by_hand = sum(len(part) / 200 * abs(probability[part].mean() - label[part].mean()) for part in parts)
    assert expected_calibration_error(label, probability, bins) == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.parametrize("given", CASES)
def test_the_calibration_error_does_not_depend_on_the_order_of_rows(given: Case) -> None:
    label, probability, weights = given
    shuffled = np.random.default_rng(0).permutation(len(label))
    mixed = expected_calibration_error(label[shuffled], probability[shuffled], weights=weights[shuffled])
    assert mixed == pytest.approx(expected_calibration_error(label, probability, weights=weights), abs=1e-12)


def test_probabilities_that_are_all_alike_err_by_the_distance_from_the_base_rate() -> None:
    label = np.array([0, 1, 0, 1, 0], np.int8)
    assert expected_calibration_error(label, np.full(5, 0.3)) == pytest.approx(0.1)
    assert expected_calibration_error(label, label.astype(float)) == 0.0


def test_chance_lifts_the_calibration_error_by_no_more_than_its_page_says() -> None:
    generator = np.random.default_rng(2)
    probability = generator.uniform(0.05, 0.35, (300, 1000))
    label = (generator.random((300, 1000)) < probability).astype(np.int8)
    found = np.mean([expected_calibration_error(*rows) for rows in zip(label, probability, strict=True)])
    assert 0.9 < found / np.sqrt(2 * 10 * 0.2 * 0.8 / (np.pi * 1000)) < 1.0


@pytest.mark.parametrize("given", CASES)
def test_no_threshold_has_a_better_f1(given: Case) -> None:
    label, probability, _ = given
    best = at_threshold(label, probability, best_f1_threshold(label, probability))["f1"]
    candidates = [*np.unique(probability), *(np.unique(probability) + 1e-9)]
    assert best == pytest.approx(max(at_threshold(label, probability, threshold)["f1"] for threshold in candidates), abs=1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("area", [roc_auc, pr_auc])
def test_an_area_without_both_classes_is_not_a_number(area: Callable[[np.ndarray, np.ndarray], float]) -> None:
    score = np.array([0.1, 0.9])
    assert math.isnan(area(np.zeros(2, np.int8), score))
    assert math.isnan(roc_auc(np.ones(2, np.int8), score))
    assert pr_auc(np.ones(2, np.int8), score) == 1.0
    ranking = rank(np.array([0, 1], np.int8), score)
    assert math.isnan(roc_auc_of(ranking, np.array([1.0, 0.0])))


def test_scores_that_are_all_alike_rank_nobody() -> None:
    label = np.array([0, 1, 0, 1, 0], np.int8)
    assert roc_auc(label, np.full(5, 0.3)) == 0.5
    assert pr_auc(label, np.full(5, 0.3)) == pytest.approx(0.4)


@pytest.mark.filterwarnings("error")
def test_a_certain_mistake_costs_much_and_not_infinitely() -> None:
    assert log_loss(np.array([1, 0], np.int8), np.array([0.0, 1.0])) == pytest.approx(34.5, abs=0.1)
    assert log_loss(np.array([1, 0], np.int8), np.array([1.0, 0.0])) == pytest.approx(0.0, abs=1e-12)


def test_a_threshold_is_between_two_probabilities() -> None:
    assert best_f1_threshold(np.array([0, 0, 1, 1], np.int8), np.array([0.1, 0.3, 0.7, 0.9])) == pytest.approx(0.5)
    assert best_f1_threshold(np.array([1, 1], np.int8), np.array([0.4, 0.6])) == pytest.approx(0.2)


def test_a_threshold_between_neighbouring_floats_flags_the_upper_one_only() -> None:
    for low in np.random.default_rng(0).random(50):
        high = np.nextafter(low, 1)
        threshold = best_f1_threshold(np.array([0, 1], np.int8), np.array([low, high]))
        assert low < threshold <= high


def test_the_composite_weighs_four_measures() -> None:
    assert sum(COMPOSITE_WEIGHTS.values()) == pytest.approx(1.0)
    assert composite(0.8, {"f1": 0.6, "recall": 0.5, "precision": 0.7}) == pytest.approx(0.35 * 0.8 + 0.3 * 0.6 + 0.25 * 0.5 + 0.1 * 0.7)


def test_all_measures_come_together() -> None:
    label, probability, _ = CASES[3]
    found = measure(label, probability, 0.5)
    decisions, losses = {"f1", "precision", "recall", "accuracy"}, {"brier", "log_loss", "expected_calibration_error"}
    assert set(found) == {"roc_auc", "pr_auc", "composite", *decisions, *losses}
    assert found["composite"] == composite(found["roc_auc"], found)
    assert all(0 <= found[name] <= 1 for name in found if name != "log_loss")
