"""The gates of a renewal in words: what each asks, with its value and limit, and whether it passed, by sign and word."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from tidegate.ui.client.renewals import Gate
from tidegate.ui.session import number, say

_WAIVED = "_waived"
_SMALLEST_PLAIN, _SMALLEST_SAID = 1e-3, 1e-9


def show(gates: Sequence[Gate], key: str) -> None:
    """A table, those that failed first."""
    ordered = sorted(gates, key=lambda gate: gate.passed)
    st.dataframe(
        [
            {
                say("Passed"): _verdict(gate),
                say("Value"): _figure(gate.value),
                say("Limit"): _figure(gate.limit),
                say("What it asks"): title(gate.name.removesuffix(_WAIVED)),
                say("Gate"): gate.name,
            }
            for gate in ordered
        ],
        hide_index=True,
        key=key,
        height="content",
    )


def _verdict(gate: Gate) -> str:
    if not gate.passed:
        return say("✗ failed")
    return say("~ waived: the world changed") if gate.name.endswith(_WAIVED) else say("✓ passed")


def _figure(value: float | None) -> str:
    if value is None:
        return number(None)
    if float(value).is_integer():
        return number(value)
    if abs(value) < _SMALLEST_SAID:
        return number(0.0)
    return number(value, 3 if abs(value) >= _SMALLEST_PLAIN else -math.floor(math.log10(abs(value))))


def title(name: str) -> str:
    """What a gate asks; one that this page does not know keeps its name."""
    return {**_of_everything(), **_of_each("holdout"), **_of_each("reserved"), **_of_each("audit")}.get(name, name.replace("_", " "))


def _of_everything() -> dict[str, str]:
    return {
        "parity": say("Served and trained probabilities differ, at most"),
        "latency_measured": say("The time of an answer was measured"),
        "latency_ratio": say("Time of an answer, times the champion’s, at most"),
        "segment_positives": say("Leavers in the smallest large group, at least"),
        "audit_compared": say("Audited customers with an ordinary label, at least"),
        "labels_agree_with_audit": say("Audited customers whose ordinary label says something else, at most"),
        "reserved_agrees_with_audit": say("Chance of this difference between slice and audit, at least"),
        "audit_shows_changed_world": say("Champion worse on the audit than on the holdout, standard errors, at least"),
        "holdout_segment_recall_loss": say("Recall lost in any group, on the frozen holdout, at most"),
        "new_segment_recall_loss": say("Recall lost in any group, on new customers, at most"),
        "replay_errors": say("Customers of the newest batch without a probability, at most"),
    }


def _of_each(where: str) -> dict[str, str]:
    place = {"holdout": say("frozen holdout"), "reserved": say("reserved slice"), "audit": say("audit sample")}[where]
    return {
        f"{where}_positives": say("Leavers in the {place}, at least", place=place),
        f"{where}_pr_auc_gain": say("PR-AUC gained on the {place}, noise included, at least", place=place),
        f"{where}_brier_increase": say("Brier score worse on the {place}, at most", place=place),
        f"{where}_flag_rate_change": say("Share flagged changed on the {place}, at most", place=place),
    }
