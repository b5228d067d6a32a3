"""The gates of a renewal: whether a challenger may replace the champion by itself. Pure.

What decides is evidence that the challenger was neither trained on nor chosen by. New labels may be wrong (mistakes, a campaign's effect,
somebody who wants it so), and a challenger that learned from wrong labels wins on wrong labels. So a gain on the reserved slice alone
promotes nobody: it takes an audit, customers whose label somebody checked. Why, and what was measured: docs/decisions/0019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tidegate.registry.evidence import (
    NAMES,
    Evidence,
    Name,
    agreement,
    brier_increase,
    champion_worsened,
    contradicted,
    flag_rate_change,
    pr_auc_gain,
    recall_loss,
    segment_groups,
    segment_positives,
)
from tidegate.registry.promote import Gate

Decision = Literal["promoted", "held", "refused"]
WAIVED = "_waived"
_WHERE = {"holdout": "the frozen holdout", "reserved": "the reserved slice", "audit": "the audit sample"}


@dataclass(frozen=True)
class GateLimits:
    """Limits of the gates; probabilities and shares between 0 and 1.

    `fewest_positives`: leavers on the holdout and on the slice, below which PR-AUC says little. `fewest_audit_positives`: half of it,
    because checking labels costs a person's time. `fewest_segment_positives`: in each group that holds at least
    `smallest_segment_share` of the customers, and in any whose recall is looked at. `largest_pr_auc_loss`: on the holdout, beyond noise,
    where a version with newer customers need not win. `largest_recall_loss`: of any group, beyond noise. `largest_flag_rate_change`:
    what a retention team can take. `largest_contradicted_share`: any contradiction between a label and its audit is for a person; 2 % of
    wrong labels show among 300 audited customers in 99.8 of 100 audits, but only if one is enough. `fewest_compared`: audited customers
    with an ordinary label; among 150, 2 % of wrong ones show in 95 of 100 audits. `least_agreement`: the largest chance of
    holding a renewal although slice and audit agree (an exact test). `least_worsening` in standard errors: 2.6 is two one-sided tests at
    0.5 %. `audit_required`: without it a challenger that wins on new labels and does not lose on the holdout is promoted without an audit.
    """

    fewest_positives: int = 50
    fewest_audit_positives: int = 25
    fewest_segment_positives: int = 20
    smallest_segment_share: float = 0.1
    largest_pr_auc_loss: float = 0.02
    largest_brier_increase: float = 0.005
    largest_recall_loss: float = 0.05
    largest_flag_rate_change: float = 0.1
    largest_latency_ratio: float = 2.0
    largest_parity: float = 1e-6
    fewest_compared: int = 150
    largest_contradicted_share: float = 0.0
    least_agreement: float = 0.01
    least_worsening: float = 2.6
    audit_required: bool = True


@dataclass(frozen=True)
class Verdict:
    """What becomes of a challenger, by which gates, and in sentences why."""

    decision: Decision
    gates: tuple[Gate, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _Finding:
    """A gate, what it says in words where it fails, and whether that asks a person (held) or ends it (refused)."""

    gate: Gate
    says: str
    asks: bool = False


def judge_challenger(
    evidence: Sequence[Evidence], latency_ratio: float | None, parity: float, limits: GateLimits | None = None, seed: int = 0
) -> Verdict:
    """Promoted where every gate passes, held where what failed is for a person to decide, else refused.

    `latency_ratio`: time of the challenger a row over the champion's; None was not measured, and is not taken for good. `parity`: largest
    difference between the probability trained and served. Raises ValueError for two pieces of evidence of one name.
    """
    limits = limits or GateLimits()
    given = {one.name: one for one in evidence}
    if len(given) != len(evidence):
        raise ValueError("two pieces of evidence have one name")
    enough = {name: one for name, one in given.items() if one.positives >= _fewest(name, limits) and one.positives < len(one.label)}
    new = [one for name, one in enough.items() if name != "holdout"]
    findings = [*_machine(latency_ratio, parity, limits), *_amounts(given, limits), *_segment_amounts(list(enough.values()), limits)]
    findings += _labels(enough, limits)
    changed = _world_changed(enough, limits)
    if "holdout" in enough:
        old = enough["holdout"]
        findings += _old_world([*_judged(old, limits, seed), *_segment_recall("holdout", [old], limits, asks=True)], changed)
    for one in new:
        findings += _judged(one, limits, seed)
    findings += _segment_recall("new", new, limits, asks=False)
    waived = any(finding.gate.name.endswith(WAIVED) for finding in findings)
    return _verdict(findings, changed if waived else None)


def _fewest(name: Name, limits: GateLimits) -> int:
    return limits.fewest_audit_positives if name == "audit" else limits.fewest_positives


def _machine(latency_ratio: float | None, parity: float, limits: GateLimits) -> list[_Finding]:
    """What needs no labels."""
    served = Gate("parity", parity, limits.largest_parity, parity <= limits.largest_parity)
    found = [_Finding(served, "what would be served is not what was trained")]
    if latency_ratio is None:
        return [*found, _Finding(Gate("latency_measured", 0.0, 1.0, False), "the time of an answer was not measured", asks=True)]
    slower = Gate("latency_ratio", latency_ratio, limits.largest_latency_ratio, latency_ratio <= limits.largest_latency_ratio)
    return [*found, _Finding(slower, "it takes longer to answer than the limit allows")]


def _amounts(given: dict[Name, Evidence], limits: GateLimits) -> list[_Finding]:
    """Whether there are enough leavers to judge by."""
    found = []
    for name in NAMES:
        if name == "audit" and name not in given and not limits.audit_required:
            continue
        count, fewest = given[name].positives if name in given else 0, _fewest(name, limits)
        passed = count >= fewest and count < len(given[name].label)
        absent = "there is no audit sample" if name == "audit" and name not in given else f"too few customers of {_WHERE[name]} left"
        found.append(_Finding(Gate(f"{name}_positives", count, fewest, passed), absent, asks=name != "reserved"))
    return found


def _judged(one: Evidence, limits: GateLimits, seed: int) -> list[_Finding]:
    """The gates on one piece of evidence: on the old world not to lose is enough, on the new one to win is asked."""
    where, old = _WHERE[one.name], one.name == "holdout"
    gain, increase, change = pr_auc_gain(one, seed), brier_increase(one), flag_rate_change(one)
    least = -limits.largest_pr_auc_loss if old else 0.0
    wins = gain.low >= least if old else gain.low > least
    said = f"it is not better than the champion on {where} beyond noise" if not old else f"it may be worse than the champion on {where}"
    return [
        _Finding(Gate(f"{one.name}_pr_auc_gain", gain.low, least, wins), said, asks=old),
        _Finding(
            Gate(f"{one.name}_brier_increase", increase, limits.largest_brier_increase, increase <= limits.largest_brier_increase),
            f"its probabilities are further from the truth on {where}",
            asks=old,
        ),
        _Finding(
            Gate(f"{one.name}_flag_rate_change", change, limits.largest_flag_rate_change, change <= limits.largest_flag_rate_change),
            f"it flags a very different number of customers on {where}",
            asks=True,
        ),
    ]


def _world_changed(enough: dict[Name, Evidence], limits: GateLimits) -> Gate | None:
    """Whether the audit proves that the world of the holdout is gone: the champion is worse on audited customers than it was there."""
    if "audit" not in enough or "holdout" not in enough:
        return None
    worse = champion_worsened(enough["holdout"], enough["audit"])
    return Gate("audit_shows_changed_world", worse, limits.least_worsening, worse >= limits.least_worsening)


def _old_world(judged: list[_Finding], changed: Gate | None) -> list[_Finding]:
    """The holdout's gates; where one fails and an audit proves that the world has changed they are waived, and say so."""
    if all(finding.gate.passed for finding in judged):
        return judged
    if changed is None or not changed.passed:
        proof = [_Finding(changed, "no audit shows that the world has changed since the holdout", asks=True)] if changed else []
        return [*judged, *proof]
    waived = [Gate(one.gate.name + ("" if one.gate.passed else WAIVED), one.gate.value, one.gate.limit, True) for one in judged]
    return [_Finding(changed, ""), *(_Finding(gate, "") for gate in waived)]


