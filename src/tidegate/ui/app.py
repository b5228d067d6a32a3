"""The script that Streamlit runs for every visit: navigation, language, key, one page."""

from __future__ import annotations

import streamlit as st

from tidegate.ui import session
from tidegate.ui.pages import customer, overview
from tidegate.ui.pages.campaign import page as campaign
from tidegate.ui.session import say

_EXPOSED = (
    "Other machines reach this page, and the operate API asks for no key: nothing is shown. "
    "Make a key: tidegate key add NAME --role operate."
)


def main() -> None:
    """One run of the script."""
    st.set_page_config(page_title="Tidegate", page_icon=":material/water:", layout="wide")
    session.show_key()
    page = st.navigation(
        [
            st.Page(overview.show, title=say("Overview"), icon=":material/home:", url_path="overview", default=True),
            st.Page(customer.show, title=say("Score a customer"), icon=":material/person_search:", url_path="customer"),
            st.Page(campaign.show, title=say("Campaign"), icon=":material/campaign:", url_path="campaign"),
        ]
    )
    session.choose_language()
    if session.exposed():
        st.error(say(_EXPOSED))
        return
    page.run()


main()
