"""Two tabs: plan a campaign, and read what a past one brought."""

from __future__ import annotations

import streamlit as st

from tidegate.ui import session
from tidegate.ui.client import campaigns
from tidegate.ui.pages.campaign import past, plan
from tidegate.ui.pages.campaign.choices import opened
from tidegate.ui.session import operating, say


def show() -> None:
    """The page. Only the tab that is open asks the APIs."""
    st.title(say("Campaign"))
    place, tab = opened([say("Plan"), say("What it brought")], "campaign.tab")
    with tab:
        if place:
            past.show()
            return
        needs = session.remembered("campaign.needs", lambda: campaigns.needs(operating()))
        if needs is not None:
            plan.show(needs)
