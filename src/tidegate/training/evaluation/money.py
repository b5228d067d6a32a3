"""What contacting customers brings in, threshold by threshold, and what the F1 threshold costs against the profit threshold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tidegate.customers.spec import Money
from tidegate.measures.classification import Floats, Labels
from tidegate.measures.intervals import Interval
from tidegate.measures.profit import ThresholdComparison, profit_curve
from tidegate.training.evaluation.pictures import BLUE, GREY, ORANGE, name_axes, new_figure, plain, save
from tidegate.training.evaluation.tables import write_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def write_money(
    folder: Path, name: str, money: Money, label: Labels, probability: Floats, value: Floats, comparison: ThresholdComparison
) -> None:
    """`profit.csv`, `profit_thresholds.csv` and `profit.png` of the model called `name`; profit per 1,000 customers in the spec's currency.

    `label`: int8 (n,), `probability`, `value`: float64 (n,); `comparison`: of the same rows.
    """
    threshold, share, brought = profit_curve(money, label, probability, value)
    columns = np.array([threshold, share, brought]).T
    write_table(folder / "profit.csv", ("threshold", "share_contacted", "profit_per_1000_customers"), columns.tolist())
    header = ("rule", "threshold", "share_contacted", "profit_per_1000_customers", "low", "high", "currency")
    rows = [
        ("F1", comparison.f1_threshold, comparison.contacted_at_f1, *_ends(comparison.at_f1), money.currency),
        ("profit", comparison.profit_threshold, comparison.contacted_at_profit, *_ends(comparison.at_profit), money.currency),
        ("profit less F1", None, None, *_ends(comparison.lost_by_f1), money.currency),
    ]
    write_table(folder / "profit_thresholds.csv", header, rows)
    figure = new_figure(f"{name.replace('_', ' ')}: profit of contacting {len(label):,} customers held out", 8.5, 5.5)
    _draw(figure.subplots(), comparison, share, brought)
    save(figure, folder / "profit.png")


def _ends(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high


def _draw(axes: Axes, comparison: ThresholdComparison, share: Floats, brought: Floats) -> None:
    axes.plot(share, brought, color=BLUE)
    axes.axhline(0, color=GREY, linestyle="--", linewidth=1, label="contacting nobody")
    marked = (
        ("F1", comparison.f1_threshold, comparison.contacted_at_f1, comparison.at_f1, GREY, "s"),
        ("profit", comparison.profit_threshold, comparison.contacted_at_profit, comparison.at_profit, ORANGE, "o"),
    )
    for rule, threshold, contacted, earned, color, marker in marked:
        error = np.array([[earned.value - earned.low], [earned.high - earned.value]])
        text = f"{rule} threshold {threshold:.3f}: {earned.value:,.0f} (95 % interval {earned.low:,.0f} to {earned.high:,.0f})"
        axes.errorbar([contacted], [earned.value], yerr=error, color=color, marker=marker, markersize=7, capsize=4, ls="none", label=text)
    lost = comparison.lost_by_f1
    title = f"Profit threshold less F1 threshold: {lost.value:+,.0f} ({lost.low:+,.0f} to {lost.high:+,.0f}) per 1,000 customers"
    name_axes(axes, title, "Share of customers contacted, highest probability first", f"Profit per 1,000 customers ({comparison.currency})")
    axes.set_xlim(-0.02, 1.02)
    axes.yaxis.set_major_formatter(lambda value, _: plain(f"{value:,.0f}"))
    axes.legend(loc="best")
