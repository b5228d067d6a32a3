"""What models do over all thresholds: ROC, precision and recall, calibration, gain, lift, decisions, profit, learning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from tidegate.ui.asking import look
from tidegate.ui.charts import curves as charts
from tidegate.ui.charts.curves import Axis, Line
from tidegate.ui.client import evaluations
from tidegate.ui.client.evaluations import Columns, Decisions, Evaluation
from tidegate.ui.pages.models.seen import Seen, draw, plain_name, share
from tidegate.ui.session import number, operating, percent, say

_MOST = 4
_CHANCE = ([0.0, 1.0], [0.0, 1.0])


@dataclass(frozen=True)
class _Shown:
    """A model to draw: what its lines are called, its evaluation, and the version's threshold where it is the one that serves."""

    name: str
    found: Evaluation
    threshold: float | None

    def at(self, x: str, y: str) -> tuple[float | None, float | None]:
        """Where it stands at its operating threshold."""
        decided = self.found.decisions
        return (None, None) if decided is None else (getattr(decided, x), getattr(decided, y))


def show(seen: Seen) -> None:
    """The section."""
    if not seen.chosen:
        st.info(say("Choose a version above to see more of it."), icon=":material/touch_app:")
        return
    whole = _evaluations(seen)
    shown = _picked(seen, whole)
    if not shown:
        return
    left, right = st.columns(2)
    with left:
        _roc(shown)
        _calibration(shown)
        _lift(shown)
    with right:
        _precision_recall(shown)
        _gain(shown)
        _thresholds(shown[0])
    _decided(shown)
    left, right = st.columns(2)
    with left:
        _learning([one for one in whole.values() if one.learning])
    with right:
        _profit(shown)


def _evaluations(seen: Seen) -> dict[str, Evaluation]:
    """The evaluation of each chosen version; of what this home has none, the sentence that says so."""
    whole: dict[str, Evaluation] = {}
    for one in seen.chosen:
        name = f"models.evaluation.{one.version}"
        found = look(name, lambda version=one.version: evaluations.evaluation(operating(), version))  # type: ignore[misc]
        if isinstance(found, Evaluation):
            whole[one.version] = found
        elif found is not None:
            st.info(say("No curves of version {version}: {detail}", version=one.version, detail=found), icon=":material/help:")
    return whole


def _picked(seen: Seen, whole: dict[str, Evaluation]) -> list[_Shown]:
    """The models that a person wants drawn: by default those that were chosen."""
    options = [(version, model.name) for version, found in whole.items() for model in found.models]
    if not options:
        return []
    picked = st.multiselect(
        say("Models to draw, up to four"),
        options,
        default=[(version, found.model) for version, found in whole.items()],
        max_selections=_MOST,
        format_func=lambda one: _name(one, whole),
        key="models.curves.of",
        placeholder=say("Choose"),
    )
    thresholds = {one.version: one.threshold for one in seen.chosen}
    shown = []
    for version, model in picked:
        found = whole[version] if whole[version].model == model else _other(version, model)
        if isinstance(found, Evaluation):
            shown.append(_Shown(_name((version, model), whole), found, thresholds[version] if whole[version].model == model else None))
    if not picked:
        st.info(say("Choose a model above."), icon=":material/touch_app:")
    return shown


def _other(version: str, model: str) -> Evaluation | str | None:
    return look(f"models.evaluation.{version}.{model}", lambda: evaluations.evaluation(operating(), version, model))


def _name(one: tuple[str, str], whole: dict[str, Evaluation]) -> str:
    version, model = one
    return f"{version} · {plain_name(model)}" + (" ★" if whole[version].model == model else "")


def _lines(shown: Sequence[_Shown], table: str, x: str, y: str, at: tuple[str, str] | None) -> list[Line]:
    lines = []
    for one in shown:
        columns: Columns | None = getattr(one.found, table)
        if columns:
            lines.append(Line(one.name, columns[x], columns[y], one.at(*at) if at else (None, None)))
    return lines


def _panel(title: str, key: str, figure: Any, about: str) -> None:
    st.markdown(f"##### {title}", help=about)
    draw(figure, key)


def _roc(shown: Sequence[_Shown]) -> None:
    lines = _lines(shown, "curve", "false_positive_rate", "recall", ("false_positive_rate", "recall"))
    x, y = share(say("Flagged, of those who stayed")), share(say("Flagged, of those who left (recall)"))
    about = say("The further towards the top left, the better; the mark is the operating threshold.")
    figure = charts.curves(lines, x, y, say("operating threshold"), [Line(say("chance"), *_CHANCE)])
    _panel(say("ROC curve"), "models.curves.roc", figure, about)


def _precision_recall(shown: Sequence[_Shown]) -> None:
    lines = _lines(shown, "curve", "recall", "precision", ("recall", "precision"))
    x, y = share(say("Flagged, of those who left (recall)")), share(say("Left, of those flagged (precision)"))
    about = say("What share of those who leave is found, and how often a flag is right.")
    _panel(say("Precision and recall"), "models.curves.pr", charts.curves(lines, x, y, say("operating threshold")), about)


