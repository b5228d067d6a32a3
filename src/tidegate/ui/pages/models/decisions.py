"""Who shall serve, by a person's word: a renewal that is held, a promotion, a rollback."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from tidegate.ui.client import models, renewals
from tidegate.ui.client.models import Appointed
from tidegate.ui.client.renewals import Renewal
from tidegate.ui.pages.models import gates, steps
from tidegate.ui.pages.models.seen import Seen, listed, plain_name
from tidegate.ui.pages.models.steps import Act, Step
from tidegate.ui.plain import plain
from tidegate.ui.session import heard, moment, number, operating, say


def show(seen: Seen) -> None:
    """The section."""
    steps.begin()
    known = seen.renewals.all if seen.renewals else ()
    held = [one for one in known if one.held]
    _overtaken(seen.versions.champion.version if seen.versions.champion else None, held, known)
    st.subheader(say("Renewals that wait for your word"))
    for one in held:
        _held(one, seen.versions.champion)
    if not held:
        st.caption(say("None."))
    left, right = st.columns(2)
    with left:
        _promotion(seen.versions)
    with right:
        _rollback(seen.versions)
    _decided(known)


def _overtaken(now: str | None, held: Sequence[Renewal], known: Sequence[Renewal]) -> None:
    """A step whose ground somebody else has taken away before its yes: it is told, and taken back. `now`: the champion."""
    step = steps.pending()
    if step is None:
        return
    if step.act in ("promote", "roll back") and step.instead_of != now:
        told = say("Somebody was faster: version {now} is champion by now. Nothing was changed; look at it again.", now=plain(now or "–"))
    elif step.act in ("approve", "refuse") and all(str(one.number) != step.target for one in held):
        one = next((one for one in known if str(one.number) == step.target), None)
        became = plain(_became(one) if one else say("it waits for nobody any more"))
        told = say("Somebody was faster with renewal {number}: {became}. Nothing was changed by you.", number=step.target, became=became)
    else:
        return
    steps.drop()
    st.error(told, icon=":material/group:")


def _held(one: Renewal, serving: models.Champion | None) -> None:
    with st.container(border=True, key=f"models.held.{one.number}"):
        st.markdown(
            say(
                "**Renewal {number}**: version **{challenger}** instead of version **{champion}**, after batch {batch}, held since {at}.",
                number=one.number,
                challenger=plain(one.challenger),
                champion=plain(one.champion),
                batch=plain(one.batch),
                at=moment(one.decided_at),
            )
        )
        if serving is not None and serving.version != one.champion:
            compared = say("It was compared with version {champion}, which is not the champion any more.", champion=plain(one.champion))
            st.warning(compared, icon=":material/history:")
        passed = sum(gate.passed for gate in one.gates)
        st.caption(say("{passed} of {all} gates passed.", passed=number(passed), all=number(len(one.gates))))
        gates.show(one.gates, f"models.gates.{one.number}")
        if one.reasons:
            with st.expander(say("Why it is held"), expanded=True):
                listed(heard(reason) for reason in one.reasons)
        field = f"models.reason.{one.number}"
        steps.reason_field(field)
        steps.offer(_words_on(one), field, f"models.decide.{one.number}")


def _words_on(one: Renewal) -> tuple[Act, Act]:
    """What a person can say to a renewal that is held: yes or no."""
    names = {"number": one.number, "challenger": plain(one.challenger), "champion": plain(one.champion)}
    approve = Act(
        Step("approve", str(one.number), None),
        say("Approve…"),
        say(
            "Renewal {number} is approved: version {challenger} becomes champion instead of version {champion}, "
            "although not every gate passed. Running servers follow within seconds.",
            **names,
        ),
        say("Yes, version {challenger} shall serve", **names),
        _conclude,
    )
    refuse = Act(
        Step("refuse", str(one.number), None),
        say("Refuse…"),
        say("Renewal {number} is refused: version {champion} stays champion, and version {challenger} is put aside.", **names),
        say("Yes, version {champion} shall stay", **names),
        _conclude,
        primary=False,
    )
    return approve, refuse


def _conclude(step: Step) -> str:
    done = renewals.conclude(operating(), int(step.target), step.act == "approve", step.reason)
    names = {"number": step.target, "challenger": plain(done.challenger), "champion": plain(done.champion)}
    if done.decision == "promoted":
        told = say("Renewal {number} is approved: version {challenger} is champion now, instead of version {champion}.", **names)
    else:
        told = say("Renewal {number} is refused: version {champion} stays champion.", **names)
    return _with_warnings(told, done.warnings)


def _promotion(found: models.Versions) -> None:
    st.subheader(say("Promote a version"))
    others = {one.version: one for one in found.all if not one.champion and one.damaged is None}
    if not others:
        st.caption(say("There is no other sound version to promote."))
        return
    titles = {name: f"{name} · {plain_name(one.algorithm)} · {moment(one.created_at)}" for name, one in others.items()}
    version = st.selectbox(
        say("Version to promote"),
        list(titles),
        format_func=titles.__getitem__,
        key="models.promote.version",
        persist_state="session",
    )
    steps.reason_field("models.promote.reason")
    serving = found.champion.version if found.champion else None
    names = {"version": plain(version), "champion": plain(serving or "")}
    sentence = (
        say("Version {version} becomes champion: it is checked, then running servers follow within seconds.", **names)
        if serving is None
        else say(
            "Version {version} becomes champion instead of version {champion}: it is checked, then running servers follow within seconds.",
            **names,
        )
    )
    act = Act(
        Step("promote", version, serving),
        say("Promote version {version}…", **names),
        sentence,
        say("Yes, version {version} shall serve", **names),
        lambda step: _told(models.promote(operating(), step.target, step.reason, step.instead_of)),
    )
    steps.offer([act], "models.promote.reason", "models.promote")


def _rollback(found: models.Versions) -> None:
    st.subheader(say("Roll back"))
    if found.champion is None or not found.earlier:
        st.caption(say("There is no earlier champion to go back to."))
        return
    serving, target = found.champion.version, found.earlier[0]
    names = {"version": plain(target), "champion": plain(serving)}
    st.caption(say("Version {champion} was preceded by version {version}.", **names))
    steps.reason_field("models.rollback.reason")
    act = Act(
        Step("roll back", target, serving),
        say("Roll back to version {version}…", **names),
        say("Version {version} serves again instead of version {champion}; running servers follow within seconds.", **names),
        say("Yes, back to version {version}", **names),
        lambda step: _told(models.roll_back(operating(), step.reason, step.instead_of or "")),
        primary=False,
    )
    steps.offer([act], "models.rollback.reason", "models.rollback")


def _told(done: Appointed) -> str:
    """What the server answered, in a sentence or two."""
    names = {"version": plain(done.version), "previous": plain(done.previous or ""), "since": moment(done.since)}
    if not done.changed:
        return say("Version {version} was champion already, since {since}; nothing was changed.", **names)
    told = (
        say("Version {version} is champion since {since}, instead of version {previous}.", **names)
        if done.previous
        else say("Version {version} is champion since {since}.", **names)
    )
    back = say("A rollback leads to version {earlier}.", earlier=plain(done.earlier[0])) if done.earlier else ""
    return _with_warnings(f"{told} {back}".strip(), done.warnings)


def _with_warnings(told: str, warnings: Sequence[str]) -> str:
    return "  \n".join([told, *(plain(warning) for warning in warnings)])


def _became(one: Renewal) -> str:
    """What became of a renewal, in some words."""
    if one.superseded_by is not None:
        return say("superseded by renewal {number}", number=one.superseded_by)
    if one.became is not None:
        return say("then {decision} by {who}", decision=decision(one.became), who=one.by)
    if one.waiting:
        return say("waits for a person") if one.decision == "held" else say("its canary runs")
    return decision(one.decision)


def decision(name: str) -> str:
    """What was decided, in a word."""
    words = {
        "promoted": say("promoted"),
        "held": say("held"),
        "refused": say("refused"),
        "canary": say("in a canary"),
        "not_needed": say("not needed"),
    }
    return words.get(name, name)


def _decided(known: Sequence[Renewal]) -> None:
    st.subheader(say("Renewals so far"))
    if not known:
        st.caption(say("None was decided yet: tidegate renew, or the section Work."))
        return
    rows = [
        {
            say("Renewal"): number(one.number),
            say("When"): moment(one.decided_at),
            say("Batch"): one.batch,
            say("Challenger"): one.challenger,
            say("Champion"): one.champion,
            say("Decision"): decision(one.decision),
            say("What became of it"): _became(one),
            say("Why"): one.why or number(None),
            say("Gates that failed"): ", ".join(gates.title(gate.name) for gate in one.gates if not gate.passed) or number(None),
        }
        for one in known
    ]
    st.dataframe(rows, hide_index=True, key="models.renewals.table")
