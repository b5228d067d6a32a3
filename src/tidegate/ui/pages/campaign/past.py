"""What a past campaign brought, by the outcomes known so far; and a way to hand in outcomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from tidegate.ui.charts import campaign as charts
from tidegate.ui.client import campaigns
from tidegate.ui.client.campaigns import Arm, Past, Proof, Range, Recorded
from tidegate.ui.figures import money
from tidegate.ui.pages.campaign.numbers import RIGHT, Figure, show_figures
from tidegate.ui.pages.campaign.prices import STAYS
from tidegate.ui.pages.campaign.sentences import refused_in_words, told
from tidegate.ui.plain import plain
from tidegate.ui.session import asked, language, moment, number, operating, percent, say

_RECORDED = "campaign.recorded"
_HUNDRED = 100


def show() -> None:
    """The tab."""
    found = asked(lambda: campaigns.past(operating()))
    if found is None:
        return
    if not found:
        st.info(say("No campaign was planned yet. Plan one in the tab Plan, or with tidegate campaign plan."), icon=":material/campaign:")
        return
    _list(found)
    names = [one.name for one in found]
    if st.session_state.get("campaign.past") not in names:
        st.session_state["campaign.past"] = names[0]
    name = st.selectbox(say("Campaign"), names, key="campaign.past", persist_state=STAYS)
    proof = asked(lambda: refused_in_words(lambda: campaigns.proof(operating(), str(name))))
    if proof is not None:
        _proof(proof, next(one for one in found if one.name == name))
    _outcomes()


def _list(found: Sequence[Past]) -> None:
    st.subheader(say("Past campaigns"))
    st.dataframe(
        [
            {
                say("Name"): one.name,
                say("Planned"): moment(one.planned_at),
                say("To contact"): number(one.contacts),
                say("Control"): number(one.control),
                say("Expected net value"): money(one.net_value.value, one.currency, language()),
            }
            for one in found
        ],
        hide_index=True,
        column_config=dict.fromkeys((say("To contact"), say("Control"), say("Expected net value")), RIGHT),
    )


def _proof(proof: Proof, planned: Past) -> None:
    st.subheader(plain(say("What {name} brought", name=proof.name)))
    expected = say(
        "Planned {at} by {who}: expected net value {value} ({low} to {high}), expected cost {cost}.",
        at=moment(planned.planned_at),
        who=planned.who,
        cost=money(planned.cost, planned.currency, language()),
        **{name: money(getattr(planned.net_value, name), planned.currency, language()) for name in ("value", "low", "high")},
    )
    st.caption(plain(f"{expected} {say('Below: by the outcomes that the ledger has now; everyone counts as assigned, reached or not.')}"))
    _verdict(proof)
    for warning in proof.warnings:
        st.warning(told(warning), icon=":material/warning:")
    if proof.uplift is not None:
        _amounts(proof)
    _picture(proof)
    _arms(proof)


def _verdict(proof: Proof) -> None:
    if proof.verdict == "proved" and proof.uplift is not None:
        stayed, low, high = (number(_HUNDRED * amount, 1) for amount in (proof.uplift.value, proof.uplift.low, proof.uplift.high))
        words = say("It helped: of 100 customers to be contacted, {stayed} stayed who would have left ({low} to {high}).")
        st.success(f"**{say('Proved.')}** {words.format(stayed=stayed, low=low, high=high)}", icon=":material/verified:")
    elif proof.verdict == "harmful":
        st.error(
            f"**{say('Harmful.')}** {say('More left of those who were to be contacted than of the control group: do not repeat it.')}",
            icon=":material/dangerous:",
        )
    else:
        st.info(f"**{say('Not enough evidence yet.')}** {_lacking(proof)}", icon=":material/hourglass_empty:")


def _lacking(proof: Proof) -> str:
    if not proof.control.planned:
        return say("Without a control group nobody can tell what would have happened anyway.")
    if proof.more_needed is not None:
        return say("About {count} more outcomes are needed to tell.", count=number(proof.more_needed))
    if proof.uplift is not None:
        return say("An effect as large as planned would have shown by now: it is smaller, or there is none.")
    return say("Outcomes of both arms are needed to tell.")


def _amounts(proof: Proof) -> None:
    uplift_means = say("Churn rate of the control group less that of those to be contacted.")

    def shown(amount: float) -> str:
        return money(amount, proof.currency, language())

    show_figures(
        _figure(say("Uplift"), proof.uplift, percent, uplift_means),
        _figure(say("Customers retained"), proof.retained, number),
        _figure(say("Value kept"), proof.saved_value, shown),
        Figure(say("Costs"), money(proof.costs, proof.currency, language())),
        _figure(say("Net"), proof.net_money, shown),
    )


def _figure(title: str, found: Range | None, shown: Callable[[float], str], means: str | None = None) -> Figure:
    if found is None:
        return Figure(title, number(None), "", means)
    return Figure(title, shown(found.value), say("{low} to {high}", low=shown(found.low), high=shown(found.high)), means)


def _arms(proof: Proof) -> None:
    st.dataframe(
        [
            {
                say("Arm"): title,
                say("Customers"): number(arm.assigned),
                say("With an outcome"): number(arm.observed),
                say("Who left"): number(arm.left),
                say("Churn rate"): percent(arm.rate.value if arm.rate else None),
            }
            for title, arm in _named(proof)
        ],
        hide_index=True,
        column_config=dict.fromkeys((say("Customers"), say("With an outcome"), say("Who left"), say("Churn rate")), RIGHT),
    )
    st.caption(
        say(
            "Costs: every customer to be contacted was contacted, and everyone of them who stayed took the offer. Intervals are of 95%. "
            "Choose the day of the proof beforehand: who looks every day errs more often than the interval says."
        )
    )


def _picture(proof: Proof) -> None:
    named = _named(proof)
    known = [(title, arm.rate) for title, arm in named if arm.rate is not None]
    if len(known) < len(named):
        return
    figure = charts.arms(
        [title for title, _ in known],
        [(rate.value, rate.low, rate.high) for _, rate in known],
        [percent(rate.value) for _, rate in known],
        say("Churn rate, with its 95% interval"),
        language(),
    )
    st.plotly_chart(figure, config={"displayModeBar": False}, key="campaign.arms")


def _named(proof: Proof) -> tuple[tuple[str, Arm], tuple[str, Arm]]:
    return (say("Control group"), proof.control), (say("To contact"), proof.treated)


def _outcomes() -> None:
    st.subheader(say("Hand in outcomes"))
    st.caption(
        say(
            "A table with the customer's id (its column in the spec, or customer_id), what became of them (the spec's label column, or "
            "outcome: 1 left, 0 stayed) and, if known, observed_at. An empty outcome is not known yet and never counts as stayed. On the "
            "command line: tidegate outcomes FILE; for programs: POST /outcomes."
        )
    )
    file = st.file_uploader(say("Outcomes, CSV or Parquet"), type=["csv", "parquet"], key="campaign.outcomes")
    wanted = st.button(
        say("Record these outcomes"), type="primary", icon=":material/fact_check:", key="campaign.record", disabled=file is None
    )
    if wanted and file is not None:
        file.seek(0)
        recorded = asked(lambda: refused_in_words(lambda: campaigns.send_outcomes(operating(), file.name, file)))
        st.session_state[_RECORDED] = None if recorded is None else (file.name, recorded)
        if recorded is not None:
            st.rerun()
    kept: tuple[str, Recorded] | None = st.session_state.get(_RECORDED)
    if kept is not None:
        _told(*kept)


def _told(name: str, found: Recorded) -> None:
    words = say("{recorded} outcomes recorded from {rows} rows of {name}; {known} were known already, {waiting} are not known yet.")
    counts = {"recorded": found.recorded, "rows": found.rows, "known": found.known_already, "waiting": found.not_known_yet}
    st.success(plain(words.format(name=name, **{key: number(count) for key, count in counts.items()})), icon=":material/check_circle:")
    if not found.refused:
        return
    st.warning(
        say(
            "{count} rows were refused, {strangers} of them of customers whom the ledger does not know.",
            count=number(found.quarantined + found.unknown_customers),
            strangers=number(found.unknown_customers),
        ),
        icon=":material/warning:",
    )
    titles = {
        "row": say("Row"),
        "column": say("Column"),
        "rule": say("Rule"),
        "expected": say("What was expected"),
        "kind": say("What was found"),
    }
    rows = [{title: row[key].removeprefix("expected ") for key, title in titles.items()} for row in found.refused]
    st.dataframe(rows, hide_index=True)
