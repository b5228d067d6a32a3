"""Alerts with their state: what is open, what has not reached its channel, what was sent, and whether the channels work."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from tidegate.ui.client import alerts
from tidegate.ui.client.alerts import Message, Opened, Telling
from tidegate.ui.plain import plain
from tidegate.ui.session import asked, heard, moment, number, operating, percent, say

_MOST_SHOWN = 20


def show(found: Telling | None) -> None:
    """All of them; nothing where the API did not say."""
    if found is None:
        return
    st.subheader(say("Open alerts"))
    for one in found.open:
        _opened(one)
    if not found.open:
        st.success(say("No alert is open."), icon=":material/check_circle:")
    st.subheader(say("Channels"))
    _channels(found.channels)
    if found.owed:
        st.subheader(say("Not at its channel yet"))
        st.dataframe([_owed(one) for one in found.owed], hide_index=True, alt=say("Not at its channel yet"))
        st.caption(say("Each is tried again at every round of tidegate watch, and after every run of tidegate monitor."))
    st.subheader(say("Newest deliveries"))
    if found.deliveries:
        st.dataframe([_delivered(one) for one in found.deliveries[:_MOST_SHOWN]], hide_index=True, alt=say("Newest deliveries"))
    else:
        st.caption(say("Nothing was sent yet."))


def _opened(one: Opened) -> None:
    alert = one.alert
    critical = alert.severity == "critical"
    lines = [f"**{plain(heard(alert.title))}** · {say('critical') if critical else say('warning')}"]
    lines += [plain(heard(alert.detail))] if alert.detail else []
    facts = [say("Since {at}.", at=moment(one.since))]
    facts += [_measured(one)] if alert.value is not None and alert.limit is not None and alert.limit > 0 else []
    facts += [say("The last look found it below its limit; one more, and it is over.")] if one.clearing else []
    lines.append(" ".join(facts))
    links = [_link(say("Report"), alert.link), _link(say("What to do"), alert.runbook)]
    lines += [" · ".join(link for link in links if link)] if any(links) else []
    show_it = st.error if critical else st.warning
    show_it("  \n".join(lines), icon=":material/notifications_active:" if critical else ":material/notifications:")


def _measured(one: Opened) -> str:
    """Value and limit in the unit of the kind, and from when the value is."""
    alert = one.alert
    shape: Callable[[float | None], str] = percent
    if alert.kind in ("drift", "latency"):
        shape = number if alert.kind == "drift" else _milliseconds
    return say("It was {value} on {at}, the limit is {limit}.", at=moment(one.told), value=shape(alert.value), limit=shape(alert.limit))


def _milliseconds(seconds: float | None) -> str:
    return f"{number(None if seconds is None else 1000 * seconds)} ms"


def _link(name: str, place: str) -> str:
    """A link where it is an address, else the path for who looks in the home or the documentation."""
    if not place:
        return ""
    if place.startswith(("https://", "http://")) and not set(place) & set(" <>()[]\"'\\"):
        return f"[{name}]({place})"
    return say("{name}: {place}", name=name, place=plain(place))


def _channels(names: Sequence[str]) -> None:
    if not names:
        st.warning(
            say("No channel is configured, so nobody is told: set TIDEGATE_ALERT_CHANNELS, or TIDEGATE_ALERT_CHANNELS_FILE."),
            icon=":material/notifications_off:",
        )
        return
    st.markdown(say("Configured: {names}.", names=", ".join(plain(name) for name in names)))
    if not st.button(say("Send a test message"), icon=":material/send:", key="monitoring.test"):
        return
    with st.spinner(say("Sending…")):
        arrived = asked(lambda: alerts.send_test(operating()))
    for name, there in (arrived or {}).items():
        if there:
            st.success(say("{name} took it.", name=plain(name)), icon=":material/check_circle:")
        else:
            st.error(say("{name} did not take it: check its address and its secret.", name=plain(name)), icon=":material/cancel:")


def _owed(one: Message) -> dict[str, str]:
    return {
        say("At"): moment(one.at),
        say("Message"): heard(one.alert.title),
        say("Kind"): _kind(one.what),
        say("Channel"): one.channel,
    }


def _delivered(one: Message) -> dict[str, str]:
    return {**_owed(one), say("Arrived?"): f"✓ {say('arrived')}" if one.arrived else f"✕ {say('did not arrive')}"}


def _kind(what: str) -> str:
    """Why a message was sent."""
    names = {"alert raised": say("raised"), "alert reminded": say("reminder"), "alert resolved": say("resolved")}
    return names.get(what, what)
