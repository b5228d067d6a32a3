"""The files of a plan: whom to call, whom not to call, and the profit curve as table and picture. All appear, or none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tidegate.campaign.curve import ProfitCurve
from tidegate.campaign.plan import Plan
from tidegate.customers.formulas import neutralised, neutralised_header
from tidegate.errors import InputRefused
from tidegate.home import sync
from tidegate.operations.campaign_table import ScoredTable

BLUE, ORANGE = "#0072B2", "#D55E00"  # told apart with every kind of colour vision (Wong 2011, Nature Methods 8)


@dataclass(frozen=True)
class PlanFiles:
    """Where a plan goes. The control group has a file of its own, so that nobody calls it by mistake."""

    contacts: Path
    control: Path
    curve: Path
    picture: Path


def files_of(output: Path, source: Path) -> PlanFiles:
    """The four places. Raises InputRefused where the name cannot be an output."""
    if output.suffix.lower() not in (".csv", ".parquet"):
        raise InputRefused(f"{output.name} is neither .csv nor .parquet.", "Name the output with one of these endings.")
    beside = (f"{output.stem}.control{output.suffix}", f"{output.stem}.curve.csv", f"{output.stem}.curve.png")
    files = PlanFiles(output, *(output.with_name(name) for name in beside))
    for path in (files.contacts, files.control, files.curve, files.picture):
        if path.is_dir():
            raise InputRefused(f"{path} is a folder.", "Name another output.")
        if path.exists() and source.exists() and path.samefile(source):
            raise InputRefused(f"{path.name} is also the input.", "Name another output.")
    return files


@contextmanager
def writing_plan(files: PlanFiles, scored: ScoredTable, plan: Plan, currency: str) -> Iterator[None]:
    """Write everything beside its place, and put it there when the block (the ledger's commit) has succeeded.

    In this order a crash can leave a campaign in the ledger that nobody was given a list of, never a list whose control group is lost.
    """
    finals = (files.control, files.curve, files.picture, files.contacts)
    parts = {final: final.with_name(f".{final.stem[-150:]}.{os.getpid()}.part{final.suffix}") for final in finals}
    try:
        files.contacts.parent.mkdir(parents=True, exist_ok=True)
        _write_customers(parts[files.contacts], scored, plan, treated=True)
        _write_customers(parts[files.control], scored, plan, treated=False)
        _write_curve(parts[files.curve], plan.curve)
        _draw_curve(parts[files.picture], plan, currency)
        for part in parts.values():
            sync(part)
        yield
        for final, part in parts.items():
            part.replace(final)
        sync(files.contacts.parent)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "input or output error"
        raise InputRefused(f"{files.contacts} cannot be written: {reason}.", "Choose a folder with room that you may write to.") from None
    finally:
        for part in parts.values():
            with suppress(OSError):
                part.unlink(missing_ok=True)


def _write_customers(path: Path, scored: ScoredTable, plan: Plan, treated: bool) -> None:
    """The id first, under the table's own name for it, or `customer_id` where a column of ours has that name."""
    mine = np.flatnonzero(plan.treated == treated)
    chosen = plan.chosen[mine]
    cells = scored.id_cells.take(pa.array(chosen)).combine_chunks()
    columns = {
        "rank": pa.array(mine + 1),
        "arm": pa.array(["treated" if treated else "control"] * len(mine), pa.string()),
        "churn_probability": pa.array(scored.candidates.probability[chosen]),
        "expected_net_value": pa.array(plan.net_value[mine].round(2)),
    }
    # two columns of one name are one to whoever reads by name
    header = "customer_id" if scored.id_header in columns else neutralised_header(scored.id_header)
    ids = neutralised(cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells)
    table = pa.table([ids, *columns.values()], names=[header, *columns])
    if path.suffix.lower() == ".parquet":
        pyarrow.parquet.write_table(table, path)
    else:
        pyarrow.csv.write_csv(table, path, pyarrow.csv.WriteOptions(quoting_style="needed"))


def _write_curve(path: Path, curve: ProfitCurve) -> None:
    columns = {"contacts": curve.contacts, "expected_cost": curve.outlay, "expected_net_value": curve.net_value}
    pyarrow.csv.write_csv(pa.table(columns), path)


def _draw_curve(path: Path, plan: Plan, currency: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curve, chosen = plan.curve, len(plan.chosen)
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(curve.contacts, curve.net_value, color=BLUE, label="expected net value, cumulated")
    axes.plot([curve.optimum], [curve.optimum_value], "o", color=ORANGE, label=f"optimum: {curve.optimum:,} customers")
    axes.axvline(chosen, color=ORANGE, linestyle="--", linewidth=1, label=f"chosen, control group included: {chosen:,}")
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.set_xlabel("customers in order of contact")
    axes.set_ylabel(f"expected net value ({currency})")
    axes.legend(frameon=False)
    figure.savefig(path, format="png", dpi=120)
