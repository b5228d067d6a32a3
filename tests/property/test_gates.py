"""Whatever the numbers are: without enough evidence of each kind nobody is promoted, and every verdict can be written down."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.registry.evidence import NAMES, Evidence
from tidegate.registry.gates import GateLimits, judge_challenger

LIMITS = GateLimits()
FEWEST = {"holdout": LIMITS.fewest_positives, "reserved": LIMITS.fewest_positives, "audit": LIMITS.fewest_audit_positives}


@st.composite
def pieces(draw: st.DrawFn) -> list[Evidence]:
    found = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True)):
        count, seed = draw(st.integers(0, 300)), draw(st.integers(0, 2**32 - 1))
        chance = np.random.default_rng(seed)
        label = (chance.random(count) < draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))).astype(np.int8)
        flat = draw(st.booleans())
        champion = np.full(count, 0.5) if flat else chance.random(count)
        challenger = np.clip(label * 0.9 + 0.05 * chance.random(count), 0, 1) if draw(st.booleans()) else chance.random(count)
        ordinary = draw(st.sampled_from([None, label, np.full(count, -1, np.int8)]))
        groups = {"a": chance.integers(0, 4, count)} if draw(st.booleans()) else {}
        found.append(Evidence(name, label, champion, challenger, 0.5, draw(st.sampled_from([0.0, 0.5, 1.0])), groups, ordinary))
    return found


@settings(deadline=None, derandomize=True, max_examples=60)
@given(pieces(), st.one_of(st.none(), st.floats(0, 5)), st.floats(0, 1e-5))
def test_no_evidence_no_promotion(evidence: list[Evidence], ratio: float | None, parity: float) -> None:
    verdict = judge_challenger(evidence, ratio, parity, LIMITS, 1)
    enough = {one.name for one in evidence if FEWEST[one.name] <= one.positives < len(one.label)}
    if enough != set(NAMES) or ratio is None:
        assert verdict.decision != "promoted"
    assert (verdict.decision == "promoted") == all(gate.passed for gate in verdict.gates)
    assert verdict.reasons
    json.dumps([asdict(gate) for gate in verdict.gates], allow_nan=False)