def _calibration(shown: Sequence[_Shown]) -> None:
    lines = []
    for one in shown:
        found = one.found.calibration
        if found:
            line = Line(one.name, found["mean_probability"], found["share_left"])
            lines.append((line, found["share_left_low"], found["share_left_high"]))
    x, y = share(say("Mean probability of the group")), share(say("Left, of the group"))
    about = say("Of customers of whom 30 in 100 are said to leave, 30 in 100 should. Whiskers are 95% intervals.")
    _panel(say("Calibration"), "models.curves.calibration", charts.reliability(lines, x, y, say("perfectly calibrated")), about)


def _gain(shown: Sequence[_Shown]) -> None:
    lines = _lines(shown, "gain", "share_contacted", "share_of_leavers_found", ("share_contacted", "recall"))
    x, y = share(say("Customers contacted")), share(say("Leavers found"))
    about = say("Whom one finds by contacting the highest probabilities first.")
    figure = charts.curves(lines, x, y, say("operating threshold"), [Line(say("at random"), *_CHANCE)])
    _panel(say("Gain"), "models.curves.gain", figure, about)


def _lift(shown: Sequence[_Shown]) -> None:
    lines = _lines(shown, "gain", "share_contacted", "lift", None)
    x, y = share(say("Customers contacted")), Axis(say("Times those at random"), ".1f")
    about = say("How many times more leavers are found than by contacting as many customers at random.")
    figure = charts.curves(lines, x, y, "", [Line(say("at random"), [0.0, 1.0], [1.0, 1.0])])
    _panel(say("Lift"), "models.curves.lift", figure, about)


def _thresholds(one: _Shown) -> None:
    columns = one.found.curve
    if not columns:
        return
    names = {"precision": say("Precision"), "recall": say("Recall"), "share_contacted": say("Flagged, of all")}
    lines = [Line(title, columns["threshold"], columns[name]) for name, title in names.items()]
    mark = [] if one.threshold is None else [Line(say("operating threshold"), [one.threshold] * 2, [0.0, 1.0])]
    figure = charts.curves(lines, Axis(say("Threshold"), ".2f", (-0.02, 1.02)), share(say("Share")), "", mark)
    about = say("What another threshold would do. It is chosen in training, on customers that were not held out.")
    _panel(say("Thresholds of {model}", model=one.name), "models.curves.thresholds", figure, about)


def _decided(shown: Sequence[_Shown]) -> None:
    st.markdown(f"##### {say('At the operating threshold')}")
    rows = [_decided_row(one.name, one.found.decisions) for one in shown if one.found.decisions]
    st.dataframe(rows, hide_index=True, key="models.curves.decisions")
    st.caption(say("Customers held out, by what the model said and what happened."))


def _decided_row(name: str, found: Decisions) -> dict[str, str]:
    return {
        say("Model"): name,
        say("Left, flagged"): number(found.left_flagged),
        say("Left, missed"): number(found.left_unflagged),
        say("Stayed, flagged"): number(found.stayed_flagged),
        say("Stayed, left alone"): number(found.stayed_unflagged),
        say("Recall"): percent(found.recall),
        say("Precision"): percent(found.precision),
        say("False-positive rate"): percent(found.false_positive_rate),
        say("Flagged, of all"): percent(found.share_contacted),
    }


def _learning(found: Sequence[Evaluation]) -> None:
    about = say("PR-AUC of the version’s model by how many customers it learned from.")
    st.markdown(f"##### {say('Would more customers help?')}", help=about)
    if not found:
        st.caption(say("The training drew no learning curve."))
        return
    lines = []
    for one in found:
        assert one.learning is not None
        rows = one.learning["rows"]
        lines.append(Line(say("{version}: out of fold", version=one.version), rows, one.learning["out_of_fold_pr_auc"]))
        lines.append(Line(say("{version}: on the rows learned from", version=one.version), rows, one.learning["training_pr_auc"]))
    draw(charts.curves(lines, Axis(say("Customers learned from"), ",.0f"), Axis("PR-AUC", ".2f"), ""), "models.curves.learning")


def _profit(shown: Sequence[_Shown]) -> None:
    about = say("What contacting the highest probabilities first brings in, by the prices of the table’s spec.")
    st.markdown(f"##### {say('Profit')}", help=about)
    priced = [one for one in shown if one.found.profit and one.threshold is not None]
    if not priced:
        st.caption(say("No prices: a spec with [money] has a profit curve."))
        return
    lines = _lines(priced, "profit", "share_contacted", "profit_per_1000_customers", None)
    rules = {"F1": say("highest F1"), "profit": say("highest profit")}
    marks = [
        (f"{rules.get(mark.rule, mark.rule)} ({one.found.version})", mark.share_contacted, mark.profit_per_1000, mark.low, mark.high)
        for one in priced[:1]
        for mark in one.found.thresholds
    ]
    currency = next((mark.currency for one in priced for mark in one.found.thresholds), "")
    y = Axis(say("{currency} per 1,000 customers", currency=currency), ",.0f")
    x = share(say("Customers contacted"))
    draw(charts.profit(lines, marks, x, y, say("contacting nobody")), "models.curves.profit")
