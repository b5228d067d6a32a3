"""Acts in two steps: a reason and a button, then one sentence that names what will happen, and a yes.

What was looked at when the first button was pressed goes along to the API, so that of two people at once the second is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from tidegate.ui import session
from tidegate.ui.asking import STANDING, silent
from tidegate.ui.client.http import ApiFault
from tidegate.ui.pages.models.seen import DECIDED
from tidegate.ui.session import say

LONGEST_REASON = 500
_STEP, _FAULT, _CLEAR, _WITHOUT = "models.step", "models.fault", "models.clear", "models.without"


@dataclass(frozen=True)
class Step:
    """What somebody is about to do: the act, to which version or renewal, instead of which champion, and why."""

    act: str
    target: str
    instead_of: str | None
    reason: str = ""


@dataclass(frozen=True)
class Act:
    """A step with its words: the first button, the sentence that names what will happen, the yes, and the doing.

    `do` gets the step as it was taken, with its reason, and answers the sentence of success.
    """

    step: Step
    first: str
    sentence: str
    yes: str
    do: Callable[[Step], str]
    primary: bool = True
    needs_reason: bool = True


def begin() -> None:
    """Before any field: what was done takes its reason along, what failed is told."""
    field = st.session_state.pop(_CLEAR, None)
    if field is not None:
        st.session_state[field] = ""
    fault = st.session_state.pop(_FAULT, None)
    if fault is not None and not (silent() and isinstance(fault, STANDING)):
        session.show_fault(fault)


def pending() -> Step | None:
    """The step that waits for its yes."""
    found: Step | None = st.session_state.get(_STEP)
    return found


def drop() -> None:
    """No step waits any more."""
    st.session_state.pop(_STEP, None)


def reason_field(key: str, label: str | None = None) -> str:
    """One line of text; what is typed stays until the act has succeeded."""
    about = say("Kept in the audit trail with your name or that of your key.")
    given = st.text_input(label or say("Reason, in one line"), key=key, max_chars=LONGEST_REASON, help=about, persist_state="session")
    return (given or "").strip()


def offer(acts: Sequence[Act], field: str, key: str) -> None:
    """The buttons of what could be done with the reason of `field`; once one was pressed, its sentence with yes and no."""
    step = pending()
    taken = next((act for act in acts if step is not None and (act.step.act, act.step.target) == (step.act, step.target)), None)
    if taken is not None and step is not None:
        _confirm(taken, step, field, key)
        return
    with st.container(horizontal=True, key=f"{key}.first"):
        for act in acts:
            st.button(
                act.first,
                key=f"{key}.{act.step.act}",
                type="primary" if act.primary else "secondary",
                on_click=_take,
                args=(act.step, field, key, act.needs_reason),
            )
    if st.session_state.get(_WITHOUT) == key:
        del st.session_state[_WITHOUT]
        st.error(say("Nothing was done: say why, in one line. The audit trail keeps it."), icon=":material/edit:")


def _take(step: Step, field: str, key: str, needs_reason: bool) -> None:
    """The first button: `step` is what the page showed when it was pressed."""
    reason = str(st.session_state.get(field) or "").strip()
    if needs_reason and not reason:
        st.session_state[_WITHOUT] = key
        return
    st.session_state[_STEP] = Step(step.act, step.target, step.instead_of, reason)


def _confirm(act: Act, step: Step, field: str, key: str) -> None:
    with st.container(border=True, key=f"{key}.confirm"):
        st.warning(act.sentence, icon=":material/help:")
        if step.reason:
            st.text(say("Reason: {reason}", reason=step.reason))
        with st.container(horizontal=True):
            agreed = st.button(act.yes, key=f"{key}.yes", type="primary")
            st.button(say("No, change nothing"), key=f"{key}.no", on_click=drop)
    if agreed:
        _do(act, step, field)


def attempt(what: Callable[[], object]) -> None:
    """Ask for something from a button; what goes wrong is told when the page is drawn."""
    try:
        what()
    except ApiFault as fault:
        st.session_state[_FAULT] = fault


def _do(act: Act, step: Step, field: str) -> None:
    """Done or refused, the page is drawn anew with what holds now; what was typed goes only with what was done."""
    drop()
    try:
        with st.spinner(say("At work…")):
            st.session_state[DECIDED] = act.do(step)
        st.session_state[_CLEAR] = field
    except ApiFault as fault:
        st.session_state[_FAULT] = fault
    st.rerun()
