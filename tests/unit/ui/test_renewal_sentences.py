"""Why a renewal was asked for and how it was decided, and why a row was refused, as they are really written: in French."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tidegate.customers.contract import compile_contract
from tidegate.customers.spec import load_spec
from tidegate.monitoring.alerts.conditions import Places, decided_renewal
from tidegate.registry.gates import Verdict
from tidegate.renewal.policy import Triggers, decide
from tidegate.renewal.window import choose_window, weighted
from tidegate.ui.known import PARTS
from tidegate.ui.sentences import retold
from tidegate.ui.words import french
from unit.registry.test_gates import FAULTS, after_a_change, good, judged

ENGLISH = re.compile(
    r"\b(the|of|than|and|with|customers?|left|gate|batch|features?|more|learned|expected|found|number|nothing|list|object|drawn)\b", re.I
)


def verdicts() -> list[Verdict]:
    found = [judged(good()), judged(after_a_change()), judged(good(), 2.1), judged(good(), None), judged(good(), parity=1e-5)]
    for spoil, _ in FAULTS.values():
        evidence = good()
        spoil(evidence)
        found.append(judged(evidence))
    without = good()
    del without["audit"]
    return [*found, judged(without)]


def asked() -> list[str]:
    fallen = {"metrics": {"roc_auc": {"value": 0.7, "low": 0.6, "high": 0.72}}, "roc_auc": {"value": 0.7, "low": 0.6, "high": 0.72}}
    fallen |= {"roc_auc_drop": 0.2, "enough": True, "trusted": True}
    said = [
        *decide({"batch": "b7", "data_stability": "FAIL"}, Triggers()).reasons,
        *decide({"batch": "b7", "drifted_features": ["age"]}, Triggers()).reasons,
        *decide({"batch": "b7", "drifted_features": list("abcdefghijklmn"), "realised": fallen, "estimated": fallen}, Triggers()).reasons,
    ]
    assert len(said) == 5
    return said


def windows() -> list[str]:
    chance = np.random.default_rng(1)
    old, new = chance.normal(size=(1_000, 3)).astype(np.float32), chance.normal(size=(600, 3)).astype(np.float32)
    label = (chance.random(1_000) < 0.5).astype(np.int8)
    by_the_first = (new[:, 0] > 0).astype(np.int8)
    reasons = [choose_window(old, label, new, by_the_first, rule, 1).reason for rule in ("all", "new", "auto")]
    reasons.append(weighted(choose_window(old, label, new, by_the_first, "all", 1), 0.25, 1).reason)
    reasons.append(choose_window(old, (old[:, 0] > 0).astype(np.int8), new, by_the_first, "auto", 1).reason)
    reasons.append(choose_window(old, label, new[:50], by_the_first[:50], "auto", 1).reason)
    assert len(set(reasons)) == 6
    return [f"{one[0].upper()}{one[1:]}." for one in reasons]


def refusals() -> list[str]:
    from tidegate.serving.service import judge

    class Serving:
        contract = compile_contract(load_spec("bank"))

    row = {column.name: (column.levels[0] if column.levels else 1) for column in Serving.contract.spec.feature_columns}
    spoilt = [{**row, name: value} for name in row for value in (None, "x", -1e300, 0.5, [], True)]
    said = [one.detail for one in judge(Serving, [*spoilt, {**row, "avg_open_to_buy": 9e9}])[2]]  # type: ignore[arg-type]
    assert len(said) > 40
    return said


def test_each_reason_of_each_gate_is_said_in_french() -> None:
    reasons = sorted({reason for verdict in verdicts() for reason in verdict.reasons})
    assert len(reasons) > 15
    for reason in reasons:
        assert not ENGLISH.search(re.sub(r"\w*_\w*", "", retold(reason, "fr"))), retold(reason, "fr")
        assert retold(reason, "en") == reason


@pytest.mark.parametrize("sentences", [asked, windows])
def test_why_it_was_asked_for_and_what_it_learned_from_is_said_in_french(sentences: object) -> None:
    for reason in sentences():  # type: ignore[operator]
        assert not ENGLISH.search(retold(reason, "fr")), retold(reason, "fr")


def test_an_alert_of_several_sentences_is_said_in_french() -> None:
    alert = decided_renewal("1", "held", judged(after_a_change()).reasons, "", Places())
    assert not ENGLISH.search(re.sub(r"\w*_\w*", "", retold(alert.detail, "fr"))), retold(alert.detail, "fr")
    assert retold("Something new. It is unknown.", "fr") == "Something new. It is unknown."


def test_a_refused_value_is_said_in_french() -> None:
    for detail in refusals():
        said = retold(detail, "fr")
        assert said != detail
        assert not ENGLISH.search(re.sub(r"\w*_\w*|l’une de.* ;", "", said)), said


def test_every_part_has_its_french() -> None:
    assert sorted({said for parts in PARTS.values() for said in parts.values()} - set(french())) == []
