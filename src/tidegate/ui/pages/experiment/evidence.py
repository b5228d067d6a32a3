"""One experiment: what it is, what may be said of it, its arms, its measures."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from tidegate.ui.charts import experiment as charts
from tidegate.ui.client.experiments import Arm, Experiment, Status
from tidegate.ui.pages.experiment import ends
from tidegate.ui.pages.experiment.seen import (
    MEASURES,
    about_mode,
    bounded,
    higher_is_better,
    measure,
    mode,
    spoken,
    whole,
    word,
)
from tidegate.ui.plain import plain
from tidegate.ui.session import moment, number, percent, say, separators

_LEAST_P = 1e-3


def head(one: Experiment) -> None:
    """What is compared, how, since when, and how it ended."""
    names = {"number": one.number, "treatment": one.treatment, "control": one.control}
    st.subheader(say("Experiment {number}: version {treatment} beside version {control}", **names))
    columns = st.columns(4)
    columns[0].metric(say("State"), say("running") if one.running else say("ended"))
    columns[1].metric(say("Mode"), mode(one.mode))
    columns[2].metric(say("Share of the customers"), percent(one.share, _digits(100 * one.share)))
    columns[3].metric(
        say("Horizon"),
        say("{days} days", days=number(one.horizon_days)),
        help=say("So many days after its prediction, what became of a customer counts."),
    )
    st.write(about_mode(one.mode))
    parts = [
        say("{share} since {at}", share=percent(phase.share, _digits(100 * phase.share)), at=moment(phase.since)) for phase in one.phases
    ]
    st.caption(
        say("Started {at} by {who}. Share: {shares}.", at=moment(one.started_at), who=plain(one.started_by), shares=", ".join(parts))
    )
    if not one.running:
        show = st.error if ends.wrong(one) else st.info
        show(ends.sentence(one), icon=":material/stop_circle:")


def verdict(found: Status) -> None:
    """What may be said by now, and what to do about it."""
    st.subheader(say("Verdict"))
    names = {"treatment": plain(found.treatment.version), "control": plain(found.control.version)}
    running = found.experiment.running
    if found.split is not None and not found.split[1]:
        st.error(
            say("Not to be trusted: the customers were not split as meant. Find out why, below, before you believe anything else here."),
            icon=":material/call_split:",
        )
        st.caption(say("As of {at}.", at=moment(found.at)))
        return
    if found.verdict == "treatment better":
        said = say("Version {treatment} tells leavers from stayers better than version {control}.", **names)
        advice = say("Promote it, on the page of the models or with tidegate promote {treatment}.", **names) if running else ""
        st.success(f"**{said}** {advice}", icon=":material/trending_up:")
    elif found.verdict == "treatment worse":
        said = say("Version {treatment} tells leavers from stayers worse than version {control}.", **names)
        st.error(f"**{said}** {say('Stop the experiment, below.') if running else ''}", icon=":material/trending_down:")
    elif found.verdict == "the measures disagree":
        st.warning(
            say("The measures disagree: by one of ROC-AUC and PR-AUC the treatment is better, by the other worse. Choose what matters."),
            icon=":material/balance:",
        )
    else:
        st.info(f"**{say('Not enough evidence yet.')}** {_lacking(found)}", icon=":material/hourglass_top:")
    st.caption(
        say(
            "As of {at}. Look as often as you like: it is wrong in 5% of experiments at most, however often somebody looks.",
            at=moment(found.at),
        )
    )


def _lacking(found: Status) -> str:
    if found.measures:
        return say("Neither ROC-AUC nor PR-AUC shows a clear difference; their intervals narrow with every outcome that comes.")
    if not found.control.matured and not found.treatment.matured:
        return say(
            "No outcome counts yet: it does {days} days after its prediction, here from {at} on. Record them: tidegate outcomes FILE.",
            days=number(found.experiment.horizon_days),
            at=moment(found.experiment.begins_at),
        )
    arms = [(say("control"), found.control), (say("treatment"), found.treatment)]
    known = "; ".join(
        say("{arm}: {left} left, {stayed} stayed", arm=name, left=number(arm.left), stayed=number(arm.stayed)) for name, arm in arms
    )
    return say(
        "Each arm needs {fewest} customers who left and {fewest} who stayed. So far, {known}.", fewest=number(found.fewest), known=known
    )


def arms(found: Status) -> None:
    """Both arms side by side, and whether customers came to them as meant."""
    st.subheader(say("Arms"))
    titles = [
        say("Control (version {version})", version=found.control.version),
        say("Treatment (version {version})", version=found.treatment.version),
    ]
    shadow = found.experiment.mode == "shadow"
    cells = [_facts(found.control, False), _facts(found.treatment, shadow)]
    rows = [{say("Customers and answers"): name, titles[0]: cells[0][name], titles[1]: cells[1][name]} for name in cells[0]]
    right = {title: st.column_config.TextColumn(alignment="right") for title in titles}
    st.dataframe(rows, hide_index=True, height="content", key="experiment.arms", column_config=right)
    if found.split is not None:
        _split(*found.split)
    elif not shadow:
        st.write(say("Split of the customers: there are none yet."))
    if found.shadow is not None:
        _shadow(*found.shadow)
    st.caption(
        say(
            "As of {at}. A customer counts once, by the first prediction; who has no outcome is not “stayed”. "
            "Answers, errors and latencies are what the servers counted.",
            at=moment(found.at),
        )
    )


def _facts(arm: Arm, shadow: bool) -> dict[str, str]:
    """Name of a fact → what it is in this arm."""
    latency = {say("Latency {quantile} (ms)", quantile=name.upper()): number(arm.latency_ms.get(name), 1) for name in ("p50", "p95", "p99")}
    return {
        say("Customers"): number(None if shadow else arm.customers),
        say("of whom with an outcome"): number(arm.matured),
        say("of whom left"): number(arm.left),
        say("False positives (flagged, and stayed)"): number(arm.false_positives),
        say("False negatives (not flagged, and left)"): number(arm.false_negatives),
        say("Answers"): number(arm.answers),
        say("Errors"): number(arm.errors),
        say("Error rate"): percent(arm.error_rate, 2),
        **latency,
        **{heard: number(arm.feedback.get(name, 0)) for name, heard in _heard().items()},
    }


def _heard() -> dict[str, str]:
    """What contact persons heard: the API's word → ours."""
    return {
        "agreed_to_stay": say("Feedback: agreed to stay"),
        "will_leave": say("Feedback: will leave"),
        "not_reached": say("Feedback: not reached"),
        "prediction_wrong": say("Feedback: prediction wrong"),
        "other": say("Feedback: other"),
    }


