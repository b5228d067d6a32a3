"""Every gate can fail, names itself where it does, and nobody is promoted without evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tidegate.registry.evidence import Evidence, Name
from tidegate.registry.gates import GateLimits, Verdict, judge_challenger

GROUPS = np.array(["low", "middle", "high"], object)
AMOUNTS: dict[Name, int] = {"holdout": 1_500, "reserved": 900, "audit": 400}


def scores(truth: np.ndarray, blur: float, chance: np.random.Generator) -> np.ndarray:
    return 1 / (1 + np.exp(-(truth + blur * chance.normal(size=len(truth)))))


def piece(name: Name, seed: int = 1, champion: float = 4.0, challenger: float = 0.3, count: int | None = None) -> Evidence:
    """Customers of whom both versions see the log-odds blurred, each as much as said."""
    chance = np.random.default_rng((seed, len(name)))
    truth = chance.normal(-2.5, 2.5, AMOUNTS[name] if count is None else count)
    label = (chance.random(len(truth)) < 1 / (1 + np.exp(-truth))).astype(np.int8)
    groups = {"income": GROUPS[chance.integers(0, 3, len(truth))]}
    ordinary = label.copy() if name == "audit" else None
    return Evidence(name, label, scores(truth, champion, chance), scores(truth, challenger, chance), 0.5, 0.5, groups, ordinary)


def good() -> dict[Name, Evidence]:
    return {name: piece(name) for name in AMOUNTS}


def judged(evidence: dict[Name, Evidence], ratio: float | None = 1.0, parity: float = 0.0, limits: GateLimits | None = None) -> Verdict:
    return judge_challenger(list(evidence.values()), ratio, parity, limits)


def failed(verdict: Verdict) -> set[str]:
    return {gate.name for gate in verdict.gates if not gate.passed}


def test_who_is_better_everywhere_is_promoted() -> None:
    verdict = judged(good())
    assert (verdict.decision, failed(verdict)) == ("promoted", set())
    assert any("audit_pr_auc_gain" in reason for reason in verdict.reasons)


def test_without_an_audit_it_is_held_unless_none_is_asked_for() -> None:
    evidence = good()
    del evidence["audit"]
    verdict = judged(evidence)
    assert (verdict.decision, failed(verdict)) == ("held", {"audit_positives"})
    assert "there is no audit sample" in verdict.reasons[0]
    assert judged(evidence, limits=GateLimits(audit_required=False)).decision == "promoted"


def with_wrong(evidence: dict[Name, Evidence], count: int) -> None:
    audit = evidence["audit"]
    ordinary = audit.label.copy()
    ordinary[:count] = 1 - ordinary[:count]
    evidence["audit"] = replace(audit, ordinary=ordinary)


def with_few(evidence: dict[Name, Evidence], name: Name) -> None:
    evidence[name] = piece(name, count=60)


def mistaken_in_a_group(one: Evidence) -> Evidence:
    low = one.segments["income"] == "low"
    return replace(one, champion=np.where(low & (one.label == 1), 0.9, one.champion), challenger=np.where(low, 0.01, one.challenger))


def with_lost_group(evidence: dict[Name, Evidence]) -> None:
    for name in ("reserved", "audit"):
        evidence[name] = mistaken_in_a_group(evidence[name])


def with_saved(evidence: dict[Name, Evidence]) -> None:
    reserved = evidence["reserved"]
    top = reserved.champion >= np.quantile(reserved.champion, 0.6)
    half = np.random.default_rng(3).random(len(top)) < 0.7
    evidence["reserved"] = replace(reserved, label=np.where(top & half, 0, reserved.label).astype(np.int8))


FAULTS: dict[str, tuple[Callable[[dict[Name, Evidence]], None], str]] = {
    "holdout_positives": (lambda e: with_few(e, "holdout"), "held"),
    "reserved_positives": (lambda e: with_few(e, "reserved"), "refused"),
    "audit_positives": (lambda e: with_few(e, "audit"), "held"),
    "audit_compared": (lambda e: e.update(audit=replace(e["audit"], ordinary=None)), "held"),
    "labels_agree_with_audit": (lambda e: with_wrong(e, 1), "held"),
    "reserved_agrees_with_audit": (with_saved, "held"),
    "holdout_pr_auc_gain": (lambda e: e.update(holdout=piece("holdout", challenger=9.0)), "held"),
    "holdout_brier_increase": (lambda e: e.update(holdout=piece("holdout", challenger=9.0)), "held"),
    "holdout_segment_recall_loss": (lambda e: e.update(holdout=mistaken_in_a_group(e["holdout"])), "held"),
    "reserved_pr_auc_gain": (lambda e: e.update(reserved=piece("reserved", champion=0.3)), "refused"),
    "audit_pr_auc_gain": (lambda e: e.update(audit=piece("audit", champion=0.3)), "refused"),
    "audit_brier_increase": (lambda e: e.update(audit=piece("audit", champion=0.3, challenger=4.0)), "refused"),
    "reserved_brier_increase": (lambda e: e.update(reserved=replace(e["reserved"], challenger=e["reserved"].challenger ** 0.1)), "refused"),
    "new_segment_recall_loss": (with_lost_group, "refused"),
    "audit_flag_rate_change": (lambda e: e.update(audit=replace(e["audit"], challenger_threshold=0.0)), "held"),
    "segment_positives": (
        lambda e: e.update(reserved=replace(e["reserved"], segments={"income": np.where(e["reserved"].label == 1, "stray", "calm")})),
        "held",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_gate_can_fail_and_is_named(name: str) -> None:
    spoil, decision = FAULTS[name]
    evidence = good()
    spoil(evidence)
    verdict = judged(evidence)
    assert name in failed(verdict)
    assert any(f"Gate {name}:" in reason for reason in verdict.reasons)
    if decision == "refused":
        assert verdict.decision == "refused"
    else:
        assert verdict.decision != "promoted"


@pytest.mark.parametrize(
    ("ratio", "parity", "name", "decision"),
    [(2.1, 0.0, "latency_ratio", "refused"), (None, 0.0, "latency_measured", "held"), (1.0, 1e-5, "parity", "refused")],
)
def test_the_machine_has_gates_too(ratio: float | None, parity: float, name: str, decision: str) -> None:
    verdict = judged(good(), ratio, parity)
    assert (failed(verdict), verdict.decision) == ({name}, decision)


def after_a_change() -> dict[Name, Evidence]:
    """The champion knows the world of the holdout and nothing of the new one; the challenger the other way round."""
    evidence = {"holdout": piece("holdout", champion=0.3, challenger=5.0)}
    return {**evidence, "reserved": piece("reserved", champion=5.0), "audit": piece("audit", champion=5.0)}


def test_an_audit_that_shows_a_changed_world_waives_the_holdout_and_says_so() -> None:
    verdict = judged(after_a_change())
    assert verdict.decision == "promoted"
    names = {gate.name: gate.passed for gate in verdict.gates}
    assert names["audit_shows_changed_world"]
    assert names["holdout_pr_auc_gain_waived"]
    assert "holdout_pr_auc_gain" not in names
    assert any("waived" in reason for reason in verdict.reasons)


def test_without_an_audit_who_wins_only_on_new_labels_is_held() -> None:
    evidence = after_a_change()
    del evidence["audit"]
    for limits in (GateLimits(), GateLimits(audit_required=False)):
        verdict = judged(evidence, limits=limits)
        assert verdict.decision == "held"
        assert "holdout_pr_auc_gain" in failed(verdict)


def test_an_audit_on_which_the_champion_is_as_good_as_ever_waives_nothing() -> None:
    evidence = {**good(), "holdout": piece("holdout", champion=4.0, challenger=9.0)}
    verdict = judged(evidence)
    assert verdict.decision == "held"
    assert {"audit_shows_changed_world", "holdout_pr_auc_gain"} <= failed(verdict)


def test_who_wins_on_the_slice_and_not_on_the_audit_is_refused() -> None:
    verdict = judged({**after_a_change(), "audit": piece("audit", champion=0.3, challenger=5.0)})
    assert verdict.decision == "refused"
    assert "Gate audit_pr_auc_gain" in verdict.reasons[0]


def test_a_single_contradiction_is_for_a_person_unless_the_limit_says_otherwise() -> None:
    evidence = good()
    with_wrong(evidence, 1)
    assert judged(evidence).decision == "held"
    assert judged(evidence, limits=GateLimits(largest_contradicted_share=0.01)).decision == "promoted"


@pytest.mark.parametrize("value", [2, -1])
def test_labels_that_are_not_known_are_no_evidence(value: int) -> None:
    one = piece("reserved")
    label = one.label.copy()
    label[0] = value
    with pytest.raises(ValueError, match="neither 0 nor 1"):
        replace(one, label=label)


@pytest.mark.parametrize("value", [np.nan, 1.5])
def test_probabilities_that_are_none_are_no_evidence(value: float) -> None:
    one = piece("reserved")
    challenger = one.challenger.copy()
    challenger[0] = value
    with pytest.raises(ValueError, match="not between 0 and 1"):
        replace(one, challenger=challenger)
    with pytest.raises(ValueError, match="differ in length"):
        replace(one, challenger=challenger[1:])
    with pytest.raises(ValueError, match="one name"):
        judge_challenger([one, one], 1.0, 0.0)
