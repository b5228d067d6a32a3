"""One batch: verdicts, what was concluded in sentences, its columns, its ROC-AUC."""

from __future__ import annotations

from collections.abc import Iterator

import streamlit as st

from tidegate.ui.client.details import Column, Details, Realised
from tidegate.ui.client.monitoring import Batch
from tidegate.ui.pages.monitoring import words
from tidegate.ui.plain import plain
from tidegate.ui.session import heard, moment, number, percent, say

_MOST_RULES, _MOST_NAMES = 5, 12


def show(batch: Batch, found: Details) -> None:
    """All of it."""
    parts = {
        say("Health"): batch.health,
        say("Data"): batch.data_stability,
        say("Columns"): batch.column_drift,
        say("Dataset"): batch.dataset_drift,
        say("Performance"): batch.performance,
    }
    st.markdown(" &nbsp; ".join(f"{name}\u00a0{words.badge(verdict)}" for name, verdict in parts.items()))
    st.subheader(say("What was concluded"))
    st.markdown("\n".join(f"- {sentence}" for sentence in _sentences(found)))
    if found.warnings:
        st.warning("  \n".join(plain(heard(warning)) for warning in found.warnings), icon=":material/warning:")
    st.caption(
        say(
            "Monitored {at} against the customers that version {version} learned from; seen {seen}.",
            at=moment(found.at),
            version=plain(found.model_version or number(None)),
            seen=moment(found.seen_at),
        )
    )
    _performance(found)
    _columns(found)


def _sentences(found: Details) -> Iterator[str]:
    yield say(
        "{rows} rows came, {quarantined} of them ({share}) went into quarantine.",
        rows=number(found.rows),
        quarantined=number(found.quarantined),
        share=words.share_of(found.quarantined, found.rows),
    )
    if found.rules:
        often = ", ".join(f"{plain(rule)} ({number(count)})" for rule, count in found.rules[:_MOST_RULES])
        more = len(found.rules) - _MOST_RULES
        yield (
            say("Quarantined most often for {rules}.", rules=often)
            if more <= 0
            else say("Quarantined most often for {rules}, and {count} more rules.", rules=often, count=number(more))
        )
    if not found.drifted:
        yield say("None of {count} features drifted.", count=number(len(found.columns)))
    else:
        names = ", ".join(plain(name) for name in found.drifted[:_MOST_NAMES])
        rest = len(found.drifted) - _MOST_NAMES
        names += say(" and {count} more", count=number(rest)) if rest > 0 else ""
        yield say(
            "{drifted} of {count} features drifted: {names}.",
            drifted=number(len(found.drifted)),
            count=number(len(found.columns)),
            names=names,
        )
    yield from _about_performance(found)


def _about_performance(found: Details) -> Iterator[str]:
    if found.estimated is None:
        yield say("ROC-AUC could not be estimated.")
    elif found.estimated.trusted:
        yield say("The ROC-AUC that is estimated before labels come is to be trusted.")
    else:
        why = plain(heard(found.estimated.why))
        yield say("The ROC-AUC that is estimated before labels come is not to be trusted. {why}", why=why)
    yield _realised(found.realised)


def _realised(found: Realised | None) -> str:
    if found is None:
        return say("No label has matured yet: bring outcomes in with tidegate outcomes FILE, and monitor again.")
    about = {"batch": plain(found.batch), "rows": number(found.rows), "left": number(found.positives)}
    if not found.enough:
        return say("Too few matured labels to judge on batch {batch}: {rows} customers, {left} of whom left.", **about)
    if found.worse:
        return say(
            "On batch {batch} ({rows} customers with matured labels, {left} of whom left) ROC-AUC is {share} below the holdout’s: "
            "more than may be, and more than chance explains.",
            share=percent(found.drop),
            **about,
        )
    return say("On batch {batch} ({rows} customers with matured labels, {left} of whom left) ROC-AUC is not worse than may be.", **about)


def _performance(found: Details) -> None:
    st.subheader(say("ROC-AUC"))
    places = st.columns(3)
    estimated, realised = found.estimated, found.realised
    shown = (
        (
            say("Estimated"),
            estimated.roc_auc if estimated else None,
            say("trusted") if estimated and estimated.trusted else say("not to be trusted"),
        ),
        (say("Realised"), realised.roc_auc if realised else None, realised.batch if realised else ""),
    )
    for place, (name, area, remark) in zip(places, shown, strict=False):
        place.metric(name, number(area.value if area else None, 3))
        if area is not None and area.low is not None and area.high is not None:
            interval = say("{low} to {high}", low=number(area.low, 3), high=number(area.high, 3))
            place.caption(f"{interval} · {plain(remark)}")
    places[2].metric(say("Holdout"), number(found.holdout, 3), help=say("What the champion promised when it was trained"))


def _columns(found: Details) -> None:
    st.subheader(say("Columns"))
    if not found.columns:
        st.info(say("Too few valid rows were left to compare columns."), icon=":material/table_rows_narrow:")
        return
    rows = sorted(found.columns, key=lambda column: not column.drifted)
    right = (say("Statistic"), "p", say("p, adjusted"), say("Effect"), say("Limit"), say("Influence"), say("Missing"))
    st.dataframe(
        [_row(column) for column in rows],
        hide_index=True,
        height=min(36 * (len(rows) + 1), 430),
        column_config={
            say("Column"): st.column_config.TextColumn(say("Column"), pinned=True),
            say("Measure"): st.column_config.TextColumn(say("Measure"), width=120),
            **{name: st.column_config.TextColumn(name, alignment="right") for name in right},
        },
        alt=say("Columns of the batch beside the reference"),
    )
    st.caption(
        say(
            "Drifted first, then by influence, the mean change of the scores that a column’s drift makes. "
            "A column drifts where its adjusted p is below the significance and its effect reaches the limit."
        )
    )


def _row(column: Column) -> dict[str, str]:
    return {
        say("Column"): column.name,
        say("Drifted?"): f"{words.DRIFTED} {say('drifted')}" if column.drifted else f"✓ {say('no')}",
        say("Measure"): words.effect(column.effect),
        say("Effect"): number(column.value, 3),
        say("Limit"): number(column.limit, 3),
        say("p, adjusted"): words.chance(column.adjusted_p_value),
        say("Influence"): number(column.influence, 4),
        say("Missing"): percent(column.missing_batch),
        say("Test"): words.statistical_test(column.test),
        say("Statistic"): number(column.statistic, 3),
        "p": words.chance(column.p_value),
    }