def _labels(enough: dict[Name, Evidence], limits: GateLimits) -> list[_Finding]:
    """Whether the labels that training learned from say what the audit says."""
    if "audit" not in enough:
        return []
    found, audit = [], enough["audit"]
    wrong, known = contradicted(audit)
    compared = Gate("audit_compared", known, limits.fewest_compared, known >= limits.fewest_compared)
    found.append(_Finding(compared, "too few audited customers have an ordinary label to compare", asks=True))
    if known:
        share = wrong / known
        gate = Gate("labels_agree_with_audit", share, limits.largest_contradicted_share, share <= limits.largest_contradicted_share)
        found.append(_Finding(gate, f"of {known:,} audited customers {wrong:,} have another ordinary label", asks=True))
    if "reserved" in enough:
        chance, least = agreement(enough["reserved"], audit), limits.least_agreement
        gate = Gate("reserved_agrees_with_audit", chance, least, chance >= least)
        found.append(_Finding(gate, "customers of the same score left more or less often in the slice than in the audit", asks=True))
    return found


def _segment_amounts(every: list[Evidence], limits: GateLimits) -> list[_Finding]:
    """Whether enough left in every group that is large enough to ask it of."""
    groups = segment_groups(every, limits.smallest_segment_share)
    if not groups:
        return []
    fewest, (column, _) = min(((segment_positives(every, *group), group) for group in groups), key=lambda pair: pair[0])
    least = limits.fewest_segment_positives
    return [_Finding(Gate("segment_positives", fewest, least, fewest >= least), f"too few left in a group of {column}", asks=True)]


