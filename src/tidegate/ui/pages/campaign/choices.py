"""Choices that outlive a change of language and of page: a browser knows an option by its words, the visit by what it stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from tidegate.ui.session import language

Option = TypeVar("Option")


def chosen(place: Any, title: str, options: Mapping[Option, str], name: str, start: Option, horizontal: bool = False) -> Option:
    """One of the options, shown in the words of the visit's language. `name` is that of the choice, `start` what is chosen at first."""
    kept: Option = st.session_state.get(name, start)
    found: Option = place.radio(
        title,
        list(options),
        index=list(options).index(kept) if kept in options else 0,
        format_func=options.__getitem__,
        key=f"{name}.{language()}",
        horizontal=horizontal,
    )
    st.session_state[name] = found
    return found


def opened(titles: Sequence[str], name: str) -> tuple[int, Any]:
    """Tabs of which one is open: its place and the tab."""
    kept: int = st.session_state.get(name, 0)
    tabs = st.tabs(list(titles), default=titles[kept], key=f"{name}.{language()}", on_change="rerun")
    place = next((place for place, tab in enumerate(tabs) if tab.open), kept)
    st.session_state[name] = place
    return place, tabs[place]
