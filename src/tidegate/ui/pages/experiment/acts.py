"""Start an experiment, raise its share, end it: a first button, then one sentence that names what will happen, and a yes.

What was looked at when the first button was pressed goes along to the API, so that of two people at once the second is told. What was
typed stays until it has been done.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from tidegate.ui.asking import silent
from tidegate.ui.client import experiments
from tidegate.ui.client.experiments import Experiment, Versions
from tidegate.ui.pages.experiment.seen import MODES, about_mode, mode
from tidegate.ui.plain import plain
from tidegate.ui.session import asked, number, operating, percent, say

USUAL_SHARE = {"ab": 50.0, "canary": 5.0, "shadow": 100.0}
USUAL_DAYS, LONGEST_DAYS, LONGEST_REASON = 30, 3_650, 500
DONE, NEWEST = "experiment.done", "experiment.newest"
_ORDER, _CLEAR, _WITHOUT = "experiment.order", "experiment.clear", "experiment.without"


@dataclass(frozen=True)
class Order:
    """What somebody is about to do (start, raise or stop), as it was when they pressed the first button."""

    act: str
    treatment: str = ""
    control: str = ""
    mode: str = ""
    share_percent: float = 0.0
    days: int = 0
    reason: str = ""
    seen: Experiment | None = None


def begin() -> None:
    """Before any field: what was done takes its reason along."""
    for field in st.session_state.pop(_CLEAR, ()):
        st.session_state[field] = ""


def show(running: Experiment | None, found: Versions) -> None:
    """The section: start one, or change the one that runs."""
    _overtaken(running)
    if running is None:
        _start(found)
        return
    st.subheader(say("Change experiment {number}", number=running.number))
    left, right = st.columns(2)
    with left:
        _raise(running)
    with right:
        _stop(running)


def _overtaken(running: Experiment | None) -> None:
    """An order on what is no longer so, because somebody else was faster: it is told, and taken back."""
    order: Order | None = st.session_state.get(_ORDER)
    if order is not None and (order.seen.number if order.seen else None) != (running.number if running else None):
        _drop()
        st.error(say("Somebody was faster: look at what runs now. Nothing was changed by you."), icon=":material/group:")


def _start(found: Versions) -> None:
    st.subheader(say("Start an experiment"))
    if found.champion is None:
        st.info(say("There is no champion yet. Train one: tidegate train DATA --label COLUMN."), icon=":material/flag:")
        return
    if not found.others:
        st.info(
            say(
                "There is no other version to try beside version {version}. Train one: tidegate train DATA.",
                version=plain(found.champion),
            ),
            icon=":material/model_training:",
        )
        return
    chosen = st.radio(
        say("Mode"),
        MODES,
        format_func=mode,
        captions=[about_mode(one) for one in MODES],
        key="experiment.mode",
        persist_state="session",
    )
    places = st.columns(3, vertical_alignment="bottom")
    treatment = places[0].selectbox(say("Version to try"), found.others, key="experiment.treatment", persist_state="session")
    share = _share(places[1], f"experiment.share.{chosen}", USUAL_SHARE[chosen])
    days = places[2].number_input(
        say("Horizon (days)"),
        min_value=1,
        max_value=LONGEST_DAYS,
        value=USUAL_DAYS,
        key="experiment.days",
        help=say("So many days after its prediction, what became of a customer counts. Fixed at the start."),
        persist_state="session",
    )
    order = Order("start", treatment or "", found.champion, chosen, share, int(days or 0))
    _offer(order, say("Start…"), "experiment.start", primary=True)


def _raise(running: Experiment) -> None:
    if running.share >= 1:
        st.caption(say("Every customer takes part: the share cannot rise."))
        return
    share = _share(st, "experiment.raise.share", 100 * running.share, say("A share only rises: a lower one would move customers back."))
    _offer(
        Order("raise", running.treatment, running.control, running.mode, share, seen=running), say("Raise the share…"), "experiment.raise"
    )


def _stop(running: Experiment) -> None:
    reason = st.text_input(
        say("Reason, in one line"),
        key="experiment.reason",
        max_chars=LONGEST_REASON,
        help=say("Kept in the audit trail with your name or that of your key."),
        persist_state="session",
    )
    order = Order("stop", running.treatment, running.control, running.mode, reason=(reason or "").strip(), seen=running)
    _offer(order, say("Stop…"), "experiment.stop", primary=True)


def _share(place: object, key: str, usual: float, help_text: str | None = None) -> float:
    given = place.number_input(  # type: ignore[attr-defined]
        say("Share of the customers (%)"),
        min_value=0.0,
        max_value=100.0,
        value=usual,
        step=1.0,
        format="%g",
        key=key,
        help=help_text,
        persist_state="session",
    )
    return float(given or 0.0)


def _offer(order: Order, first: str, key: str, primary: bool = False) -> None:
    """The first button; once it was pressed, what will happen, with yes and no."""
    taken: Order | None = st.session_state.get(_ORDER)
    if taken is not None and taken.act == order.act:
        _confirm(taken, key)
        return
    st.button(first, key=key, type="primary" if primary else "secondary", on_click=_take, args=(order,))
    if st.session_state.get(_WITHOUT) == order.act:
        del st.session_state[_WITHOUT]
        st.error(say("Nothing was done: say why, in one line. The audit trail keeps it."), icon=":material/edit:")


def _take(order: Order) -> None:
    if order.act == "stop" and not order.reason:
        st.session_state[_WITHOUT] = order.act
        return
    st.session_state[_ORDER] = order


def _drop() -> None:
    st.session_state.pop(_ORDER, None)


def _confirm(order: Order, key: str) -> None:
    with st.container(border=True, key=f"{key}.confirm"):
        st.warning(_sentence(order), icon=":material/help:")
        if order.reason:
            st.text(say("Reason: {reason}", reason=order.reason))
        with st.container(horizontal=True):
            agreed = st.button(say("Yes, do that"), key=f"{key}.yes", type="primary")
            st.button(say("No, change nothing"), key=f"{key}.no", on_click=_drop)
        if agreed and not silent():
            _do(order)


def _sentence(order: Order) -> str:
    """What will happen."""
    names = {
        "number": order.seen.number if order.seen else "",
        "treatment": plain(order.treatment),
        "control": plain(order.control),
        "share": _percent(order.share_percent),
        "days": number(order.days),
    }
    if order.act == "stop":
        return say(
            "Experiment {number} ends for good, and version {control} answers everyone again, within seconds on running servers.", **names
        )
    if order.act == "raise":
        return say("Experiment {number} takes {share} of the customers from now on. Who was in the treatment stays there.", **names)
    what = {
        "ab": say("Version {treatment} answers {share} of the customers from now on, version {control} the others.", **names),
        "canary": say(
            "Version {treatment} answers {share} of the customers from now on; the service takes it back by itself when it goes wrong.",
            **names,
        ),
        "shadow": say("Version {treatment} scores {share} of the customers too from now on, and nobody gets its answers.", **names),
    }[order.mode]
    return f"{what} {say('Outcomes count {days} days after their prediction. Running servers follow within seconds.', **names)}"


def _do(order: Order) -> None:
    """Done: the page is drawn anew with what holds now. Refused: one sentence, and what was typed stays."""
    done = asked(lambda: _asked_for(order))
    _drop()
    if done is None:
        return
    names = {"number": done.number, "treatment": plain(done.treatment), "control": plain(done.control)}
    st.session_state[DONE] = {
        "start": say("Experiment {number} runs: version {treatment} beside version {control}.", **names),
        "raise": say("Experiment {number} takes {share} of the customers now.", share=_percent(100 * done.share), **names),
        "stop": say("Experiment {number} has ended: version {control} answers everyone within seconds.", **names),
    }[order.act]
    st.session_state[_CLEAR] = ("experiment.reason",) if order.act == "stop" else ()
    st.session_state[NEWEST] = True
    st.rerun()


def _asked_for(order: Order) -> Experiment:
    if order.seen is None:
        return experiments.start(operating(), order.treatment, order.mode, order.share_percent, order.days)
    if order.act == "raise":
        return experiments.raise_share(operating(), order.seen, order.share_percent)
    return experiments.stop(operating(), order.seen, order.reason)


def _percent(value: float) -> str:
    return percent(value / 100, 0 if value.is_integer() else 1)
