"""Who serves, how it goes, and what needs a person now."""

from __future__ import annotations

import streamlit as st

from tidegate.ui import session
from tidegate.ui.charts import traffic as charts
from tidegate.ui.client import alerts, experiments, models, monitoring, renewals, scoring
from tidegate.ui.client.http import ApiFault, ApiRefused
from tidegate.ui.pages.experiment.seen import mode
from tidegate.ui.pages.monitoring.words import verdict
from tidegate.ui.plain import plain
from tidegate.ui.session import asked, moment, number, operating, percent, say

_SHOWN = {"pr_auc": "PR-AUC", "roc_auc": "ROC-AUC", "recall": "Recall", "precision": "Precision"}


def show() -> None:
    """The page."""
    st.title(say("Overview"))
    found = asked(lambda: (models.champion(operating()),))
    if found is None:
        return
    (champion,) = found
    if champion is None:
        st.info(say("There is no champion yet. Train one: tidegate train DATA --label COLUMN."), icon=":material/flag:")
        return
    card = asked(lambda: models.card(operating(), champion.version))
    batches = asked(lambda: monitoring.batches(operating(), 1))
    newest = batches[0] if batches else None
    _needs_a_person(champion, card, newest)
    if card is not None:
        _champion(champion, card)
    left, right = st.columns(2)
    with left:
        _traffic()
    with right:
        if batches is not None:
            _monitored(newest)
        _experiment()


def _needs_a_person(champion: models.Champion, card: models.Card | None, newest: monitoring.Batch | None) -> None:
    st.subheader(say("What needs a person now"))
    damaged = card.damaged if card else None
    if damaged:
        st.error(
            say("Version {version} is damaged and cannot serve: {how}", version=plain(champion.version), how=plain(damaged)),
            icon=":material/error:",
        )
    # A verdict about an earlier champion is history.
    failed = newest if newest and newest.health == "FAIL" and newest.model_version == champion.version else None
    if failed:
        st.warning(
            say("The newest batch, {batch}, fails: the page Monitoring says why.", batch=plain(failed.batch)),
            icon=":material/monitor_heart:",
        )
    held, standing = asked(lambda: renewals.held_renewals(operating())), asked(lambda: alerts.standing(operating()))
    for one in held or ():
        st.warning(
            say(
                "Renewal {number} is held: version {challenger} waits for your word against version {champion} (batch {batch}, {at}).",
                number=one.number,
                challenger=one.challenger,
                champion=one.champion,
                batch=one.batch,
                at=moment(one.decided_at),
            ),
            icon=":material/gavel:",
        )
    for alert in standing.open if standing else ():
        show = st.error if alert.severity == "critical" else st.warning
        title, detail = (plain(session.heard(sentence)) for sentence in (alert.title, alert.detail))
        show(f"**{title}**  \n{detail} {say('Since {at}.', at=moment(alert.since))}", icon=":material/notifications_active:")
    if standing and standing.undelivered:
        st.warning(
            say("Messages that have not reached their channel yet: {count}.", count=number(standing.undelivered)),
            icon=":material/outgoing_mail:",
        )
    if held == () and standing == alerts.Standing((), 0) and card and not damaged and not failed:
        st.success(say("Nothing."), icon=":material/check_circle:")


def _champion(champion: models.Champion, found: models.Card) -> None:
    st.subheader(say("Champion"))
    serving = _serving(champion.version)
    version, service, *places = st.columns([1, 1.2, *[1.3] * len(_SHOWN)])
    version.metric(say("Version"), champion.version, help=found.meaning or None)
    service.metric(say("Service"), serving)
    known = {one.name: one for one in found.metrics}
    for place, (name, title) in zip(places, _SHOWN.items(), strict=True):
        one = known.get(name)
        place.metric(title, number(one.value, 3) if one else number(None))
        if one:
            place.caption(say("{low} to {high}", low=number(one.low, 3), high=number(one.high, 3)))
    if found.damaged:
        st.caption(say("Champion since {since}.", since=moment(champion.since)))
        return
    st.caption(
        say(
            "Champion since {since}; trained {trained} with {algorithm}. Measures of the holdout with 95% intervals.",
            since=moment(champion.since),
            trained=moment(found.created_at),
            algorithm=found.algorithm,
        )
    )


def _serving(champion: str) -> str:
    """One word for the scoring API."""
    try:
        version = scoring.serving_version(session.scoring())
    except ApiRefused:
        return say("not ready")
    except ApiFault:
        return say("down")
    return say("ready") if version == champion else say("on version {version}", version=version)


def _traffic() -> None:
    st.subheader(say("Traffic"))
    hours = asked(lambda: monitoring.traffic(operating()))
    if hours is None:
        return
    total = sum(hour.predictions for hour in hours)
    if not total:
        nobody = say("The service scored nobody in the last 24 hours. POST /predict, or the page Score a customer.")
        st.info(nobody, icon=":material/hourglass_empty:")
        return
    st.metric(say("Predictions of the last 24 hours"), number(total))
    figure = charts.bars([hour.at for hour in hours], [hour.predictions for hour in hours], say("Predictions an hour"))
    st.plotly_chart(figure, config={"displayModeBar": False}, key="traffic")


def _monitored(newest: monitoring.Batch | None) -> None:
    st.subheader(say("Newest batch"))
    if newest is None:
        st.info(say("No batch was monitored yet: tidegate monitor FILE, or tidegate watch."), icon=":material/monitor_heart:")
        return
    _batch(newest)


def _batch(batch: monitoring.Batch) -> None:
    columns = st.columns(3, vertical_alignment="bottom")
    columns[0].metric(say("Health"), verdict(batch.health))
    columns[1].metric(say("Drifted features"), number(None if batch.drifted_features is None else len(batch.drifted_features)))
    realised = batch.realised_roc_auc is not None
    columns[2].metric(
        say("ROC-AUC, realised") if realised else say("ROC-AUC, estimated"),
        number(batch.realised_roc_auc if realised else batch.estimated_roc_auc, 3),
    )
    share = None if not batch.rows or batch.quarantined is None else batch.quarantined / batch.rows
    st.caption(
        say(
            "{batch}, {at}: {rows} rows, {share} quarantined.",
            batch=batch.batch,
            at=moment(batch.at),
            rows=number(batch.rows),
            share=percent(share),
        )
    )


def _experiment() -> None:
    st.subheader(say("Experiment"))
    answer = asked(lambda: (experiments.running(operating()),))
    if answer is None:
        return
    (found,) = answer
    if found is None:
        st.caption(say("None runs."))
    else:
        st.write(
            say(
                "Experiment {number} ({mode}): version {treatment} beside version {control} since {since}.",
                number=found.number,
                mode=mode(found.mode),
                treatment=found.treatment,
                control=found.control,
                since=moment(found.started_at),
            )
        )
