"""One customer: a form from the table's spec, the probability and its reasons, what could be done, and what was predicted before."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from tidegate.ui import asking, session
from tidegate.ui.charts import customer as charts
from tidegate.ui.client import customers, scoring
from tidegate.ui.client.scoring import Column, Explanation, Reason
from tidegate.ui.plain import plain
from tidegate.ui.session import asked, moment, number, operating, percent, say

_VALUES, _ANSWER = "customer.values", "customer.answer"
_REASONS_SHOWN, _COLUMNS = 8, 3


def show() -> None:
    """The page."""
    st.title(say("Score a customer"))
    asking.begin()
    columns = asking.look("columns", lambda: scoring.columns(session.scoring()))
    if columns is None:
        return
    scored, past = st.tabs([say("Score"), say("Past predictions")])
    with scored:
        _form(columns)
        answer = st.session_state.get(_ANSWER)
        if answer is not None:
            found, customer = answer
            _answer(columns, found, customer)
    with past:
        _past()


def _form(columns: Sequence[Column]) -> None:
    kept: dict[str, Any] = st.session_state.setdefault(_VALUES, {})
    with st.form("customer.form", enter_to_submit=False):
        identity = st.text_input(
            say("Customer id (optional; kept as a keyed hash)"), value=kept.get("customer_id") or "", max_chars=256, key="customer.id"
        )
        given = {column.name: _field(column, kept, place) for column, place in zip(columns, _grid(len(columns)), strict=True)}
        asked_for = st.form_submit_button(say("Score"), type="primary", icon=":material/calculate:")
    if not asked_for:
        return
    st.session_state[_VALUES] = {**given, "customer_id": identity.strip() or None}
    empty = [_title(column) for column in columns if given[column.name] is None and not column.nullable]
    if empty:
        st.error(say("Not scored, because a value is missing: {names}.", names=", ".join(empty)))
        return
    if asking.silent():
        return
    customer = {**given, **({"customer_id": identity.strip()} if identity.strip() else {})}
    found = asked(lambda: scoring.explain(session.scoring(), customer))
    if found is not None:
        st.session_state[_ANSWER] = (found, customer)


def _grid(count: int) -> list[Any]:
    """So many places in rows of three, in which a long label leaves its neighbours level."""
    return [place for _ in range(0, count, _COLUMNS) for place in st.columns(_COLUMNS, vertical_alignment="bottom")][:count]


def _title(column: Column) -> str:
    return (column.meaning or column.name) + (f" ({column.unit})" if column.unit else "")


def _field(column: Column, kept: Mapping[str, Any], place: Any) -> Any:
    """The widget of a column; what it holds, as the API wants it."""
    key, value = f"customer.{column.name}", kept.get(column.name)
    if column.kind == "category":
        levels = list(column.levels)
        start = levels.index(value) if value in levels else None
        return place.selectbox(
            _title(column),
            levels,
            index=start,
            key=key,
            placeholder=say("Choose"),
            accept_new_options=column.unknown == "other",
            help=column.name,
        )
    if column.kind == "boolean":
        options = {True: say("Yes"), False: say("No")}
        start = list(options).index(value) if value in options else None
        return place.selectbox(
            _title(column), list(options), index=start, format_func=options.__getitem__, key=key, placeholder=say("Choose")
        )
    if column.kind == "date":
        first_day = datetime.date.fromisoformat(value) if value else None
        day = place.date_input(_title(column), value=first_day, key=key, min_value=datetime.date(1900, 1, 1), help=column.name)
        return day.isoformat() if isinstance(day, datetime.date) else None
    return _number_field(column, value, key, place)


def _number_field(column: Column, value: Any, key: str, place: Any) -> Any:
    whole = column.kind == "integer"
    kind: type = int if whole else float
    low, high = column.limit or (None, None)
    shown = None
    if column.expected:
        shown = say(
            "{name}; seen so far: {low} to {high}", name=column.name, low=_plain(column.expected[0]), high=_plain(column.expected[1])
        )
    return place.number_input(
        _title(column),
        value=None if value is None else kind(value),
        min_value=None if low is None else kind(low),
        max_value=None if high is None else kind(high),
        step=1 if whole else None,
        format="%d" if whole else "%g",
        key=key,
        help=shown or column.name,
    )


def _plain(value: float) -> str:
    return number(value, 0 if float(value).is_integer() else 3)


def _answer(columns: Sequence[Column], found: Explanation, customer: Mapping[str, Any]) -> None:
    st.divider()
    left, right = st.columns([1, 2], vertical_alignment="center")
    left.metric(say("Probability of leaving"), percent(found.probability))
    threshold = percent(found.threshold)
    flagged = say("At or above the threshold of {threshold}: flagged.", threshold=threshold)
    left.write(flagged if found.prediction == 1 else say("Below the threshold of {threshold}: not flagged.", threshold=threshold))
    figure = charts.probability_bar(found.probability, found.threshold, say("threshold"))
    right.plotly_chart(figure, config={"displayModeBar": False}, key="customer.probability")
    about = "Prediction {number}, version {version}, {at}."
    st.caption(say(about, number=found.prediction_id, version=found.model_version, at=moment(found.timestamp)))
    _reasons(found)
    told = [f"- {_sentence(one)}" for one in found.reasons[:_REASONS_SHOWN] if one.direction != "none"]
    if told:
        st.markdown("\n".join(told))
    _actions(columns, found)
    _what_if([column for column in columns if column.actionable], found, customer)


def _reasons(found: Explanation) -> None:
    st.subheader(say("Why"))
    if found.missing is not None or found.base is None:
        st.info(found.missing or say("This version gives no reasons."))
        return
    shown = found.reasons[:_REASONS_SHOWN]
    rest = sum(one.contribution for one in found.reasons[_REASONS_SHOWN:])
    names = [*(one.label or one.column for one in shown), *([say("All others")] if len(found.reasons) > len(shown) else [])]
    amounts = [*(one.contribution for one in shown), *([rest] if len(found.reasons) > len(shown) else [])]
    end = found.base + sum(one.contribution for one in found.reasons)
    axis = say("probability of leaving (steps of log-odds)") if found.space == "logit" else say("probability of leaving")
    figure = charts.waterfall(
        names, amounts, (say("Average customer"), found.base), (say("This customer"), end), axis, found.space == "logit"
    )
    st.plotly_chart(figure, config={"displayModeBar": False}, key="customer.waterfall")


def _sentence(reason: Reason) -> str:
    if not session.is_french():
        return plain(reason.sentence)
    value = number(None) if reason.value is None else _plain(reason.value) if isinstance(reason.value, (int, float)) else str(reason.value)
    how = (
        "{label}: {value}, raises the predicted probability of leaving."
        if reason.direction == "raises"
        else ("{label}: {value}, lowers the predicted probability of leaving.")
    )
    return plain(say(how, label=reason.label or reason.column, value=f"{value} {reason.unit}".strip()))


def _actions(columns: Sequence[Column], found: Explanation) -> None:
    st.subheader(say("What could be done"))
    by_name = {column.name: column for column in columns}
    told: list[str] = []
    for reason in found.reasons:
        for name in reason.columns if reason.direction == "raises" else ():
            told += [f"- **{plain(action)}** · {plain(reason.label or name)}" for action in by_name[name].actions]
    if told:
        st.markdown("\n".join(dict.fromkeys(told)))
    else:
        st.caption(say("The spec suggests no action for what raises this probability."))


def _what_if(columns: Sequence[Column], found: Explanation, customer: Mapping[str, Any]) -> None:
    st.subheader(say("What if"))
    if not columns:
        st.caption(say("The spec calls no column actionable, so there is nothing to try."))
        return
    st.caption(say("Nothing of this is recorded. A model knows what goes together, not what causes what."))
    tried = {
        column.name: _field(column, customer, _Prefixed(place, found.prediction_id))
        for column, place in zip(columns, _grid(len(columns)), strict=True)
    }
    change = {name: value for name, value in tried.items() if value != customer[name]}
    if not change:
        st.caption(say("Change a value above."))
        return
    if asking.silent():
        return
    answer = asked(lambda: scoring.what_if(session.scoring(), found.prediction_id, [change]))
    if answer is None:
        return
    (after,) = answer.answers
    if isinstance(after, str):
        st.error(say("Refused: {detail}", detail=after))
        return
    change_in_points = number(100 * (after - answer.probability), 1)
    st.metric(
        say("Probability of leaving, then"),
        percent(after),
        delta=say("{points} percentage points", points=change_in_points),
        delta_color="inverse",
    )


class _Prefixed:
    """A place on the page whose widgets have keys of their own: the what-if's are not the form's."""

    def __init__(self, place: Any, prefix: str) -> None:
        self._place, self._prefix = place, prefix

    def __getattr__(self, name: str) -> Any:
        widget = getattr(self._place, name)
        return lambda *given, key, **more: widget(*given, key=f"{self._prefix}.{key}", **more)


def _past() -> None:
    identity = st.text_input(say("Customer id"), max_chars=256, key="customer.past.id")
    if not identity.strip():
        st.caption(say("Type an id to see what was predicted of this customer."))
        return
    rows = asked(lambda: customers.predictions_of(operating(), identity.strip()))
    if rows is None:
        return
    if not rows:
        st.info(say("There is no prediction of this customer."))
        return
    st.dataframe(
        [
            {
                say("At"): moment(row["created_at"]),
                say("Probability of leaving"): percent(row["probability"]),
                say("Threshold"): percent(row["threshold"]),
                say("Version"): row["model_version"],
                say("Asked by"): row["source"],
                say("Prediction"): row["prediction_id"],
            }
            for row in rows
        ],
        hide_index=True,
    )