def _segment_recall(name: str, among: list[Evidence], limits: GateLimits, asks: bool) -> list[_Finding]:
    """Recall in each group of which enough left, however small it is, and of these the worst."""
    groups = [group for group in segment_groups(among, 0.0) if segment_positives(among, *group) >= limits.fewest_segment_positives]
    if not groups:
        return []
    losses = [(recall_loss(among, *group), group[0]) for group in groups]
    (worst, loss), column = max(losses, key=lambda pair: pair[0][1])
    gate = Gate(f"{name}_segment_recall_loss", loss, limits.largest_recall_loss, loss <= limits.largest_recall_loss)
    return [_Finding(gate, f"in a group of {column} it misses {worst:.0%} more of those who left", asks)]


def _verdict(findings: list[_Finding], changed: Gate | None) -> Verdict:
    failed = [finding for finding in findings if not finding.gate.passed]
    gates = tuple(finding.gate for finding in findings)
    if failed:
        ended = [finding for finding in failed if not finding.asks]
        sentences = tuple(_sentence(finding) for finding in (*ended, *(one for one in failed if one.asks)))
        return Verdict("refused" if ended else "held", gates, sentences)
    won = [gate for gate in gates if gate.name in ("audit_pr_auc_gain", "reserved_pr_auc_gain")]
    reasons = [f"Gate {gate.name}: it is better than the champion by at least {gate.value:.3f}." for gate in won[::-1]]
    if changed is not None:
        reasons.append(
            f"Gate {changed.name}: the champion is worse on the audit than on the holdout by {changed.value:.1f} standard errors, so the "
            "holdout's gates are waived."
        )
    return Verdict("promoted", gates, tuple(reasons))


def _sentence(finding: _Finding) -> str:
    gate = finding.gate
    return f"Gate {gate.name}: {finding.says} ({gate.value:.4g}, limit {gate.limit:.4g})."
