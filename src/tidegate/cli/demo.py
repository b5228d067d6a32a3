"""The verb `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli import opening
from tidegate.cli.options import JsonOption
from tidegate.cli.printing import printed


def demo(
    home: Annotated[Path | None, typer.Option("--home", help="Folder to make and play in [default: tidegate-demo]")] = None,
    rows: Annotated[int, typer.Option("--rows", help="New customers in each month")] = 3_500,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Seed of customers and models")] = 42,
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Draw Evidently's pages, which takes some seconds each")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Watch a simulated bank for some months: an incident, concept drift, renewal, promotion, a poisoned batch. Some minutes."""
    from tidegate.operations.demo import PLACE, play
    from tidegate.operations.progress import steps

    def tell(text: str) -> None:
        if not as_json:
            printed({}, False, text)

    done = play(home or PLACE, rows, seed, pictures, opening.who(), opening.now(), tell, steps)
    if as_json:
        printed({**done, "cpu_seconds": opening.cpu_seconds()}, True, "")
