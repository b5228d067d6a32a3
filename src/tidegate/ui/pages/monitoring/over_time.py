"""What moved when: each feature's drift and the champion's ROC-AUC, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from tidegate.ui import session
from tidegate.ui.charts import monitoring as charts
from tidegate.ui.charts.monitoring import Level, Mark, Spot, unmarked
from tidegate.ui.client.details import Area
from tidegate.ui.client.trends import Feature, Moment, Performance, trends
from tidegate.ui.pages.monitoring import words
from tidegate.ui.plain import plain
from tidegate.ui.session import Reading, moment, number, operating, say

_COUNTS, _USUAL = (12, 24, 50, 100), 24
_MOST_LINES, _FIRST_LINES, _MOST_ROWS = 6, 4, 25


def show(read: Reading, some: bool) -> None:
    """The pictures; `some`: there are batches."""
    if not some:
        st.info(say("Nothing to compare over time yet: monitor batches first."), icon=":material/timeline:")
        return
    count = st.segmented_control(say("Newest batches"), _COUNTS, default=_USUAL, key="monitoring.count", required=True)
    found = read(f"monitoring.trends.{count}", lambda: trends(operating(), int(count or _USUAL)))
    if found is None:
        return
    _drift(found.moments)
    _performance(found.performance)


def _drift(moments: Sequence[Moment]) -> None:
    st.subheader(say("Drift of each feature"))
    names = _by_movement(moments)
    damaged = plain(", ".join(one.folder for one in moments if one.damaged))
    if damaged:
        st.warning(say("Left empty, because their files are damaged: {names}.", names=damaged), icon=":material/broken_image:")
    if not names:
        st.info(say("No batch has columns that were compared."), icon=":material/table_rows_narrow:")
        return
    batches = [one.folder for one in moments]
    axis = say("effect as a multiple of its limit")
    chosen = st.multiselect(
        say("Features"),
        names,
        default=names[:_FIRST_LINES],
        max_selections=_MOST_LINES,
        key="monitoring.features",
        placeholder=say("Choose"),
        help=say("At most six at once; those that moved most come first"),
    )
    if chosen:
        lines = {name: [_mark(one, name) for one in moments] for name in chosen}
        _draw(charts.effect_lines(batches, lines, say("limit"), axis), "monitoring.lines")
        st.caption(say("Filled marks have drifted: the effect reaches its limit and chance does not explain it. Oldest batch on the left."))
    every = len(names) > _MOST_ROWS and st.toggle(say("All {count} features", count=number(len(names))), key="monitoring.all")
    rows = names if every else names[:_MOST_ROWS]
    heat = charts.heat_map(batches, {name: [_mark(one, name) for one in moments] for name in rows}, axis)
    _draw(heat, "monitoring.heat")
    st.caption(say("The darker, the further from the customers that the champion learned from. ✕: drifted. ?: the run’s file is damaged."))


def _draw(figure: Any, key: str) -> None:
    """Numbers along the axes as the language writes them."""
    figure.update_layout(separators=session.separators())
    st.plotly_chart(figure, config={"displayModeBar": False}, key=key)


def _by_movement(moments: Sequence[Moment]) -> list[str]:
    """Names of all features, those first that once moved most."""
    most: dict[str, float] = {}
    for one in moments:
        for name, feature in one.features.items():
            most[name] = max(most.get(name, 0.0), feature.times_limit or 0.0)
    return sorted(most, key=lambda name: (-most[name], name))


def _mark(one: Moment, name: str) -> Mark:
    feature = one.features.get(name)
    if feature is None:
        return Mark(None, False, "?" if one.damaged else "", f"{unmarked(one.folder)}<br>{unmarked(name)}")
    times = number(feature.times_limit, 1)
    return Mark(feature.times_limit, feature.drifted, f"{times} {words.DRIFTED}" if feature.drifted else times, _told(one, name, feature))


def _told(one: Moment, name: str, feature: Feature) -> str:
    verdict = f"{words.DRIFTED} {say('drifted')}" if feature.drifted else say("not drifted")
    return "<br>".join(
        (
            f"<b>{unmarked(name)}</b>: {verdict}",
            f"{unmarked(one.folder)}, {moment(one.at)}",
            f"{words.effect(feature.effect)} {number(feature.value, 3)}, {say('limit')} {number(feature.limit, 3)}",
            f"{say('p, adjusted')} {words.chance(feature.adjusted_p_value)}",
        )
    )


def _performance(found: Performance | None) -> None:
    st.subheader(say("ROC-AUC of the champion"))
    if found is None:
        st.info(say("The newest run left no performance over its batches. Monitor a batch again."), icon=":material/timeline:")
        return
    estimated = [_spot(one.estimated, one.trusted is not False, one.batch, say("estimated")) for one in found.points]
    realised = [_spot(one.realised, True, one.batch, say("realised")) for one in found.points]
    if not any((*estimated, *realised)):
        st.info(say("None of its batches has a ROC-AUC yet."), icon=":material/timeline:")
        return
    levels = {
        "holdout": _level(found.holdout, say("holdout")),
        "alarm": _level(found.alarm_below, say("alarm below")),
    }
    figure = charts.performance(
        [one.batch for one in found.points], (say("estimated"), estimated), (say("realised"), realised), levels, "ROC-AUC"
    )
    _draw(figure, "monitoring.performance")
    st.caption(
        say(
            "Version {version} on each of its batches with 95% intervals, as found when {folder} was monitored. Open circles: the estimate "
            "is not to be trusted. The alarm also asks that the whole interval lies below the holdout’s.",
            version=plain(found.version or number(None)),
            folder=plain(found.folder),
        )
    )
    _waiting(found)


def _waiting(found: Performance) -> None:
    for state, sentence in (
        ("maturing", say("Labels have not matured yet: {names}.")),
        ("unlabelled", say("Matured, and no label came: {names}. Bring outcomes in with tidegate outcomes FILE.")),
    ):
        names = [one.batch for one in found.points if one.state == state]
        if names:
            st.caption(sentence.format(names=plain(", ".join(names))))


def _spot(area: Area | None, sure: bool, batch: str, kind: str) -> Spot | None:
    if area is None:
        return None
    low, high = area.value if area.low is None else area.low, area.value if area.high is None else area.high
    return Spot(area.value, low, high, sure, f"<b>{unmarked(batch)}</b><br>{kind} {words.area(area.value, area.low, area.high)}")


def _level(value: float | None, name: str) -> Level | None:
    return None if value is None else Level(value, f"{name} {number(value, 3)}")
