"""How one or two versions treat groups of customers at the operating threshold."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any

import streamlit as st

from tidegate.ui.charts import models as charts
from tidegate.ui.charts.models import Dot
from tidegate.ui.pages.models.seen import Seen, card_of, draw, in_english, listed, measure, share
from tidegate.ui.session import number, percent, say

_RATES = ("recall", "false_positive_rate")


def show(seen: Seen) -> None:
    """The section."""
    if not seen.chosen:
        st.info(say("Choose a version above to see more of it."), icon=":material/touch_app:")
        return
    cards = {one.version: card_of(one.version) for one in seen.chosen}
    parts = {
        version: card.document["segments"] for version, card in cards.items() if card and card.document and card.document.get("segments")
    }
    for version in cards:
        if version not in parts and cards[version] is not None:
            st.info(say("Version {version} was not judged by groups: its spec names no segments.", version=version), icon=":material/help:")
    if not parts:
        return
    columns = list(dict.fromkeys(group["column"] for part in parts.values() for group in part["groups"]))
    column = st.selectbox(say("Groups by"), columns, format_func=lambda name: name.replace("_", " "), key="models.groups.column")
    picked = {version: [group for group in part["groups"] if group["column"] == column] for version, part in parts.items()}
    _rates(picked)
    st.dataframe(
        [_row(version, group) for version, groups in picked.items() for group in groups], hide_index=True, key="models.groups.table"
    )
    st.caption(say("At the operating threshold, on customers held out. Open signs and notes: too few customers to judge."))
    _notes(parts)


def _rates(picked: dict[str, list[dict[str, Any]]]) -> None:
    titles = {"recall": say("Flagged, of those who left (recall)"), "false_positive_rate": say("Flagged, of those who stayed")}
    for place, name in zip(st.columns(2), _RATES, strict=True):
        series = [
            (say("Version {version}", version=version), [_dot(group, group[name]) for group in groups if group.get(name)])
            for version, groups in picked.items()
        ]
        with place:
            if any(dots for _, dots in series):
                draw(charts.whiskers(series, replace(share(titles[name]), range=None)), f"models.groups.{name}")


def _dot(group: dict[str, Any], rate: dict[str, float]) -> Dot:
    """A group's name comes from a table: no HTML in a picture."""
    return Dot(html.escape(group["group"], False), rate["value"], rate["low"], rate["high"], not group.get("note"))


def _row(version: str, group: dict[str, Any]) -> dict[str, Any]:
    return {
        say("Version"): version,
        say("Group"): group["group"],
        say("Customers"): number(group["customers"]),
        say("Left"): number(group["left"]),
        say("Left, share"): percent(group["base_rate"]),
        say("Mean probability"): percent(group["mean_probability"]),
        say("Flagged, of all"): percent(group["selection_rate"]),
        say("Recall"): _rate(group.get("recall")),
        say("False-positive rate"): _rate(group.get("false_positive_rate")),
        say("Precision"): percent(group.get("precision")),
        measure("roc_auc"): number(group.get("roc_auc"), 3),
        **({say("Note"): say("too few to judge")} if group.get("note") else {}),
    }


def _rate(found: dict[str, float] | None) -> str:
    if found is None:
        return percent(None)
    return f"{percent(found['value'])} ({percent(found['low'])}–{percent(found['high'])})"


def _notes(parts: dict[str, Any]) -> None:
    noted = {version: part["notes"] for version, part in parts.items() if part.get("notes")}
    if not noted:
        return
    st.markdown(f"**{say('Largest differences between groups')}**")
    in_english()
    listed(f"{say('Version {version}', version=version)} · {sentence}" for version, sentences in noted.items() for sentence in sentences)