def _split(p: float, as_meant: bool) -> None:
    shown = number(p, 3) if p >= _LEAST_P else f"< {number(_LEAST_P, 3)}"
    if as_meant:
        st.write(say("Split of the customers (sample ratio): p {p}, as meant.", p=shown if shown.startswith("<") else f"= {shown}"))
        return
    st.error(
        say(
            "Split of the customers (sample ratio): p {p}, NOT as meant. Look for a server that takes no part or runs another release, "
            "and for a caller who changes ids; mend that, stop this experiment and start another.",
            p=shown if shown.startswith("<") else f"= {shown}",
        ),
        icon=":material/call_split:",
    )


def _shadow(predictions: int, scored: int) -> None:
    share = percent(scored / predictions) if predictions else number(None)
    st.write(
        say(
            "Shadow scores: {scored} of {predictions} predictions ({share}). Both arms are the same customers, so nobody is split.",
            scored=number(scored),
            predictions=number(predictions),
            share=share,
        )
    )


def measures(found: Status) -> None:
    """Each measure of both arms with its interval, and the difference."""
    st.subheader(say("Measures"))
    known = [(name, found.measures[name]) for name in MEASURES if name in found.measures]
    if known:
        rows = [
            charts.Difference(
                _label(name, one.word),
                one.difference.value,
                one.difference.low,
                one.difference.high,
                say("{difference}: {verdict}", difference=bounded(one.difference, sign=True), verdict=spoken(one.word)),
                word(one.word),
            )
            for name, one in known
        ]
        figure = charts.differences(rows, say("difference: treatment − control"), separators())
        st.plotly_chart(figure, config={"displayModeBar": False}, key="experiment.differences")
        _table(found, [name for name, _ in known])
    else:
        st.caption(say("Nothing to compare yet: there is not enough evidence."))
    _in_points(found)


def _table(found: Status, names: Sequence[str]) -> None:
    rows = []
    for name in names:
        one = found.measures[name]
        intervals = (bounded(one.control), bounded(one.treatment), bounded(one.difference, sign=True))
        cells = (measure(name), *(whole(interval) for interval in intervals), percent(one.level))
        titles = (say("Measure"), say("Control"), say("Treatment"), say("Difference"), say("Level"))
        rows.append({title: plain(cell) for title, cell in zip(titles, cells, strict=True)})
    st.table(rows, hide_index=True, border="horizontal")
    st.caption(say("Intervals hold at all looks together. The verdict rests on ROC-AUC and PR-AUC; the others decide nothing."))


def _label(name: str, said: str) -> str:
    """Of a measure in the picture: its name, and below it what it says."""
    better = say("higher is better") if higher_is_better(name) else say("lower is better")
    return f'{measure(name)} ({better})<br><span style="font-size:0.9em">{spoken(said)}</span>'


def _in_points(found: Status) -> None:
    """Differences of shares that need no outcome."""
    for name, one in ((say("Errors"), found.errors), (say("Feedback: prediction wrong"), found.wrong)):
        if one is not None:
            difference = bounded(one, sign=True, scale=100, digits=2)
            st.write(say("{name}: treatment − control {difference} percentage points.", name=name, difference=difference))


def _digits(value: float) -> int:
    """After the decimal sign, as few as the value has."""
    return 0 if float(round(value, 6)).is_integer() else 1
