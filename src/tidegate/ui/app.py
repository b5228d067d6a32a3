"""One run of a visit: navigation, language, key, one page."""

from __future__ import annotations

from importlib import resources
from typing import Any

import streamlit as st

from tidegate.ui import session
from tidegate.ui.pages import customer, experiment, file, models, monitoring, overview
from tidegate.ui.pages.campaign import page as campaign
from tidegate.ui.session import say

_EXPOSED = (
    "Other machines reach this page, and the operate API asks for no key: nothing is shown. "
    "Make a key: tidegate key add NAME --role operate."
)


# Streamlit leaves a sixth of a screen empty above a page, and cuts a figure or its name where it is wider than its column.
_STYLE = """<style>
[data-testid=stMainBlockContainer] {padding: 3.2rem 2.5rem 3rem}
[data-testid=stMetricLabel] p {white-space: normal !important}
[data-testid=stMetricValue], [data-testid=stMetricValue] * {font-size: 1.55rem; white-space: normal; overflow-wrap: anywhere}
</style>"""


def main() -> None:
    """Everything that is drawn."""
    st.set_page_config(page_title="Tidegate", page_icon=_picture("icon.svg"), layout="wide")
    st.logo(_picture("logo.svg"), icon_image=_picture("icon.svg"), size="large")
    st.html(_STYLE)
    session.show_key()
    page = st.navigation(_pages())
    session.choose_language()
    if session.exposed():
        st.error(say(_EXPOSED))
        return
    page.run()


def _pages() -> list[Any]:
    return [
        st.Page(overview.show, title=say("Overview"), icon=":material/home:", default=True),
        # The first page's own address is "/"; this one is what somebody types who saw those of the others.
        st.Page(_home, title=say("Overview"), url_path="overview", visibility="hidden"),
        st.Page(customer.show, title=say("Score a customer"), icon=":material/person_search:", url_path="customer"),
        st.Page(file.show, title=say("Score a file"), icon=":material/upload_file:", url_path="file"),
        st.Page(campaign.show, title=say("Campaign"), icon=":material/campaign:", url_path="campaign"),
        st.Page(models.show, title=say("Models"), icon=":material/model_training:", url_path="models"),
        st.Page(monitoring.show, title=say("Monitoring"), icon=":material/monitor_heart:", url_path="monitoring"),
        st.Page(experiment.show, title=say("Experiment"), icon=":material/science:", url_path="experiment"),
    ]


def _home() -> None:
    overview.show()


def _picture(name: str) -> str:
    """A file of ours: an icon by its name would be fetched from another machine."""
    return str(resources.files("tidegate") / "ui" / name)
