"""Numbers on the page: side by side, as many in a row as there is room for."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from tidegate.ui.plain import plain

_WIDTH_PIXELS = 230
RIGHT = st.column_config.TextColumn(alignment="right")
"""A column of numbers as people of a language write them."""


@dataclass(frozen=True)
class Figure:
    """A number with its title, what stands below it, and what it means."""

    title: str
    shown: str
    below: str = ""
    means: str | None = None


def show_figures(*figures: Figure) -> None:
    """In columns of one width, so that no number is cut."""
    row = st.container(horizontal=True)
    for figure in figures:
        place = row.container(width=_WIDTH_PIXELS)
        place.metric(figure.title, figure.shown, help=figure.means)
        if figure.below:
            place.caption(plain(figure.below))
