"""Linear models of a bundle: what training writes to `model.json`, and what scores and reasons read there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FiniteFloat, TypeAdapter

from tidegate.errors import BundleRefused
from tidegate.features import Matrix

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Linear:
    """A linear model on standardised features: mean, scale and weight a feature, float64 (f,), and the intercept."""

    mean: Floats
    scale: Floats
    weight: Floats
    intercept: float

    def products(self, matrix: Matrix) -> Floats:
        """Weight × standardised value, float32 (n, f) → float64 (n, f); 0 where a value is missing."""
        return standardised(matrix, self.mean, self.scale) * self.weight

    def margin(self, matrix: Matrix) -> Floats:
        """Log-odds, float32 (n, f) → float64 (n,). A row's do not depend on the rows beside it."""
        return self.intercept + fixed_order_sum(self.products(matrix))


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    mean: list[FiniteFloat]
    scale: list[FiniteFloat]
    weight: list[FiniteFloat]
    intercept: FiniteFloat

    def fits(self, features: int) -> bool:
        return {len(self.mean), len(self.scale), len(self.weight)} == {features} and 0 not in self.scale


_MODELS = TypeAdapter(list[_Written])


def linear_as_json(models: Sequence[Linear]) -> str:
    """The content of `model.json`: JSON keeps every bit of a double."""
    names = ("mean", "scale", "weight")
    return json.dumps([{**{name: getattr(one, name).tolist() for name in names}, "intercept": one.intercept} for one in models])


def parse_linear(content: bytes, bundle: str, features: int, members: int) -> list[Linear]:
    """The models in a `model.json`; `bundle` names it in the refusal. Raises BundleRefused where they are not so many models on so many
    features, or no numbers.
    """
    try:
        written = _MODELS.validate_python(json.loads(content))
        if len(written) != members or not all(one.fits(features) for one in written):
            raise ValueError("other models")
    except (ValueError, RecursionError):
        raise BundleRefused(f"The linear model of bundle {bundle} cannot be read.", "Train again.") from None
    return [Linear(_floats(one.mean), _floats(one.scale), _floats(one.weight), one.intercept) for one in written]


def _floats(numbers: list[float]) -> Floats:
    return np.array(numbers, np.float64)


def standardised(matrix: Matrix, mean: Floats, scale: Floats) -> Floats:
    """(x − mean) / scale in double precision, 0 where missing: what linear models are trained and served on."""
    values: Floats = (matrix.astype(np.float64) - mean) / scale
    values[np.isnan(values)] = 0.0
    return values


def fixed_order_sum(products: Floats) -> Floats:
    """Row sums (n,) of (n, f), added from the first column to the last whatever the batch size."""
    return np.ascontiguousarray(np.cumsum(products, axis=1)[:, -1])
