"""One person's visit: the language, the key, the two APIs, and what they typed before something went wrong."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
import streamlit as st

from tidegate.settings import Settings, read_settings
from tidegate.ui import figures
from tidegate.ui.client.http import Api, ApiFault, ApiRefused, ApiUnreachable, KeyNeeded, RoleNeeded
from tidegate.ui.sentences import retold
from tidegate.ui.words import ENGLISH, FRENCH, LANGUAGES, translated

Found = TypeVar("Found")
_LANGUAGE, _KEY, _LAST = "tidegate.language", "tidegate.key", "tidegate.last"


@st.cache_resource
def settings() -> Settings:
    """Those of the process."""
    return read_settings()


@st.cache_resource
def _connected(url: str) -> httpx.Client:
    """Kept open, for all visits."""
    return httpx.Client(base_url=url, trust_env=False)


def language() -> str:
    """That chosen on the page, else that of the address (`?lang=fr`), else that of the browser."""
    if _LANGUAGE not in st.session_state:
        asked = str(st.query_params.get("lang", "")) or (st.context.locale or "")[:2]
        st.session_state[_LANGUAGE] = asked if asked in LANGUAGES else ENGLISH
    return str(st.session_state[_LANGUAGE])


def choose_language() -> None:
    """The choice, in the sidebar."""
    present = language()
    chosen = st.sidebar.segmented_control(
        "Language / Langue", list(LANGUAGES), default=present, format_func=LANGUAGES.__getitem__, key="tidegate.language.choice"
    )
    if chosen and chosen != present:
        st.session_state[_LANGUAGE] = chosen
        st.query_params["lang"] = chosen
        st.rerun()


def say(text: str, **values: object) -> str:
    """A sentence in the language of the visit."""
    return translated(text, language(), **values)


def scoring() -> Api:
    """The scoring API, with the key of the visit."""
    given = settings()
    return Api("scoring API", _connected(given.ui_api_url or f"http://{given.host}:{given.port}"), st.session_state.get(_KEY))


def operating() -> Api:
    """The operate API, with the key of the visit."""
    given = settings()
    url = given.ui_operate_url or f"http://{given.operate_host}:{given.operate_port}"
    return Api("operate API", _connected(url), st.session_state.get(_KEY))


def asked(what: Callable[[], Found]) -> Found | None:
    """What an API answers; where it does not, one sentence on the page that says what happened, and None."""
    try:
        return what()
    except ApiFault as fault:
        show_fault(fault)
        return None


def remembered(name: str, what: Callable[[], Found]) -> Found | None:
    """What an API answers, kept for the visit: where it is away for a moment, what was known is shown, and what was typed stays."""
    kept: dict[str, Any] = st.session_state.setdefault(_LAST, {})
    found = asked(what)
    if found is not None:
        kept[name] = found
    return kept.get(name)


def recalled(name: str) -> Any:
    """What was remembered under this name, without asking again; None where nothing was."""
    return st.session_state.get(_LAST, {}).get(name)


class Reading:
    """Several questions for one run of a page, remembered; what goes wrong with more than one of them is said once, and where this was
    made: a sentence that comes and goes moves nothing else on the page, and no tab springs back to the first.
    """

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._place = st.container()

    def __call__(self, name: str, what: Callable[[], Found]) -> Found | None:
        """What is answered; else a sentence, and what was answered before (None where nothing was)."""
        kept: dict[str, Any] = st.session_state.setdefault(_LAST, {})
        try:
            kept[name] = what()
        except ApiFault as fault:
            if fault.detail not in self._said:
                self._said.add(fault.detail)
                with self._place:
                    show_fault(fault)
        return kept.get(name)


def heard(sentence: str) -> str:
    """A sentence that an API composed, in the language of the visit."""
    return retold(sentence, language())


def show_fault(fault: ApiFault) -> None:
    """One sentence: what happened, and what to do."""
    detail = heard(fault.detail)
    if isinstance(fault, KeyNeeded):
        known = "The API does not know this key, or it has expired: give another one at the side. What you typed stays."
        st.warning(say(known if st.session_state.get(_KEY) else "An API key is needed: give it at the side."), icon=":material/key:")
        ask_for_key()
    elif isinstance(fault, RoleNeeded):
        st.warning(say("Your key may not do this: {detail}", detail=detail), icon=":material/lock:")
    elif isinstance(fault, ApiUnreachable):
        st.error(
            say("{detail} Start it, or wait a moment and try again; what you typed stays.", detail=detail),
            icon=":material/cloud_off:",
        )
    elif isinstance(fault, ApiRefused):
        st.error(say("Refused: {detail}", detail=detail), icon=":material/block:")
    else:
        st.error(detail)


def ask_for_key() -> None:
    """A form in the sidebar, once on a page. What is typed goes to the memory of this visit; the page keeps nothing of it."""
    if st.session_state.get("tidegate.asked"):
        return
    st.session_state["tidegate.asked"] = True
    with st.sidebar.form("tidegate.key.form", clear_on_submit=True):
        given = st.text_input(say("API key"), type="password", autocomplete="off")
        if st.form_submit_button(say("Use this key")) and given.strip():
            st.session_state[_KEY] = given.strip()
            st.session_state["tidegate.asked"] = False
            st.rerun()


def show_key() -> None:
    """In the sidebar, where a key is in use: how to leave."""
    st.session_state["tidegate.asked"] = False
    if st.session_state.get(_KEY) and st.sidebar.button(say("Forget my key"), icon=":material/logout:"):
        del st.session_state[_KEY]
        st.session_state.pop(_LAST, None)
        st.rerun()


def exposed() -> bool:
    """Whether other machines reach these pages, and the operate API would let them do everything without a key."""
    host = settings().ui_host
    local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    if local:
        return False
    try:
        Api("operate API", operating().connection).get("/models")
    except ApiFault:
        return False
    return True


def number(value: float | None, digits: int = 0) -> str:
    """As people of the visit's language write it."""
    return figures.number(value, language(), digits)


def percent(share: float | None, digits: int = 1) -> str:
    """A share of one."""
    return figures.percent(share, language(), digits)


def separators() -> str:
    """Of numbers, for pictures: decimal sign, then thousands."""
    return ",\u202f" if language() == FRENCH else ".,"


def moment(text: str | None) -> str:
    """An ISO time."""
    return figures.moment(text, language())


def is_french() -> bool:
    """Whether sentences that an API wrote in English are to be said in another way."""
    return language() == FRENCH
