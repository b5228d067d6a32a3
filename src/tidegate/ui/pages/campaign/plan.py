"""Plan a campaign: first a preview, of which nothing is recorded, then the campaign itself, whose lists stay for the visit."""

from __future__ import annotations

from typing import Any

import streamlit as st

from tidegate.ui.client import campaigns
from tidegate.ui.client.campaigns import Needs, Plan
from tidegate.ui.client.http import ApiFault
from tidegate.ui.pages.campaign import form
from tidegate.ui.pages.campaign.form import Asked, Source
from tidegate.ui.pages.campaign.outlook import show_outlook
from tidegate.ui.pages.campaign.prices import STAYS
from tidegate.ui.pages.campaign.sentences import refused_in_words
from tidegate.ui.plain import plain
from tidegate.ui.session import moment, number, operating, say, show_fault

_PREVIEW, _PLANNED = "campaign.preview", "campaign.planned"
FIRST = 200
"""So many customers are shown; the whole list is a download."""
_LONGEST_NAME = 100


def show(needs: Needs) -> None:
    """The tab."""
    if needs.id is None:
        st.warning(say("The champion's spec names no id, so nobody could be told apart: no campaign can be planned."))
        return
    planned: list[Plan] = st.session_state.setdefault(_PLANNED, [])
    asked = form.show(needs)
    if st.button(say("Preview"), type="primary", icon=":material/visibility:", key="campaign.look"):
        _look(asked)
    seen: tuple[tuple[Any, ...], Plan] | None = st.session_state.get(_PREVIEW)
    if seen is not None:
        _previewed(asked, *seen, planned)
    # where it was planned just now there is no preview left
    if planned:
        _handed_out(planned)
    if planned and st.session_state.get(_PREVIEW) is None:
        st.subheader(plain(say("What is expected of {name}", name=planned[0].name)))
        show_outlook(planned[0])


def _look(asked: Asked) -> None:
    if asked.problem is not None or asked.source is None:
        st.error(asked.problem, icon=":material/block:")
        return
    with st.spinner(say("Reading the table and choosing customers …")):
        found = _sent(asked, asked.source, None)
    if found is not None:
        st.session_state[_PREVIEW] = (asked.mark, found)


def _previewed(asked: Asked, mark: tuple[Any, ...], plan: Plan, planned: list[Plan]) -> None:
    st.divider()
    st.subheader(say("Preview"))
    st.caption(say("Computed {at}; nothing of it is recorded.", at=moment(plan.planned_at)))
    changed = mark != asked.mark
    if changed:
        st.info(say("Something was changed since this preview: preview it again."), icon=":material/sync_problem:")
    show_outlook(plan)
    st.subheader(say("Plan it"))
    st.caption(say("The campaign goes on record with your name, and both lists are handed out. A name is used once."))
    name = st.text_input(say("Name of the campaign"), max_chars=_LONGEST_NAME, key="campaign.name", persist_state=STAYS)
    if not st.button(say("Plan this campaign"), type="primary", icon=":material/campaign:", key="campaign.plan", disabled=changed):
        return
    if not name.strip() or asked.source is None:
        st.error(say("Give the campaign a name."), icon=":material/block:")
        return
    with st.spinner(say("Reading the table and choosing customers …")):
        # straight into the list, with no call of Streamlit between: a visit that ends just now loses no list
        planned[:0] = filter(None, [_sent(asked, asked.source, name.strip())])
    if planned and planned[0].name == name.strip():
        st.session_state[_PREVIEW] = None
        st.toast(plain(say("Campaign {name} is on record: save both lists.", name=name.strip())), icon=":material/check_circle:")
        st.rerun()


def _sent(asked: Asked, source: Source, name: str | None) -> Plan | None:
    """The answer to a preview (no name) or a plan; None where it was refused, which is said on the page."""
    act, fields = (campaigns.preview, asked.fields) if name is None else (campaigns.plan, {**asked.fields, "name": name})
    try:
        with source.open() as file:
            return refused_in_words(lambda: act(operating(), fields, source.name, file, FIRST))
    except OSError:
        st.error(say("The scored table is no longer there: score it again, or upload it."), icon=":material/block:")
    except ApiFault as fault:
        show_fault(fault)
    return None


def _handed_out(planned: list[Plan]) -> None:
    """The lists of the campaigns that were planned in this visit."""
    st.divider()
    st.subheader(say("Planned in this visit"))
    st.caption(say("Save both lists now: the ledger keeps no ids, so they cannot be made again later."))
    for place, plan in enumerate(planned):
        if plan.lists is None:
            continue
        st.success(
            plain(
                say(
                    "Campaign {name} is on record since {at}, planned by {who}: contact {contacts}, leave the {control} of the control "
                    "group alone.",
                    name=plan.name,
                    at=moment(plan.planned_at),
                    who=plan.who,
                    contacts=number(plan.contacts),
                    control=number(plan.control),
                )
            ),
            icon=":material/check_circle:",
        )
        files = (
            (say("Whom to contact"), "contact", plan.lists.contact),
            (say("Control group: do not contact"), "control", plan.lists.keep_aside),
            (say("Profit curve"), "curve", plan.lists.curve),
        )
        buttons = st.container(horizontal=True)
        for title, word, data in files:
            buttons.download_button(
                title,
                data,
                file_name=f"{_file_name(plan.name)}.{word}.csv",
                mime="text/csv",
                icon=":material/download:",
                key=f"campaign.save.{len(planned) - place}.{word}",
                on_click="ignore",
            )


def _file_name(name: str) -> str:
    return "".join(character if character.isalnum() or character in "-_" else "_" for character in name)
