"""All versions; one or two of them compared; and what their trainings compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from tidegate.ui.asking import look
from tidegate.ui.charts import models as charts
from tidegate.ui.charts.curves import Axis
from tidegate.ui.charts.models import Dot
from tidegate.ui.client import evaluations, models
from tidegate.ui.client.evaluations import Evaluation
from tidegate.ui.pages.models.seen import (
    BETTER_HIGH,
    BETTER_LOW,
    Seen,
    bounded,
    card_of,
    draw,
    in_english,
    kind,
    listed,
    measure,
    plain_name,
)
from tidegate.ui.plain import plain
from tidegate.ui.session import moment, number, operating, say

_IN_TABLE = ("pr_auc", "roc_auc", "brier", "recall", "precision")


def show(seen: Seen) -> None:
    """The section."""
    st.subheader(say("All versions"))
    st.dataframe([_row(one) for one in seen.versions.all], hide_index=True, key="models.versions.table")
    for one in seen.versions.all:
        if one.damaged:
            st.warning(
                say("Version {version} is damaged and cannot serve: {how}", version=plain(one.version), how=plain(one.damaged)),
                icon=":material/broken_image:",
            )
    if not seen.chosen:
        st.info(say("Choose a version above to see more of it."), icon=":material/touch_app:")
        return
    _compare(seen.chosen)
    _candidates(seen.chosen)


def _row(one: models.Version) -> dict[str, Any]:
    found = {measured.name: measured for measured in one.metrics}
    state = say("✗ damaged") if one.damaged else say("★ champion") if one.champion else ""
    return {
        say("Version"): one.version,
        say("State"): state,
        say("Algorithm"): plain_name(one.algorithm),
        **{measure(name): _cell(found.get(name)) for name in _IN_TABLE},
        say("Threshold"): number(one.threshold, 3),
        say("Trained"): moment(one.created_at),
        say("Customers held out"): number(one.holdout_rows),
    }


def _cell(found: models.Measured | None) -> str:
    return number(None) if found is None else bounded(found.value, found.low, found.high)


def _compare(chosen: Sequence[models.Version]) -> None:
    st.subheader(say("Side by side") if len(chosen) > 1 else say("Version {version}", version=chosen[0].version))
    if not any(one.metrics for one in chosen):
        st.info(say("No card says how good this version is. Train again."), icon=":material/help:")
        return
    left, right = st.columns(2)
    with left:
        draw(charts.whiskers(_dots(chosen, BETTER_HIGH), Axis(say("More is better"), ".2f")), "models.compare.high")
    with right:
        draw(charts.whiskers(_dots(chosen, BETTER_LOW), Axis(say("Less is better"), ".2f")), "models.compare.low")
    sources = {card.document["data"].get("sha256") for card in (card_of(one.version) for one in chosen) if card and card.document}
    if len(sources) > 1:
        st.caption(
            say("These versions were measured on customers of different tables: a difference may be the tables’ and not the models’.")
        )
    elif len(chosen) > 1:
        st.caption(say("Both were measured on the same table. Intervals that overlap much say that chance could explain the difference."))


def _dots(chosen: Sequence[models.Version], names: Sequence[str]) -> list[tuple[str, list[Dot]]]:
    series = []
    for one in chosen:
        found = {measured.name: measured for measured in one.metrics}
        dots = [Dot(measure(name), found[name].value, found[name].low, found[name].high) for name in names if name in found]
        series.append((_name(one), dots))
    return series


def _name(one: models.Version) -> str:
    title = say("Version {version}", version=one.version)
    return f"{title} ({say('champion')})" if one.champion else title


def _candidates(chosen: Sequence[models.Version]) -> None:
    st.subheader(say("What its training compared"))
    version = chosen[0].version
    if len(chosen) > 1:
        version = st.radio(say("Training of version"), [one.version for one in chosen], horizontal=True, key="models.candidates.version")
    card = card_of(version)
    tried = (card.document or {}).get("candidates", []) if card else []
    if card is None or not tried:
        st.info(say("The card of version {version} names no candidates.", version=version), icon=":material/help:")
        return
    ordered = sorted(tried, key=lambda one: -one["out_of_fold"].get("composite", 0.0))
    st.markdown(f"**{say('Why it won')}**")
    in_english()
    st.text((card.document or {})["model"]["why"])
    evaluation = look(f"models.evaluation.{version}", lambda: evaluations.evaluation(operating(), version))
    bounds = _bounds(evaluation)
    draw(charts.whiskers(_tried_dots(ordered, bounds), Axis(say("Composite score"), ".2f")), "models.candidates.chart")
    st.dataframe([_tried_row(one, bounds) for one in ordered], hide_index=True, key="models.candidates.table")
    st.caption(
        say(
            "The composite score out of fold chose, noise and simplicity considered; customers held out only report. "
            "It is made of ROC-AUC, F1, precision and recall."
        )
    )
    if isinstance(evaluation, Evaluation) and evaluation.improvements:
        with st.expander(say("What tuning and ensembles gained")):
            in_english()
            listed(evaluation.improvements)


def _bounds(evaluation: Evaluation | str | None) -> dict[str, dict[str, evaluations.Bounded]]:
    """Intervals by model and measure, where this home has the evaluation: the card has none of those that lost."""
    return {one.name: one.holdout for one in evaluation.models} if isinstance(evaluation, Evaluation) else {}


def _tried_name(one: dict[str, Any]) -> str:
    return plain_name(one["name"]) + (" ★" if one.get("chosen") else "")


def _tried_dots(tried: Sequence[dict[str, Any]], bounds: dict[str, dict[str, evaluations.Bounded]]) -> list[tuple[str, list[Dot]]]:
    out = [Dot(_tried_name(one), one["out_of_fold"]["composite"]) for one in tried if "composite" in one["out_of_fold"]]
    held = []
    for one in tried:
        if "composite" in one["holdout"]:
            found = bounds.get(one["name"], {}).get("composite")
            held.append(Dot(_tried_name(one), one["holdout"]["composite"], *((found.low, found.high) if found else ())))
    return [(say("out of fold (chose)"), out), (say("held out (reports)"), held)]


def _tried_row(one: dict[str, Any], bounds: dict[str, dict[str, evaluations.Bounded]]) -> dict[str, Any]:
    inside, outside = one["out_of_fold"], one["holdout"]
    found = bounds.get(one["name"], {})

    def held(name: str) -> str:
        known = found.get(name)
        return bounded(outside.get(name), known.low, known.high) if known else number(outside.get(name), 3)

    return {
        say("Model"): _tried_name(one),
        say("Kind"): kind(one["kind"]),
        **{
            say("{measure}, out of fold", measure=measure(name)): number(inside.get(name), 3)
            for name in ("composite", "pr_auc", "log_loss")
        },
        **{say("{measure}, held out", measure=measure(name)): held(name) for name in ("composite", "pr_auc", "log_loss")},
    }
