"""The model card, section by section, and its page to keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from tidegate.ui.asking import look
from tidegate.ui.charts import models as charts
from tidegate.ui.client import models
from tidegate.ui.pages.models.seen import Seen, bounded, card_of, draw, in_english, kind, listed, plain_name
from tidegate.ui.plain import plain
from tidegate.ui.session import moment, number, operating, percent, say

_MOST_DRIVERS = 20
_GRAVITY = ("warning", "note", "ok")


def show(seen: Seen) -> None:
    """The section."""
    sound = [one.version for one in seen.versions.all if one.damaged is None]
    if not sound:
        st.info(say("Every version is damaged: no card can be shown."), icon=":material/help:")
        return
    serving = next((place for place, one in enumerate(seen.versions.all) if one.champion and one.version in sound), None)
    start = sound.index(seen.versions.all[serving].version) if serving is not None else 0
    version = st.selectbox(say("Card of version"), sound, index=start, key="models.card.version", persist_state="session")
    found = card_of(version)
    if found is None:
        return
    if found.document is None:
        st.info(say("Version {version} has no card. Train again.", version=version), icon=":material/help:")
        return
    document = found.document
    _head(found, document["model"])
    in_english()
    left, right = st.columns(2)
    with left:
        _sentences(say("Made for"), document.get("use", {}).get("intended", ()))
        _sentences(say("Limits"), document.get("limits", ()))
    with right:
        _sentences(say("Not made for"), document.get("use", {}).get("out_of_scope", ()))
    _findings(document.get("findings", ()))
    _drivers(document.get("drivers"))
    _data(document.get("data", {}))
    _money(document.get("money"))
    _again(document.get("again", {}))


def _head(found: models.Card, model: dict[str, Any]) -> None:
    st.subheader(f"{plain_name(model['algorithm'])} · {model['table']}")
    if found.meaning:
        st.text(found.meaning)
    places = st.columns(3)
    places[0].metric(say("Kind"), kind(model["kind"]))
    places[1].metric(say("Threshold"), number(model["threshold"], 3), help=model["threshold_rule"])
    places[2].metric(say("Share that left"), percent(found.document["data"].get("base_rate") if found.document else None))
    st.caption(say("Trained {at} with Tidegate {code}.", at=moment(model["created_at"]), code=model["code_version"]))
    page = look(f"models.page.{found.version}", lambda: models.card_page(operating(), found.version))
    if page is not None:
        st.download_button(
            say("Keep the card as a page"),
            page,
            file_name=f"model-card-{found.version}.html",
            mime="text/html",
            icon=":material/download:",
            key="models.card.page",
            on_click="ignore",
        )
    if model.get("members"):
        parts = ", ".join(f"{plain_name(name)} {number(weight, 3)}" for name, weight in model["members"].items())
        st.text(say("Members and weights: {parts}", parts=parts))


def _sentences(title: str, sentences: Sequence[str]) -> None:
    if sentences:
        st.markdown(f"**{title}**")
        listed(sentences)


def _data(data: dict[str, Any]) -> None:
    st.subheader(say("Data"))
    window = data.get("window")
    known = {
        say("Table"): data.get("file"),
        say("Period"): f"{window['first']} – {window['last']}" if window else None,
        say("Rows read"): data.get("rows_read"),
        say("Rows quarantined"): data.get("rows_quarantined"),
        say("Rows without a label yet"): data.get("unlabelled"),
        say("Rows to learn from"): data.get("training_rows"),
        say("Rows held out"): data.get("holdout_rows"),
        say("Held out how"): data.get("split"),
        "SHA-256": data.get("sha256"),
    }
    rows = [
        {say("What"): name, say("Value"): number(value) if isinstance(value, int) else str(value)}
        for name, value in known.items()
        if value is not None
    ]
    st.dataframe(rows, hide_index=True, key="models.card.data")
    refused = data.get("quarantined", {})
    if refused:
        st.dataframe(
            [{say("Refused by"): rule, say("Cells"): number(count)} for rule, count in refused.items()],
            hide_index=True,
            key="models.card.refused",
        )
    listed(data.get("notes", ()))


def _findings(findings: Sequence[dict[str, Any]]) -> None:
    st.subheader(say("Honesty checks"))
    words = {"ok": say("✓ fine"), "note": say("◆ note"), "warning": say("▲ warning")}
    checks = {
        "duplicates": say("Rows on both sides of the split"),
        "target_like": say("Columns that resemble the outcome"),
        "determined": say("Values that decide the outcome"),
        "order": say("Order of rows and ids"),
        "time_travel": say("Time of training and holdout"),
        "late_dates": say("Dates after their row’s time"),
        "suspicious_auc": say("Too good to be true"),
        "holdout_gap": say("Holdout against out of fold"),
        "imbalance": say("Balance of outcomes"),
        "holdout_size": say("Size of the holdout"),
    }
    ordered = sorted(findings, key=lambda one: _GRAVITY.index(one["severity"]) if one["severity"] in _GRAVITY else 0)
    lines = []
    for one in ordered:
        verdict, check = words.get(one["severity"], one["severity"]), checks.get(one["name"], plain_name(one["name"]))
        lines.append(f"- {plain(verdict)} · **{plain(check)}** · {plain(one['sentence'])}")
    st.markdown("\n".join(lines))


def _drivers(drivers: dict[str, Any] | None) -> None:
    st.subheader(say("What moves it"))
    if not drivers:
        st.caption(say("The card names no drivers."))
        return
    shown = drivers["columns"][:_MOST_DRIVERS]
    digits = 3 if drivers["space"] == "logit" else 4
    axis = say("mean absolute Shapley value, log-odds") if drivers["space"] == "logit" else say("mean absolute Shapley value, probability")
    names = [f"{one.get('meaning') or one['name']}" + (f" ({one['unit']})" if one.get("unit") else "") for one in shown]
    amounts = [one["mean_absolute"] for one in shown]
    draw(charts.strengths(names, amounts, [number(amount, digits) for amount in amounts], axis), "models.card.drivers")
    st.caption(
        say(
            "Over {rows} training customers: how far a column moves a prediction, up or down. It is no cause. {shown} of {all} columns.",
            rows=number(drivers["rows"]),
            shown=number(len(shown)),
            all=number(len(drivers["columns"])),
        )
    )


def _money(money: dict[str, Any] | None) -> None:
    if not money:
        return
    st.subheader(say("Money"))
    rules = {"highest F1": say("highest F1"), "highest profit": say("highest profit")}
    earned = say("{currency} per 1,000 customers", currency=money["currency"])
    st.dataframe(
        [
            {
                say("Rule"): rules.get(one["rule"], one["rule"]),
                say("Threshold"): number(one["threshold"], 3),
                say("Contacted"): percent(one["share_contacted"]),
                earned: _earned(one["profit_per_1000"]),
            }
            for one in money["rows"]
        ],
        hide_index=True,
        key="models.card.money",
    )
    listed(money.get("said", ()))


def _earned(profit: dict[str, float]) -> str:
    return bounded(profit["value"], profit["low"], profit["high"], 0)


def _again(again: dict[str, Any]) -> None:
    st.subheader(say("Train it again"))
    if "command" in again:
        st.code(again["command"], language="bash", wrap_lines=True)
    left, right = st.columns(2)
    with left:
        _sentences(say("The same to the bit"), again.get("identical", ()))
    with right:
        _sentences(say("Not the same"), again.get("not_identical", ()))
