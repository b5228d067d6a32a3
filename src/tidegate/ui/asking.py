"""How one run of a page asks the APIs: an API that is away, or asks for a key, is asked once, and one sentence tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from tidegate.ui import session
from tidegate.ui.client.http import ApiUnreachable, KeyNeeded, RoleNeeded

Found = TypeVar("Found")
STANDING = (ApiUnreachable, KeyNeeded, RoleNeeded)  # what will be no better at the next question
_SILENT = "asking.silent"


def begin() -> None:
    """A run of a page begins: whatever was wrong before may be right now."""
    st.session_state[_SILENT] = False


def silent() -> bool:
    """Whether an API was away, or asked for a key, in this run: what is shown is what was known."""
    return bool(st.session_state.get(_SILENT))


def look(name: str, what: Callable[[], Found]) -> Found | None:
    """As `session.remembered`; where an API is away or asks for a key, the rest of the run does not ask again."""
    if silent():
        known: Found | None = session.recalled(name)
        return known

    def asking() -> Found:
        try:
            return what()
        except STANDING:
            st.session_state[_SILENT] = True
            raise

    return session.remembered(name, asking)
