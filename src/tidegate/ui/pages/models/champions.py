"""Who was champion when, and everything that became of versions: when, by whom, why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from tidegate.ui.asking import look
from tidegate.ui.charts import models as charts
from tidegate.ui.client import models
from tidegate.ui.client.models import Event, Reign
from tidegate.ui.pages.models.seen import Seen, draw
from tidegate.ui.session import moment, number, operating, say


def show(_: Seen) -> None:
    """The section."""
    found = look("models.history", lambda: models.history(operating()))
    if found is None:
        return
    for warning in found.warnings:
        st.warning(warning)
    st.subheader(say("Champions in turn"))
    if found.reigns:
        _reigns(found.reigns)
    else:
        st.info(say("No version was champion yet."), icon=":material/hourglass_empty:")
    st.subheader(say("What became of versions"))
    if not found.events:
        st.info(say("Nothing was trained or promoted in this home yet."), icon=":material/hourglass_empty:")
        return
    st.dataframe([_event(one) for one in found.events], hide_index=True, key="models.history.events", column_config=_wide_reason())
    if len(found.events) >= models.MOST_EVENTS:
        st.caption(say("The newest {count} are shown; tidegate history has all.", count=number(models.MOST_EVENTS)))


def _reigns(reigns: Sequence[Reign]) -> None:
    now = datetime.now(UTC).isoformat()
    spans = [
        (say("Version {version}", version=one.version), one.since, one.until or now, f"{moment(one.since)} – {_until(one)}")
        for one in reigns
    ]
    draw(charts.reigns(spans, say("time (UTC)")), "models.history.reigns")
    st.dataframe(
        [
            {
                say("Version"): f"★ {one.version}" if one.until is None else one.version,
                say("From"): moment(one.since),
                say("To"): _until(one),
                say("By whom"): one.by,
                say("Why"): one.reason,
            }
            for one in reigns
        ],
        hide_index=True,
        key="models.history.table",
        column_config=_wide_reason(),
    )


def _until(one: Reign) -> str:
    return moment(one.until) if one.until else say("today")


def _wide_reason() -> dict[str, Any]:
    return {say("Why"): st.column_config.TextColumn(width="large")}


def _event(one: Event) -> dict[str, str]:
    words = {
        "trained": say("trained"),
        "promoted": say("promoted"),
        "rolled back": say("rolled back to"),
        "refused": say("refused"),
    }
    return {
        say("When"): moment(one.at),
        say("What"): words.get(one.what, one.what),
        say("Version"): one.version,
        say("Instead of"): one.instead_of or number(None),
        say("By whom"): one.who,
        say("Why"): one.reason,
    }
