"""How every picture of an evaluation looks: colours that any eye tells apart, labelled axes, a light grid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"  # distinguishable with any colour vision (Okabe & Ito 2008)
DOTS_PER_INCH = 110


def new_figure(title: str, width: float, height: float) -> Figure:
    """An empty figure of so many inches; drawn without pyplot, so nothing global is left behind."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(plain(title))
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write the picture, and the folder it belongs in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DOTS_PER_INCH)


def plain(text: str) -> str:
    r"""Text that matplotlib draws as it stands: `$` would start a formula.

    >>> print(plain("$40K - $60K"))
    \$40K - \$60K
    """
    return text.replace("$", r"\$")


def name_axes(axes: Axes, title: str, x: str, y: str) -> None:
    """Title, both labels, grid."""
    axes.set(title=plain(title), xlabel=plain(x), ylabel=plain(y))
    axes.grid(alpha=0.25)


def unit_square(axes: Axes) -> None:
    """Both axes from 0 to 1, with a little air so that lines on the border are seen."""
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
