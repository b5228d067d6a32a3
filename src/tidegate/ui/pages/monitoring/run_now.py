"""Monitor a batch now: the newest of the inbox, what the service scored in a window, or a file; its progress, its verdict."""

from __future__ import annotations

import datetime
from typing import Any

import streamlit as st

from tidegate.ui.client import models, monitoring
from tidegate.ui.client.monitoring import Monitored, Run
from tidegate.ui.pages.monitoring import words
from tidegate.ui.pages.monitoring.batches import NEXT
from tidegate.ui.plain import plain
from tidegate.ui.session import Reading, asked, heard, moment, number, operating, percent, say

_SECONDS = 2
_DAYS = 30
_DAY = "DD/MM/YYYY"


def show(read: Reading, found: Monitored) -> None:
    """The form, then the newest run of the server's life."""
    champion = read("monitoring.champion", lambda: (models.champion(operating()),))
    if champion == (None,):
        st.info(say("There is no champion yet. Train one: tidegate train DATA --label COLUMN."), icon=":material/flag:")
        return
    newest = found.runs[0] if found.runs else None
    _form(newest is not None and newest.state == "running")
    if newest is None:
        return
    st.subheader(say("The newest run"))
    if newest.state == "running":
        _watched(newest.job)
    else:
        _ended(newest)


def _form(busy: bool) -> None:
    st.caption(say("A batch is compared with the customers that the champion learned from, once for a champion."))
    sources = {
        "inbox": say("The newest file of the inbox"),
        "window": say("What the service scored in a window"),
        "file": say("A file of mine"),
    }
    source = st.radio(say("Which customers"), list(sources), format_func=sources.__getitem__, key="monitoring.source")
    fields: dict[str, str] = {}
    file: Any = None
    if source == "window":
        fields = _window()
    elif source == "file":
        file = st.file_uploader(say("A table of customers, CSV or Parquet"), type=["csv", "parquet"], key="monitoring.file")
    pictures = st.checkbox(say("Draw Evidently’s reports too, which takes some seconds"), value=True, key="monitoring.pictures")
    ready = not busy and not (source == "file" and file is None)
    if not st.button(say("Monitor"), type="primary", icon=":material/play_arrow:", disabled=not ready, key="monitoring.start"):
        return
    name = None if file is None else file.name
    told = {**fields, "pictures": "true" if pictures else "false"}
    if asked(lambda: monitoring.start(operating(), told, name, file)) is not None:
        st.rerun()


def _window() -> dict[str, str]:
    """Days in UTC; the second one is part of the window."""
    today = datetime.datetime.now(datetime.UTC).date()
    left, right = st.columns(2)
    first = left.date_input(
        say("First day (UTC)"), today - datetime.timedelta(days=_DAYS), max_value=today, format=_DAY, key="monitoring.since"
    )
    last = right.date_input(say("Last day (UTC)"), today, max_value=today, format=_DAY, key="monitoring.until")
    if not isinstance(first, datetime.date) or not isinstance(last, datetime.date):
        return {}
    until = {} if last >= today else {"until": (last + datetime.timedelta(days=1)).isoformat()}
    return {"since": first.isoformat(), **until}


@st.fragment(run_every=_SECONDS)
def _watched(job: str) -> None:
    """How a run stands, every two seconds; the whole page again when it has ended."""
    found = asked(lambda: monitoring.run(operating(), job))
    if found is None:
        return
    if found.state != "running":
        st.session_state[NEXT] = found.folder
        st.rerun()
    doing = heard(found.doing) if found.doing else say("Starting")
    st.progress(found.share, text=f"{doing} · {percent(found.share, 0)}")
    st.caption(_started(found))
    if st.button(say("Stop"), icon=":material/stop:", key="monitoring.stop"):
        asked(lambda: monitoring.stop(operating(), job))


def _ended(run: Run) -> None:
    if run.state == "stopped":
        st.info(say("It was stopped; nothing of it is kept."), icon=":material/stop_circle:")
    elif run.state != "done" or run.found is None:
        st.error(say("It failed: {why}", why=plain(heard(run.error or ""))), icon=":material/block:")
    else:
        _verdict(run, run.found)
    st.caption(_started(run))


def _verdict(run: Run, found: Any) -> None:
    health = found.get("health")
    show_it = {"PASS": st.success, "WARNING": st.warning}.get(str(health), st.error)
    drifted = found.get("drifted_features")
    sentence = say(
        "Batch {batch}: health {health}, {count} drifted features.",
        batch=plain(str(found.get("batch", "?"))),
        health=words.verdict(health),
        count=number(len(drifted) if isinstance(drifted, list) else None),
    )
    again = say("This champion had monitored it before; this is what was found then.") if run.again else ""
    show_it(f"{sentence} {again}".strip(), icon=":material/monitor_heart:")
    st.caption(say("All of it is under Batches."))


def _started(run: Run) -> str:
    what = ", ".join(run.words) or number(None)
    return say("Asked for by {who} at {at}: {what}.", who=plain(run.who), at=moment(run.started_at), what=plain(what))
