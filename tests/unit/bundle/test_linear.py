"""`model.json`: every bit comes back, and what is no such models is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tidegate.bundle.linear import Linear, linear_as_json, parse_linear
from tidegate.errors import BundleRefused

GOOD = {"mean": [0.5, 1], "scale": [2.0, 1e300], "weight": [-0.25, 3.0], "intercept": 0.125}


def test_every_bit_of_a_double_comes_back() -> None:
    generator = np.random.default_rng(3)
    mean, scale, weight = (generator.normal(size=500) * 10.0 ** generator.integers(-300, 300, 500) for _ in range(3))
    (found,) = parse_linear(linear_as_json([Linear(mean, scale, weight, float(weight[0]))]).encode(), "7", 500, 1)
    assert np.array_equal(found.mean, mean)
    assert np.array_equal(found.scale, scale)
    assert np.array_equal(found.weight, weight)
    assert found.intercept == weight[0]


def test_a_missing_value_adds_nothing() -> None:
    (model,) = parse_linear(json.dumps([GOOD]).encode(), "7", 2, 1)
    rows = np.array([[np.nan, 5], [2.5, np.nan]], np.float32)
    assert model.products(rows)[0].tolist() == [0, 3 * (4 / 1e300)]
    assert model.margin(rows)[1] == 0.125 - 0.25


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"[1]",
        b"\xff",
        b"[" * 100_000,
        *(
            json.dumps(models).encode()
            for models in (
                [GOOD, GOOD],
                [GOOD | {"mean": [0.5]}],
                [GOOD | {"weight": [[1, 2]]}],
                [GOOD | {"weight": ["1", 2]}],
                [GOOD | {"weight": [True, 2]}],
                [GOOD | {"weight": [None, 2]}],
                [GOOD | {"weight": [float("nan"), 2]}],
                [GOOD | {"weight": [10**400, 2]}],
                [GOOD | {"scale": [0, 1]}],
                [GOOD | {"intercept": float("inf")}],
                [GOOD | {"intercept": "1"}],
                [GOOD | {"more": 1}],
                [{name: value for name, value in GOOD.items() if name != "scale"}],
            )
        ),
    ],
)
def test_what_is_no_such_model_is_refused(content: bytes) -> None:
    with pytest.raises(BundleRefused, match="The linear model of bundle 7 cannot be read"):
        parse_linear(content, "7", 2, 1)
