"""Small drawings inside the page: SVG whose colours follow the page's, readable in print and by screen readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.training.card.html import Html, element, join, text

BAR_WIDTH, BAR_HEIGHT = 220, 12
SIDE, EDGE = 300, 44


def bar(share: float, said: str) -> Html:
    """A bar of `share` (0 to 1) of the width; `said` is read aloud."""
    width = max(1.0, share * BAR_WIDTH)
    shape = element("rect", Html(""), class_="bar", width=f"{width:.1f}", height=str(BAR_HEIGHT), rx="2")
    return element("svg", shape, viewBox=f"0 0 {BAR_WIDTH} {BAR_HEIGHT}", class_="bars", role="img", aria_label=said)


def calibration_plot(bins: Sequence[Mapping[str, Any]]) -> Html:
    """Probability said against share that left, with intervals, over the diagonal on which a calibrated model lies."""
    marks = [_axis(), _line(0, 0, 1, 1, "diagonal")]
    for one in bins:
        marks.append(_line(one["said"], one["low"], one["said"], one["high"], "interval"))
        marks.append(element("circle", Html(""), class_="dot", cx=_x(one["said"]), cy=_y(one["happened"]), r="4"))
    whole = SIDE + 2 * EDGE
    label = "Calibration: probability said against share that left"
    return element("svg", join(marks), viewBox=f"0 0 {whole} {whole - EDGE // 2}", class_="plot", role="img", aria_label=label)


def _axis() -> Html:
    parts = [element("rect", Html(""), class_="frame", x=str(EDGE), y=str(EDGE // 2), width=str(SIDE), height=str(SIDE))]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts += [_line(tick, 0, tick, 1, "grid"), _line(0, tick, 1, tick, "grid")]
        below, beside = str(EDGE // 2 + SIDE + 16), f"{float(_y(tick)) + 4:.1f}"
        parts.append(element("text", text(f"{tick:.0%}"), x=_x(tick), y=below, text_anchor="middle"))
        parts.append(element("text", text(f"{tick:.0%}"), x=str(EDGE - 6), y=beside, text_anchor="end"))
    middle = str(EDGE + SIDE // 2)
    parts.append(element("text", text("probability said"), x=middle, y=str(EDGE // 2 + SIDE + 34), text_anchor="middle"))
    parts.append(element("text", text("share that left"), x=str(EDGE + 8), y=str(EDGE // 2 + 16), text_anchor="start"))
    return join(parts)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Html:
    return element("line", Html(""), class_=kind, x1=_x(x1), y1=_y(y1), x2=_x(x2), y2=_y(y2))


def _x(share: float) -> str:
    return f"{EDGE + SIDE * share:.1f}"


def _y(share: float) -> str:
    return f"{EDGE // 2 + SIDE * (1 - share):.1f}"
