"""Versions of the model: compare them, see their curves and cards, decide who serves."""

from __future__ import annotations

import streamlit as st

from tidegate.ui.asking import begin, look
from tidegate.ui.client import models, renewals
from tidegate.ui.pages.models import card, champions, curves, decisions, groups, versions, work
from tidegate.ui.pages.models.seen import DECIDED, Seen, plain_name
from tidegate.ui.session import moment, operating, say

__all__ = ["show"]

_SECTION = "models.section"
_OVER_VERSIONS = ("versions", "curves", "groups")
_MOST_CHOSEN = 2


def show() -> None:
    """The page."""
    st.title(say("Models"))
    begin()
    found = look("models.versions", lambda: models.versions(operating()))
    if found is None:
        return
    held = look("models.renewals", lambda: renewals.renewals(operating()))
    done = st.session_state.pop(DECIDED, None)
    if done:
        st.success(done, icon=":material/check_circle:")
    _who_serves(found)
    section = _section(sum(one.held for one in held.all) if held else 0)
    seen = Seen(found, held, _chosen(found) if section in _OVER_VERSIONS else ())
    if section in ("decisions", "work", "champions"):
        {"decisions": decisions.show, "work": work.show, "champions": champions.show}[section](seen)
    elif not found.all:
        st.info(say("There is no version yet. Train one: tidegate train DATA --label COLUMN."), icon=":material/flag:")
    elif section == "card":
        card.show(seen)
    else:
        {"versions": versions.show, "curves": curves.show, "groups": groups.show}[section](seen)


def _who_serves(found: models.Versions) -> None:
    if found.champion is not None:
        st.caption(
            say(
                "Version {version} is champion since {since}. Measures are those of customers held out, with 95% intervals.",
                version=found.champion.version,
                since=moment(found.champion.since),
            )
        )
    elif found.all:
        st.info(say("No version is champion. Decisions, below, makes one."), icon=":material/flag:")


def _section(held: int) -> str:
    """Which part of the page is shown; in the address too."""
    names = {
        "versions": say("Versions"),
        "curves": say("Curves"),
        "groups": say("Groups"),
        "card": say("Card"),
        "champions": say("History"),
        "decisions": say("Decisions") + (f" ({held})" if held else ""),
        "work": say("Work"),
    }
    chosen = st.segmented_control(
        say("What to see"),
        list(names),
        default="versions",
        required=True,
        format_func=names.__getitem__,
        key=_SECTION,
        label_visibility="collapsed",
        persist_state="session",
    )
    return str(chosen or "versions")


def _chosen(found: models.Versions) -> tuple[models.Version, ...]:
    """One or two versions to look at: by default the champion and the newest other one."""
    sound = {one.version: one for one in found.all if one.damaged is None}
    if not sound:
        return ()
    champion = [one.version for one in sound.values() if one.champion]
    others = [one for one in sound if one not in champion]
    titles = {name: _title(one) for name, one in sound.items()}
    picked = st.multiselect(
        say("Versions to look at, one or two"),
        list(sound),
        default=[*champion, *others][:_MOST_CHOSEN],
        max_selections=_MOST_CHOSEN,
        format_func=titles.__getitem__,
        key="models.chosen",
        persist_state="session",
        placeholder=say("Choose"),
    )
    return tuple(sound[version] for version in picked if version in sound)


def _title(one: models.Version) -> str:
    return f"{one.version} · {plain_name(one.algorithm)}" + (f" · {say('champion')}" if one.champion else "")
