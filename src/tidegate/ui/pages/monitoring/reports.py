"""Evidently's pages of a batch, fetched when somebody asks for them and shown in a frame that reaches nothing around it."""

from __future__ import annotations

import streamlit as st

from tidegate.ui.client.monitoring import Batch, drift_report, performance_report
from tidegate.ui.sandbox import sandboxed
from tidegate.ui.session import asked, operating, say

# Evidently's pages cut their right side off below this.
_HEIGHT, _WIDTH = 900, 1180


def show(batch: Batch) -> None:
    """One of the two, or none."""
    st.subheader(say("Reports"))
    pages = {"drift": say("Drift report"), "performance": say("Performance report")}
    there = [name for name, drawn in (("drift", batch.report), ("performance", batch.performance_report)) if drawn]
    if not there:
        st.caption(say("No page was drawn of this batch: it was monitored without pictures, or its pages were removed."))
        return
    chosen = st.segmented_control(say("Show"), there, format_func=pages.__getitem__, key=f"monitoring.report.{batch.folder}")
    if chosen is None:
        st.caption(
            say("Drawn by Evidently, in English, some megabytes each. Its tests decide nothing; Tidegate’s verdict stands at the top.")
        )
        return
    fetch = drift_report if chosen == "drift" else performance_report
    page = asked(lambda: fetch(operating(), batch.folder))
    if page is not None:
        st.iframe(sandboxed(page, pages[chosen], _WIDTH), height=_HEIGHT, alt=pages[chosen])
