"""What runs now: trainings and renewals, how far they are; start a renewal, stop one."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from tidegate.ui.asking import look, silent
from tidegate.ui.client import renewals, work
from tidegate.ui.client.http import ApiFault
from tidegate.ui.client.work import Job
from tidegate.ui.pages.models import steps
from tidegate.ui.pages.models.decisions import decision
from tidegate.ui.pages.models.seen import Seen, listed
from tidegate.ui.pages.models.steps import Act, Step
from tidegate.ui.plain import plain
from tidegate.ui.session import heard, moment, operating, percent, say

_LOOK_SECONDS = 2.0


def show(_: Seen) -> None:
    """The section."""
    steps.begin()
    jobs = look("models.jobs", _jobs)
    if jobs is None:
        return
    st.subheader(say("At work now"))
    if not any(one.running for one in jobs):
        st.caption(say("Neither a training nor a renewal runs on this server."))
    elif silent():
        _progress([one for one in jobs if one.running])
    else:
        _watched()
    _start(any(one.running and one.kind == "renewal" for one in jobs))
    _ended([one for one in jobs if not one.running])


def _jobs() -> tuple[Job, ...]:
    found = (*work.trainings(operating()), *renewals.renewals(operating()).jobs)
    return tuple(sorted(found, key=lambda one: one.started_at, reverse=True))


@st.fragment(run_every=_LOOK_SECONDS)
def _watched() -> None:
    """Looks again every two seconds; where something ended, or the API is away, the whole page is drawn anew and says so."""
    try:
        running = [one for one in _jobs() if one.running]
    except ApiFault:
        st.rerun()
    if not running:
        st.rerun()
    _progress(running)


def _progress(running: Sequence[Job]) -> None:
    for one in running:
        with st.container(border=True, key=f"models.job.{one.job}"):
            st.progress(one.share, text=f"{_kind(one)} · {percent(one.share, 0)} · {plain(one.doing)}")
            st.caption(say("Asked for by {who}, {at}.", who=plain(one.who), at=moment(one.started_at)))
            st.button(say("Stop it"), key=f"models.stop.{one.job}", icon=":material/stop_circle:", on_click=_stop, args=(one,))


def _stop(one: Job) -> None:
    steps.attempt(lambda: work.stop(operating(), one))


def _kind(one: Job) -> str:
    return say("Training") if one.kind == "training" else say("Renewal")


def _start(running: bool) -> None:
    st.subheader(say("Start a renewal"))
    if running:
        st.caption(say("One renewal at a time: wait until it has ended, or stop it."))
        return
    st.caption(
        say(
            "With a reason it renews whatever monitoring found; without one, only where monitoring asks for it. "
            "A try trains and judges a challenger and promotes nothing."
        )
    )
    steps.reason_field("models.renew.reason", say("Reason, in one line (optional)"))
    renew = Act(
        Step("renew", "", None),
        say("Renew…"),
        say(
            "A challenger is trained. Where every gate passes it becomes champion by itself; otherwise it is refused, or held for a person."
        ),
        say("Yes, renew"),
        lambda step: _started(step, False),
        needs_reason=False,
    )
    trial = Act(
        Step("try", "", None),
        say("Only try…"),
        say("A challenger is trained and judged. Nothing is promoted; the challenger stays among the versions."),
        say("Yes, try"),
        lambda step: _started(step, True),
        primary=False,
        needs_reason=False,
    )
    steps.offer([renew, trial], "models.renew.reason", "models.renew")


def _started(step: Step, dry_run: bool) -> str:
    done = work.start_renewal(operating(), step.reason, dry_run)
    return say("A renewal was started at {at}.", at=moment(done.started_at))


def _ended(jobs: Sequence[Job]) -> None:
    st.subheader(say("Ended, since this server began"))
    if not jobs:
        st.caption(say("None yet."))
        return
    states = {"done": say("✓ done"), "failed": say("✗ broke off"), "stopped": say("■ stopped")}
    st.dataframe(
        [
            {
                say("What"): _kind(one),
                say("State"): states.get(one.state, one.state),
                say("Result"): _result(one),
                say("By whom"): one.who,
                say("Options"): " ".join(one.words),
                say("From"): moment(one.started_at),
                say("To"): moment(one.ended_at),
            }
            for one in jobs
        ],
        hide_index=True,
        key="models.work.table",
    )
    newest = next((one for one in jobs if one.kind == "renewal" and one.result), None)
    if newest is not None and newest.result is not None and newest.result.get("reasons"):
        with st.expander(say("What the newest renewal says")):
            listed(heard(one) for one in (*newest.result.get("because", ()), *newest.result["reasons"]))


def _result(one: Job) -> str:
    said = one.result or {}
    if one.error:
        return one.error
    if one.kind == "training":
        return say("version {version}, {stage}", version=said.get("model_version"), stage=_stage(str(said.get("stage", ""))))
    told = decision(str(said.get("decision", "")))
    return say("a try: {decision}", decision=told) if said.get("dry_run") else told


def _stage(name: str) -> str:
    return {"champion": say("champion"), "challenger": say("challenger")}.get(name, name)
