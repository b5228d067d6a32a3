"""What the sections of this page share: what was found, what measures are called, how a figure is put on the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from tidegate.ui import session
from tidegate.ui.asking import look
from tidegate.ui.charts import curves
from tidegate.ui.charts.curves import Axis
from tidegate.ui.client import models
from tidegate.ui.client.renewals import Renewals
from tidegate.ui.plain import plain
from tidegate.ui.session import number, say

DECIDED = "models.decided"
BETTER_HIGH = ("pr_auc", "roc_auc", "f1", "precision", "recall", "accuracy", "composite")
BETTER_LOW = ("brier", "log_loss", "expected_calibration_error")


@dataclass(frozen=True)
class Seen:
    """What this run of the page found. `renewals` is None where they were never answered; `chosen`: versions to look at, none damaged."""

    versions: models.Versions
    renewals: Renewals | None
    chosen: tuple[models.Version, ...]


def card_of(version: str) -> models.Card | None:
    """The card of a version, or None where it could not be had."""
    return look(f"models.card.{version}", lambda: models.card(session.operating(), version))


def measure(name: str) -> str:
    """What a measure is called."""
    titles = {
        "pr_auc": "PR-AUC",
        "roc_auc": "ROC-AUC",
        "f1": "F1",
        "precision": say("Precision"),
        "recall": say("Recall"),
        "accuracy": say("Accuracy"),
        "composite": say("Composite score"),
        "brier": say("Brier score"),
        "log_loss": say("Log-loss"),
        "expected_calibration_error": say("Calibration error"),
    }
    return titles.get(name, name.replace("_", " "))


def share(title: str) -> Axis:
    """An axis of shares, the percent sign as the visit's language has it."""
    return curves.share(title, "\u00a0%" if session.is_french() else "%")


def bounded(value: float | None, low: float | None, high: float | None, digits: int = 3) -> str:
    """A number with its interval behind it."""
    if value is None or low is None or high is None:
        return number(value, digits)
    ends = number(low, digits), number(high, digits)
    between = f"{ends[0]}–{ends[1]}" if low >= 0 else say("{low} to {high}", low=ends[0], high=ends[1])
    return f"{number(value, digits)} ({between})"


def plain_name(name: str) -> str:
    """`logit_average` as people write it."""
    return name.replace("_", " ")


def kind(name: str) -> str:
    """What sort of model."""
    return {"baseline": say("baseline"), "tuned": say("tuned"), "ensemble": say("ensemble")}.get(name, name)


def draw(figure: Any, key: str) -> None:
    """Put a figure on the page, its numbers written as in the visit's language."""
    figure.update_layout(separators=session.separators())
    st.plotly_chart(figure, config={"displayModeBar": False}, key=key)


def listed(sentences: Iterable[str]) -> None:
    """Sentences of a card or an answer, one below the other; none of them is Markdown."""
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in sentences))


def in_english() -> None:
    """Where sentences follow that training wrote, in English, and the visit is in another language: say so."""
    if session.is_french():
        st.caption(say("The sentences below were written by the training, in English."))
