"""Panels of the kinds that the dashboards use: a number now, lines over time, bars by name, a distribution over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase

from grafana_foundation_sdk.builders import bargauge, common, dashboard, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType, DataSourceRef, Threshold, ThresholdsMode
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

# as deploy/grafana/provisioning/datasources names it
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
API, WORKER = 'job="tidegate-api"', 'job="tidegate-worker"'
ABOUT_CUSTOMERS = 'route=~"/explain|/feedback|/outcomes|/predict|/predict-batch|/predict-csv|/what-if"'
ONE_CUSTOMER = 'route=~"/predict|/explain"'
# Okabe and Ito's, which people with any colour vision tell apart
GOOD, UNSURE, BAD = "#009E73", "#E69F00", "#D55E00"
Panel = stat.Panel | timeseries.Panel | bargauge.Panel | heatmap.Panel
_HEIGHT = 8


@dataclass(frozen=True)
class Query:
    """A question to Prometheus, and what its answers are called: `{{label}}` is a label's value."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Limits:
    """From which value on something is doubtful, and bad; with `below`, down to which."""

    unsure: float | None = None
    bad: float | None = None
    below: bool = False


def number(title: str, unit: str, expr: str, about: str, limits: Limits = Limits(), legend: str = "", width: int = 6) -> stat.Panel:
    """What something is now."""
    panel = stat.Panel().title(title).description(about).unit(unit).datasource(SOURCE).height(4).span(width)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).color_mode(options.BigValueColorMode.VALUE)
    panel = panel.graph_mode(options.BigValueGraphMode.NONE if legend else options.BigValueGraphMode.AREA)
    return panel.thresholds(_thresholds(limits)).with_target(_target(Query(expr, legend), instant=bool(legend)))


def lines(
    title: str, unit: str, queries: Sequence[Query], about: str, limits: Limits = Limits(), top: float | None = None, width: int = 12
) -> timeseries.Panel:
    """How something changed. A limit is a dashed line."""
    panel = timeseries.Panel().title(title).description(about).unit(unit).datasource(SOURCE).height(_HEIGHT).span(width).min(0)
    if top is not None:
        panel = panel.max(top)
    if limits != Limits():
        style = common.GraphThresholdsStyleConfig().mode(options.GraphThresholdsStyleMode.DASHED)
        panel = panel.thresholds(_thresholds(limits)).thresholds_style(style)
    legend = common.VizLegendOptions().display_mode(options.LegendDisplayMode.LIST).placement(options.LegendPlacement.BOTTOM)
    panel = panel.legend(legend.show_legend(True)).line_width(2).fill_opacity(5).show_points(options.VisibilityMode.NEVER)
    for reference, query in zip(ascii_uppercase, queries, strict=False):
        panel = panel.with_target(_target(query).ref_id(reference))
    return panel


def bars(title: str, unit: str, query: Query, about: str, limits: Limits = Limits(), width: int = 12, height: int = 14) -> bargauge.Panel:
    """What something is now, a bar for each name."""
    panel = bargauge.Panel().title(title).description(about).unit(unit).datasource(SOURCE).height(height).span(width).min(0)
    panel = panel.orientation(options.VizOrientation.HORIZONTAL).display_mode(options.BarGaugeDisplayMode.BASIC)
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).thresholds(_thresholds(limits))
    return panel.with_target(_target(query, instant=True))


def distribution(title: str, unit: str, expr: str, about: str, width: int = 24) -> heatmap.Panel:
    """How values were spread in each stretch of time, from the buckets of a histogram."""
    colour = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Viridis").steps(64)
    panel = heatmap.Panel().title(title).description(about).datasource(SOURCE).height(_HEIGHT).span(width).calculate(False)
    panel = panel.color(colour).y_axis(heatmap.YAxisConfig().unit(unit)).cell_gap(1)
    return panel.with_target(_target(Query(expr, "{{le}}")).format(PromQueryFormat.HEATMAP))


def board(name: str, title: str, about: str, panels: Sequence[Panel]) -> dashboard.Dashboard:
    """A dashboard of the last six hours that is renewed every half minute."""
    made = dashboard.Dashboard(f"Tidegate: {title}").uid(f"tidegate-{name}").description(about).tags(["tidegate"]).readonly()
    made = made.time("now-6h", "now").refresh("30s").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR)
    link = dashboard.DashboardLink("Tidegate").type(DashboardLinkType.DASHBOARDS).tags(["tidegate"]).keep_time(True).include_vars(True)
    made = made.link(link)
    for number_, panel in enumerate(panels, start=1):
        made = made.with_panel(panel.id(number_))
    return made


def _target(query: Query, instant: bool = False) -> prometheus.Dataquery:
    made = prometheus.Dataquery().ref_id("A").expr(query.expr).legend_format(query.legend or "__auto").datasource(SOURCE)
    return made.instant() if instant else made.range()


def _thresholds(limits: Limits) -> dashboard.ThresholdsConfig:
    steps = [(limits.unsure, UNSURE), (limits.bad, BAD)]
    found = [(value, colour) for value, colour in steps if value is not None]
    if limits.below:
        # the lowest band has no lower end: each value is where the next better colour begins
        colours = [*reversed([colour for _, colour in found]), GOOD]
        ends = [None, *sorted(value for value, _ in found)]
        return _config(list(zip(ends, colours, strict=True)))
    return _config([(None, GOOD), *found])


def _config(steps: Sequence[tuple[float | None, str]]) -> dashboard.ThresholdsConfig:
    made = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE)
    return made.steps([Threshold(value, colour) for value, colour in steps])
