"""What is expected of a plan: numbers, the curve, whom to contact, who is left out."""

from __future__ import annotations

import streamlit as st

from tidegate.ui.charts import campaign as charts
from tidegate.ui.client.campaigns import Plan
from tidegate.ui.figures import money
from tidegate.ui.pages.campaign.numbers import RIGHT, Figure, show_figures
from tidegate.ui.pages.campaign.sentences import told
from tidegate.ui.session import language, number, percent, say


def show_outlook(plan: Plan) -> None:
    """Preview and planned campaign look alike."""
    for warning in plan.warnings:
        st.warning(told(warning), icon=":material/warning:")
    _numbers(plan)
    _curve(plan)
    _first(plan)
    _left_out(plan)


def _money(plan: Plan, amount: float) -> str:
    return money(amount, plan.currency, language())


def _numbers(plan: Plan) -> None:
    between = say("{low} to {high}", low=_money(plan, plan.net_value.low), high=_money(plan, plan.net_value.high))
    luck = say("With a chance of 95%, if probabilities and prices are right: it covers luck, not a wrong model.")
    budget = "" if plan.budget is None else say("of a budget of {budget}", budget=_money(plan, plan.budget))
    of_all = say("of {customers} in the table", customers=number(plan.customers))
    show_figures(
        Figure(say("Customers to contact"), number(plan.contacts), of_all),
        Figure(say("Control group"), number(plan.control), "", say("Kept aside at random. Do not contact them: they are the proof.")),
        Figure(say("Expected net value"), _money(plan, plan.net_value.value), between, luck),
        Figure(say("Expected cost"), _money(plan, plan.cost), budget),
        Figure(say("Chance of proof"), percent(plan.chance, 0), _needed(plan), say("That outcomes will show the expected uplift.")),
        Figure(
            say("Expected uplift"), percent(plan.uplift), "", say("By how much fewer leave of those contacted than of the control group.")
        ),
    )


def _needed(plan: Plan) -> str:
    if plan.customers_needed is None:
        return say("80% cannot be reached at this share of control group.")
    return say("80% takes {count} chosen customers at this share of control group.", count=number(plan.customers_needed))


def _curve(plan: Plan) -> None:
    st.subheader(say("What each further contact brings"))
    chosen = plan.contacts + plan.control
    best = say(
        "Best without a limit: {contacts} customers, {value}",
        contacts=number(plan.curve.optimum),
        value=_money(plan, plan.curve.optimum_value),
    )
    figure = charts.profit_curve(
        plan.curve.contacts,
        plan.curve.net_value,
        (plan.curve.optimum, plan.curve.optimum_value, best),
        (chosen, say("Chosen, control group included: {contacts} customers", contacts=number(chosen))),
        (say("Customers in the order of contact"), say("Expected net value ({currency})", currency=plan.currency)),
        language(),
    )
    st.plotly_chart(figure, config={"displayModeBar": False}, key=f"campaign.curve.{plan.planned_at}")


def _first(plan: Plan) -> None:
    st.subheader(say("Whom to contact"))
    st.dataframe(
        [
            {
                say("Rank"): one.rank,
                say("Customer"): one.customer,
                say("Probability of leaving"): percent(one.probability),
                say("Expected net value"): _money(plan, one.net_value),
            }
            for one in plan.first
        ],
        hide_index=True,
        height=320,
        column_config=dict.fromkeys((say("Probability of leaving"), say("Expected net value")), RIGHT),
        key=f"campaign.first.{plan.planned_at}",
    )
    shown = say("The first {shown} of {all}, in the order of contact.", shown=number(len(plan.first)), all=number(plan.contacts))
    ranks = say("Ranks count the control group, so there are gaps.")
    whole = say("Both lists are handed out once the campaign is planned.") if plan.lists is None else ""
    st.caption(" ".join(filter(None, (shown, ranks, whole))))


def _left_out(plan: Plan) -> None:
    st.subheader(say("Who is left out"))
    left = {_reason(reason): count for reason, count in plan.excluded.items()}
    left[say("It would cost more than it brings")] = plan.unprofitable
    left[say("Would pay, but is beyond the limit")] = (
        plan.customers - plan.contacts - plan.control - plan.unprofitable - sum(plan.excluded.values())
    )
    rows = [{say("Why"): reason, say("Customers"): number(count)} for reason, count in left.items()]
    st.dataframe(rows, hide_index=True, column_config={say("Customers"): RIGHT})
    st.caption(say("Everyone is counted once, under the first reason that applies."))


def _reason(reason: str) -> str:
    known = {
        "opted_out": say("Opted out"),
        "opt_out_unknown": say("Opt-out is missing: nobody said yes"),
        "recently_contacted": say("Contacted within the quiet days"),
        "value_unknown": say("Value is unknown"),
    }
    return known.get(reason, reason.replace("_", " "))
