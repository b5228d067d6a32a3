"""What a person asks for: the scored table, the limit, the prices. What is typed stays for the visit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import streamlit as st

from tidegate.ui.client.campaigns import Needs
from tidegate.ui.pages.campaign.choices import chosen
from tidegate.ui.pages.campaign.prices import HUNDRED, STAYS, as_field, fields_of_prices
from tidegate.ui.plain import plain
from tidegate.ui.session import moment, number, say

_SCORED, _UPLOAD, _KEPT = "tidegate.scored", "campaign.upload", "campaign.file"


@dataclass(frozen=True)
class Source:
    """A scored table: its name, what tells it from another one, and how it is opened and left (OSError where it is gone)."""

    name: str
    identity: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True)
class Asked:
    """What is typed: the fields of the request, the currency for people, and why it cannot be sent yet (None: it can)."""

    source: Source | None
    fields: Mapping[str, str]
    problem: str | None

    @property
    def mark(self) -> tuple[Any, ...]:
        """Changes with anything that changes the plan."""
        return (self.source.identity if self.source else "", *sorted(self.fields.items()))


def show(needs: Needs) -> Asked:
    """The form; it is no `st.form`, because one answer decides what is asked next."""
    source = _source()
    limit, missing_limit = _limit()
    prices, missing_price = fields_of_prices(needs)
    problem = say("Choose a scored table.") if source is None else missing_limit or missing_price
    return Asked(source, {**limit, **prices}, problem)


def _source() -> Source | None:
    st.subheader(say("Scored table"))
    visit: Mapping[str, Any] | None = st.session_state.get(_SCORED)
    upload = False
    if visit is not None:
        choices = {False: _name_of(visit), True: say("Another file")}
        upload = chosen(st, say("Table"), choices, "campaign.source", False)
    if visit is not None and not upload:
        place = Path(str(visit["path"]))
        return Source(str(visit["name"]), f"{place} {visit['at']}", lambda: place.open("rb"))
    st.file_uploader(
        say("Scored table, CSV or Parquet"),
        type=["csv", "parquet"],
        key=_UPLOAD,
        on_change=_keep_upload,
        help=say("What the page Score a file, POST /predict-csv or tidegate score wrote: it has a column churn_probability."),
    )
    kept = st.session_state.get(_KEPT)
    if kept is None:
        return None
    if st.session_state.get(_UPLOAD) is None:
        st.caption(plain(say("Chosen before: {name}.", name=kept.name)))
    return Source(kept.name, f"{kept.name} {kept.file_id}", lambda: _rewound(kept))


def _keep_upload() -> None:
    """The widget forgets its file when another page is shown; the visit does not."""
    st.session_state[_KEPT] = st.session_state[_UPLOAD]


def _rewound(file: IO[bytes]) -> AbstractContextManager[IO[bytes]]:
    """From its beginning; it stays open, because it is read again."""
    file.seek(0)
    return nullcontext(file)


def _name_of(visit: Mapping[str, Any]) -> str:
    text = say(
        "{name}: {rows} rows, scored in this visit by version {version}, {at}",
        name=visit["name"],
        rows=number(visit["rows"]),
        version=visit["model_version"],
        at=moment(visit["at"]),
    )
    return plain(text)


def _limit() -> tuple[dict[str, str], str | None]:
    """Fields of the limit and of the control group, and what is wrong with them."""
    st.subheader(say("Limit"))
    places = (*st.columns(2), *st.columns(2))
    kinds = {"budget": say("Budget"), "contacts": say("Head-count")}
    kind = chosen(places[0], say("Limited by"), kinds, "campaign.limit", "budget", horizontal=True)
    with places[1]:
        amount = _budget() if kind == "budget" else _contacts()
    with places[2]:
        control = st.number_input(
            say("Control group (%)"),
            value=10.0,
            min_value=0.0,
            max_value=99.0,
            step=1.0,
            format="%g",
            key="campaign.control",
            persist_state=STAYS,
            help=say(
                "Share of the chosen customers who are kept aside at random and not contacted. Without it nothing can be proved later."
            ),
        )
    with places[3]:
        quiet = st.number_input(
            say("Quiet days"),
            value=30,
            min_value=0,
            max_value=36_500,
            step=1,
            key="campaign.quiet",
            persist_state=STAYS,
            help=say("Who was contacted within so many days is left out, where the table says when."),
        )
    fields = {kind: as_field(amount), "control": as_field(control / HUNDRED), "quiet_days": as_field(quiet)}
    if amount is None:
        return fields, say("Say how much may be spent.") if kind == "budget" else say("Say how many customers may be contacted.")
    if amount <= 0:
        return fields, say("The budget must be above 0.") if kind == "budget" else say("The number of contacts must be 1 or more.")
    return fields, None


def _budget() -> float | None:
    return st.number_input(
        say("Most that may be spent"),
        value=None,
        step=100.0,
        format="%g",
        key="campaign.budget",
        persist_state=STAYS,
        help=say("Contacts and the offers that are expected to be taken, in the currency below."),
    )


def _contacts() -> int | None:
    help_text = say("The control group comes on top.")
    return st.number_input(
        say("Most customers to contact"), value=None, step=1, format="%d", key="campaign.contacts", persist_state=STAYS, help=help_text
    )
