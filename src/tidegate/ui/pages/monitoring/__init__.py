"""What monitoring finds: batches, drift over time, the champion's ROC-AUC, alerts with their state, and a run now."""

from __future__ import annotations

import streamlit as st

from tidegate.ui import session
from tidegate.ui.client import alerts, monitoring
from tidegate.ui.pages.monitoring import batches as batch_list
from tidegate.ui.pages.monitoring import over_time, run_now, telling
from tidegate.ui.session import operating, say

_MOST_LISTED = 200


def show() -> None:
    """The page."""
    st.title(say("Monitoring"))
    read = session.Reading()
    found = read("monitoring", lambda: monitoring.monitored(operating(), _MOST_LISTED))
    if found is None:
        return
    told = read("monitoring.alerts", lambda: alerts.telling(operating()))
    listed, trends, alarms, now = st.tabs([say("Batches"), say("Over time"), say("Alerts"), say("Monitor now")])
    with listed:
        batch_list.show(read, found.batches)
    with trends:
        over_time.show(read, bool(found.batches))
    with alarms:
        telling.show(told)
    with now:
        run_now.show(read, found)
