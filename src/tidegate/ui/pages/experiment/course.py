"""How the evidence came about: a measure's difference and its interval, by what was known at earlier times."""

from __future__ import annotations

import streamlit as st

from tidegate.ui.charts import experiment as charts
from tidegate.ui.client.experiments import Timeline
from tidegate.ui.pages.experiment.seen import MEASURES, bounded, higher_is_better, measure, spoken, word
from tidegate.ui.session import moment, number, say, separators


def show(found: Timeline) -> None:
    """The section."""
    st.subheader(say("Intervals over time"))
    known = [name for name in MEASURES if name in found.measures]
    if not known:
        st.caption(
            say("Nothing to draw yet. Outcomes count from {begins} on; as of {at}.", begins=moment(found.begins_at), at=moment(found.at))
        )
        return
    chosen = st.segmented_control(
        say("Measure"), known, default=known[0], format_func=measure, key="experiment.course", required=True, persist_state="session"
    )
    name = chosen if chosen in known else known[0]
    points = found.measures[name]
    rows = [
        charts.Difference(
            one.at,
            one.difference.value,
            one.difference.low,
            one.difference.high,
            f"{moment(one.at)}<br>{bounded(one.difference, sign=True)}<br>{spoken(one.word)}",
            word(one.word),
        )
        for one in points
    ]
    figure = charts.over_time(rows, say("treatment − control"), separators())
    st.plotly_chart(figure, config={"displayModeBar": False}, key="experiment.over_time")
    better = say("Above the line the treatment is better") if higher_is_better(name) else say("Below the line the treatment is better")
    st.caption(
        say(
            "{better}; ▲ clearly better, ▼ clearly worse, ● not clear. {known} of {points} looks from {begins} on had enough evidence. "
            "An outcome counts from when it was recorded; the last look is that of {at}.",
            better=better,
            known=number(len(points)),
            points=number(found.points),
            begins=moment(found.begins_at),
            at=moment(points[-1].at),
        )
    )
