"""What came of a file: counts, risk segments, customers, refused rows, downloads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from tidegate.ui.charts import file as charts
from tidegate.ui.files.scored import counts, within, write_refused
from tidegate.ui.files.scoring import FileScoring, Outcome
from tidegate.ui.pages.file import customers, refused
from tidegate.ui.pages.file.segments import Segment, segments
from tidegate.ui.plain import plain
from tidegate.ui.session import moment, number, percent, say

BINS = 50


def show(done: FileScoring) -> None:
    """A file that was scored."""
    assert done.outcome is not None
    outcome, scored = done.outcome, done.outcome.scored
    st.divider()
    st.subheader(plain(done.name))
    columns = st.columns(4)
    columns[0].metric(say("Rows"), number(scored.rows))
    columns[1].metric(say("Scored"), number(scored.rows - scored.refused))
    columns[2].metric(say("Refused"), number(scored.refused))
    likely = float(scored.probability.sum()) if scored.rows > scored.refused else None
    columns[3].metric(say("Expected to leave"), number(likely), help=say("The sum of all probabilities."))
    st.caption(_source(outcome))
    _downloads(done.name, outcome)
    parts = segments(outcome.serving.threshold)
    if scored.rows > scored.refused:
        _segments(outcome, parts)
    left, right = st.tabs([say("Customers"), f"{say('Refused rows')} ({number(scored.refused)})"], key="file.tabs")
    with left:
        customers.show(scored, parts)
    with right:
        refused.show(scored)


def _source(outcome: Outcome) -> str:
    said = say("Scored {at}; a scored file is kept for this visit, a day at most.", at=moment(outcome.at))
    versions = outcome.scored.versions
    if len(versions) > 1:
        told = ", ".join(f"{say('Version')} {version}: {number(rows)}" for version, rows in sorted(versions.items()))
        said += " " + say(
            "Several versions scored, in an experiment for example ({told}); the threshold is that of version {version}.",
            told=told,
            version=outcome.serving.version,
        )
    return said


def _downloads(name: str, outcome: Outcome) -> None:
    stem, scored = Path(name).stem, outcome.scored
    place = st.container(horizontal=True)
    place.download_button(
        say("Download the scored file"),
        outcome.answer.read_bytes,  # asked for by the click: no copy of it is held until then
        file_name=f"{stem}-scored.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="file.download",
        help=say("CSV. A cell that a spreadsheet would run as a formula begins with an apostrophe; numbers are as they were."),
    )
    place.download_button(
        say("Download the refused rows"),
        lambda: write_refused(scored).read_bytes(),
        file_name=f"{stem}-refused.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="file.download.refused",
        disabled=not scored.refused,
        help=say("The refused rows as they were sent, with why, and with their row in the file."),
    )


def _segments(outcome: Outcome, parts: Sequence[Segment]) -> None:
    st.subheader(say("Risk segments"))
    scored, threshold = outcome.scored, outcome.serving.threshold
    total = scored.rows - scored.refused
    left, right = st.columns([1, 2])
    for part in reversed(parts):
        size = len(within(scored, [(part.low, part.high)]))
        left.metric(part.name, number(size))
        left.caption(f"{percent(size / total)} · {part.rule}")
    drawn = [_part(outcome, part) for part in parts]
    names = (say("Probability of leaving"), say("Customers (logarithmic scale)"), f"{say('threshold')} {percent(threshold)}")
    right.plotly_chart(charts.distribution(drawn, threshold, names), config={"displayModeBar": False}, key="file.distribution")
    st.caption(
        say(
            "High: at or above the threshold of version {version} ({threshold}), so flagged. Medium: from half of it. Low: below that.",
            version=outcome.serving.version,
            threshold=percent(threshold),
        )
    )


def _part(outcome: Outcome, part: Segment) -> charts.Part:
    """Bins of some two percentage points, so cut that no bin has customers of two segments."""
    end = min(part.high, 1.0)
    edges = np.linspace(part.low, end, max(1, round((end - part.low) * BINS)) + 1)
    return charts.Part(part.name, edges.tolist(), counts(outcome.scored, np.append(edges[:-1], part.high)).tolist())
