"""The rows that the contract refused: how many by which rule, and each with its reason."""

from __future__ import annotations

import re

import pyarrow as pa
import streamlit as st

from tidegate.ui.files.refusals import Refusal, refusal
from tidegate.ui.files.scored import Scored, rows_at
from tidegate.ui.pages.file.customers import LONGEST_CELL, PAGE_ROWS, id_column
from tidegate.ui.session import percent, say

_MOST_RULES = 200


@st.fragment
def show(scored: Scored) -> None:
    """Counts by rule, then one page of the rows."""
    if not scored.refused:
        st.success(say("No row was refused."), icon=":material/check_circle:")
        return
    st.dataframe(
        [
            {say("Rows"): rows, say("Share"): percent(rows / scored.rows), **_told(why)}
            for why, rows in list(scored.refusals.items())[:_MOST_RULES]
        ],
        hide_index=True,
        column_config={
            say("Rows"): st.column_config.NumberColumn(format="localized"),
            say("Share"): st.column_config.TextColumn(alignment="right"),
        },
        key="file.rules",
    )
    st.caption(
        say("A row that breaks several rules is counted by the first of them. Correct them where they come from, then score them again.")
    )
    _rows(scored)


def _rows(scored: Scored) -> None:
    positions = scored.refused_position
    pages = -(-len(positions) // PAGE_ROWS)
    place = st.container()
    page = st.pagination(pages, key="file.refused.page") if pages > 1 else 1
    shown = positions[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    identity = id_column(scored.headers)
    table = rows_at(scored, shown, [] if identity is None else [identity])
    whys = [refusal(text) for text in table.column("refused").to_pylist()]
    told = {name: [_told(why)[name] for why in whys] for name in _told(whys[0])}
    named = (
        {}
        if identity is None
        else {scored.headers[identity]: [(text or "")[:LONGEST_CELL] for text in table.column(f"f{identity}").to_pylist()]}
    )
    place.dataframe(
        pa.table({say("Row"): shown + 1, **named, **told}),
        hide_index=True,
        column_config={say("Row"): st.column_config.NumberColumn(format="localized", pinned=True)},
        key="file.refused",
    )


def _told(why: Refusal) -> dict[str, str]:
    return {
        say("Column"): why.column if why.rule not in ("fields", "cross_field") else "",
        say("Rule"): _rule(why),
        say("Expected"): _expected(why.expects),
        say("Found"): _found(why.found),
    }


def _rule(why: Refusal) -> str:
    rules = {
        "missing": say("A value is missing"),
        "type": say("Another kind of value"),
        "limit": say("Outside what is possible"),
        "whole": say("Not a whole number"),
        "level": say("An unknown level"),
        "cross_field": say("Columns contradict each other"),
        "fields": say("Another number of fields than the header"),
    }
    told = rules.get(why.rule, why.rule)
    return f"{told} ({why.column})" if why.rule == "cross_field" else told


_PARTS = (
    (re.compile(r"(?P<kind>.*), and it is not nullable"), "{kind}, never empty"),
    (re.compile(r"(?P<kind>.*) from (?P<low>\S+) to (?P<high>\S+)"), "{kind} from {low} to {high}"),
    (re.compile(r"one of (?P<levels>.*)", re.DOTALL), "one of {levels}"),
    (re.compile(r"(?P<count>\d+) fields"), "{count} fields"),
)


def _expected(text: str) -> str:
    for form, sentence in _PARTS:
        parts = form.fullmatch(text)
        if parts:
            given = parts.groupdict()
            return say(sentence, **{**given, **({"kind": _kind(given["kind"])} if "kind" in given else {})})
    return _kind(text)


def _kind(text: str) -> str:
    kinds = {
        "a whole number": say("a whole number"),
        "a finite number": say("a finite number"),
        "true or false": say("true or false"),
        "a date as YYYY-MM-DD": say("a date as YYYY-MM-DD"),
        "a level": say("a level"),
    }
    return kinds.get(text, text)


def _found(kind: str) -> str:
    fields = re.fullmatch(r"(\d+) fields", kind)
    if fields:
        return say("{count} fields", count=fields[1])
    kinds = {
        "empty": say("an empty cell"),
        "text": say("text"),
        "number": say("a number"),
        "null": say("nothing"),
        "boolean": say("true or false"),
        "date": say("a date"),
        "row": say("the row"),
    }
    return kinds.get(kind, kind)
