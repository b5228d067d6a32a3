"""The scored customers, a page at a time: the whole table never leaves the disk."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st
from numpy.typing import NDArray

from tidegate.ui import session
from tidegate.ui.client import files, scoring
from tidegate.ui.files.scored import Scored, holding, rows_at, within
from tidegate.ui.pages.file.segments import Segment
from tidegate.ui.session import number, say

PAGE_ROWS = 500
# A browser draws no more columns in comfort, nor longer cells; the download has all of them.
MOST_COLUMNS, LONGEST_CELL = 60, 200
_NOT_WORD = re.compile(r"[^0-9a-z]+")


@dataclass(frozen=True)
class Asked:
    """What a person wants to see: segments by their place, least probability, text in a column, order."""

    segments: tuple[int, ...]
    least: float
    column: int
    text: str
    order: str


@st.fragment
def show(scored: Scored, parts: Sequence[Segment]) -> None:
    """Filters, one page of customers, and the way to the others."""
    if not len(scored.probability):
        st.info(say("Every row was refused: nobody was scored."), icon=":material/block:")
        return
    identity = id_column(scored.headers)
    asked = _asked(scored, parts, identity)
    positions = _positions(scored, parts, asked)
    if not len(positions):
        st.info(say("No customer is like that."), icon=":material/search_off:")
        return
    place, pages = st.container(), -(-len(positions) // PAGE_ROWS)
    # Another question begins at its first page.
    page = st.pagination(pages, key=f"file.page.{hash(asked)}") if pages > 1 else 1
    first = (page - 1) * PAGE_ROWS
    shown = positions[first : first + PAGE_ROWS]
    place.caption(
        say(
            "{first} to {last} of {found} customers; {total} were scored.",
            first=number(first + 1),
            last=number(first + len(shown)),
            found=number(len(positions)),
            total=number(len(scored.probability)),
        )
    )
    with place:
        _table(scored, shown, parts, identity)


def _asked(scored: Scored, parts: Sequence[Segment], identity: int | None) -> Asked:
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    chosen = left.pills(
        say("Risk segments"),
        range(len(parts) - 1, -1, -1),
        selection_mode="multi",
        format_func=lambda place: parts[place].name,
        key="file.segments",
        help=say("None chosen: all."),
    )
    orders = {"highest": say("Highest first"), "lowest": say("Lowest first"), "file": say("As in the file")}
    order = right.selectbox(say("Order"), list(orders), format_func=orders.__getitem__, key="file.order")
    places = st.columns(3, vertical_alignment="bottom")
    about = say("The least probability of leaving that is shown.")
    least = places[0].number_input(say("At least, %"), 0.0, 100.0, 0.0, step=5.0, format="%g", key="file.least", help=about)
    headers = _headers(scored.headers)
    column = places[1].selectbox(
        say("Search in"), range(len(headers)), index=identity or 0, format_func=headers.__getitem__, key="file.search.column"
    )
    text = places[2].text_input(say("Search for"), max_chars=256, key="file.search", help=say("A customer id, or a part of it."))
    return Asked(tuple(sorted(chosen, reverse=True)), least / 100, column, text.strip(), order)


def _positions(scored: Scored, parts: Sequence[Segment], asked: Asked) -> NDArray[np.int64]:
    """Places of the customers that the person asks for, in their order."""
    chosen = [parts[place] for place in asked.segments] or list(reversed(parts))
    mask = holding(scored, asked.column, asked.text) if asked.text else None
    found = within(scored, [(max(part.low, asked.least), part.high) for part in chosen if part.high > asked.least], mask)
    return found[::-1] if asked.order == "lowest" else np.sort(found) if asked.order == "file" else found


def _table(scored: Scored, positions: NDArray[np.int64], parts: Sequence[Segment], identity: int | None) -> None:
    columns = shown_columns(scored.headers, identity)
    st.dataframe(
        _page(rows_at(scored, positions, columns), positions, parts),
        hide_index=True,
        height=500,
        column_config=_config(scored, columns, identity),
        column_order=_order(columns, identity, scored),
        key="file.customers",
    )
    if len(columns) < len(scored.headers):
        some, every = number(len(columns)), number(len(scored.headers))
        st.caption(say("{shown} of {all} columns are shown; the download has all.", shown=some, all=every))


def id_column(headers: Sequence[str]) -> int | None:
    """The place of the column that names a customer, as the serving model's table spec says; None where there is none."""
    name = session.remembered("file.identity", lambda: (files.identity(session.scoring()),))
    wanted = _plain(name[0] or "") if name else ""
    return next((place for place, header in enumerate(headers) if wanted and _plain(header) == wanted), None)


def shown_columns(headers: Sequence[str], identity: int | None) -> list[int]:
    """Places of the columns that a page shows: the first ones, and the one that names a customer."""
    first = list(range(min(len(headers), MOST_COLUMNS)))
    return first if identity is None or identity in first else [*first[:-1], identity]


def _plain(header: str) -> str:
    return _NOT_WORD.sub("", header.lower())


def _headers(headers: Sequence[str]) -> list[str]:
    return [header.strip() or say("Column {place}", place=place) for place, header in enumerate(headers, start=1)]


def _page(table: pa.Table, positions: NDArray[np.int64], parts: Sequence[Segment]) -> pa.Table:
    probability = table.column("churn_probability").to_numpy()
    names = np.array([part.name for part in parts])
    segment = names[np.searchsorted([part.low for part in parts], probability, side="right") - 1]
    flagged = np.where(table.column("churn_prediction").to_numpy() == 1, say("Yes"), say("No"))
    cells = {name: pc.utf8_slice_codeunits(table.column(name), 0, LONGEST_CELL) for name in table.column_names if name.startswith("f")}
    added = {
        "row": positions + 1,
        "probability": probability,
        "segment": segment,
        "flagged": flagged,
        "version": table.column("model_version"),
    }
    return pa.table({**added, **cells})


def _order(columns: Sequence[int], identity: int | None, scored: Scored) -> list[str]:
    version = ["version"] if len(scored.versions) > 1 else []
    others = [f"f{place}" for place in columns if place != identity]
    return ["row", *([] if identity is None else [f"f{identity}"]), "probability", "segment", "flagged", *version, *others]


def _config(scored: Scored, columns: Sequence[int], identity: int | None) -> Mapping[str, Any]:
    headers, numbers = _headers(scored.headers), _number_columns()
    config = st.column_config
    return {
        "row": config.NumberColumn(say("Row"), format="localized", pinned=True, help=say("In the file; the first customer is row 1.")),
        "probability": config.NumberColumn(say("Probability of leaving"), format="percent"),
        "segment": config.TextColumn(say("Segment")),
        "flagged": config.TextColumn(say("Flagged"), help=say("Whether the version that scored this customer says: leaves.")),
        "version": config.TextColumn(say("Version")),
        **{
            f"f{place}": config.TextColumn(
                headers[place], alignment="right" if _plain(headers[place]) in numbers else None, pinned=place == identity or None
            )
            for place in columns
        },
    }


def _number_columns() -> set[str]:
    found = session.remembered("columns", lambda: scoring.columns(session.scoring()))
    return {_plain(column.name) for column in found or () if column.kind in ("integer", "number")}
