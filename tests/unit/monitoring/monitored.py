"""Made-up customers for tests of monitoring: a reference and a batch, with a level that attacks every page it is written into."""

from __future__ import annotations

import numpy as np

from tidegate.customers.kept_rows import BATCH, HOLDOUT, TRAIN, KeptRows
from tidegate.customers.rows import MISSING_LEVEL, OTHER_LEVEL, Rows
from tidegate.customers.spec import TableSpec, parse_spec

HOSTILE = "</script><script>document.title='owned'</script>"
VERDICT = ("Tidegate's verdict on this batch: FAIL.", f"Data PASS, columns FAIL. 1 drifted feature: a{HOSTILE}.")
SPEC = f"""
name = "t"
[columns.age]
kind = "number"
nullable = true
[columns.visits]
kind = "integer"
[columns.nothing]
kind = "number"
nullable = true
[columns.plan]
kind = "category"
levels = ["basic", "gold", "{HOSTILE}"]
unknown = "other"
nullable = true
"""


def spec() -> TableSpec:
    return parse_spec(SPEC)


def kept(count: int, part: str = BATCH, shift: float = 0.0, known: float = 1.0, seed: int = 0) -> KeptRows:
    """`count` customers, `shift` years older, of whom a share `known` has a label; one column has no value at all."""
    generator = np.random.default_rng(seed)
    age = generator.normal(40 + shift, 10, count)
    age[::17] = np.nan
    numbers = np.array([age, generator.integers(0, 4, count).astype(float), np.full(count, np.nan)])
    codes = generator.choice([0, 1, 2, OTHER_LEVEL, MISSING_LEVEL], count, p=[0.4, 0.3, 0.2, 0.05, 0.05]).astype(np.int32)
    probability = generator.beta(1, 4, count)
    label = np.where(generator.random(count) < known, generator.random(count) < probability, -1).astype(np.int8)
    parts = np.array([part] * count, object)
    if part == TRAIN:
        parts[: count // 4] = HOLDOUT
    ids = np.array([f"PERSON-{number}" for number in range(count)], object)
    return KeptRows(Rows(numbers, codes[None, :]), ids, label, parts, probability, {"digest": "d"})
