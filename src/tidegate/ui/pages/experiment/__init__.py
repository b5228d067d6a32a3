"""An experiment: its arms, what they show and since when, the verdict; start one, change it, and those of the past."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from tidegate.ui.asking import begin, look
from tidegate.ui.client import experiments
from tidegate.ui.client.experiments import Experiment
from tidegate.ui.pages.experiment import acts, course, ends, evidence
from tidegate.ui.pages.experiment.seen import mode, title
from tidegate.ui.plain import plain
from tidegate.ui.session import moment, number, operating, percent, say

__all__ = ["show"]

_NUMBER = "experiment.number"


def show() -> None:
    """The page."""
    st.title(say("Experiment"))
    begin()
    acts.begin()
    found = look("experiment.all", lambda: experiments.experiments(operating()))
    versions = look("experiment.versions", lambda: experiments.versions(operating()))
    if found is None:
        return
    done = st.session_state.pop(acts.DONE, None)
    if done:
        st.success(done, icon=":material/check_circle:")
    if found:
        _one(_chosen(found))
    else:
        st.info(
            say("No experiment has run here yet. Try another version beside the champion: as an A/B comparison, a canary or a shadow."),
            icon=":material/science:",
        )
    if versions is not None:
        acts.show(next((one for one in found if one.running), None), versions)
    if found:
        _past(found)


def _chosen(found: Sequence[Experiment]) -> Experiment:
    """The newest, or the one that a person chose."""
    by_number = {one.number: one for one in found}
    if st.session_state.pop(acts.NEWEST, False) or st.session_state.get(_NUMBER) not in by_number:
        st.session_state.pop(_NUMBER, None)
    if len(found) == 1:
        return found[0]
    chosen = st.selectbox(
        say("Look at"), list(by_number), format_func=lambda one: title(by_number[one]), key=_NUMBER, persist_state="session"
    )
    return by_number.get(chosen, found[0])


def _one(one: Experiment) -> None:
    evidence.head(one)
    with st.spinner(say("Reading what is recorded…")):
        found = look(f"experiment.status.{one.number}", lambda: experiments.status(operating(), one.number))
    if found is None:
        return
    evidence.verdict(found)
    evidence.arms(found)
    evidence.measures(found)
    with st.spinner(say("Reading what is recorded…")):
        over_time = look(f"experiment.timeline.{one.number}", lambda: experiments.timeline(operating(), one.number))
    if over_time is not None:
        course.show(over_time)


def _past(found: Sequence[Experiment]) -> None:
    st.subheader(say("Experiments so far"))
    rows = [
        {
            say("Number"): number(one.number),
            say("Mode"): mode(one.mode),
            say("Treatment"): one.treatment,
            say("Control"): one.control,
            say("Share"): percent(one.share, 0),
            say("Started"): moment(one.started_at),
            say("Ended"): moment(one.stopped_at) if one.stopped_at else say("running"),
            say("By"): one.stopped_by or number(None),
            say("How it ended"): number(None) if one.running else ends.reason(one),
        }
        for one in found
    ]
    st.table([{name: plain(cell) for name, cell in row.items()} for row in rows], hide_index=True, border="horizontal")
