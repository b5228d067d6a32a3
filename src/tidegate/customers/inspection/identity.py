"""Which table this is and who its customers are: its name, its headers without collisions, the column that names a customer."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from tidegate.customers.inspection.drafts import FEW_TEXTS, NAME_SHARE, UNIQUE_SHARE, Draft
from tidegate.customers.inspection.names import id_rank
from tidegate.customers.inspection.scan import ColumnScan, Scan
from tidegate.customers.inspection.texts import NUMBER_SHARE
from tidegate.customers.load import Table
from tidegate.customers.names import snake_case
from tidegate.errors import TableRefused

LONGEST_NAME = 63
PANEL_SHARE = 0.005  # a customer may come back every month for many years


def spec_name(path: Path) -> str:
    """A name for the spec from the file's, fit for a registered model.

    >>> spec_name(Path("Telco Churn.csv")), spec_name(Path("2024_customers.parquet")), spec_name(Path("клиенты.csv"))
    ('telco_churn', 'table_2024_customers', 'customers')
    """
    name = snake_case(path.stem) or "customers"
    return (name if name[0].isalpha() else f"table_{name}")[:LONGEST_NAME].rstrip("_")


def refuse_collisions(table: Table) -> None:
    """Raise TableRefused where two headers are the same column in snake_case: which of them a request means could not be told."""
    headers = defaultdict(list)
    for header, name in zip(table.headers, table.names, strict=True):
        headers[name].append(header)
    for name, twins in headers.items():
        if name and len(twins) > 1:
            shown = " and ".join(repr(header[:60]) for header in twins[:4])
            raise TableRefused(f"{table.path.name} has the column {name[:60]} more than once: {shown}.", "Rename or drop one of them.")


def choose_id(table: Table, scan: Scan, label_position: int) -> Draft | None:
    """The column that names the customer, None where no column is both named and filled like one."""
    best: tuple[int, int] | None = None
    for position, (name, column) in enumerate(zip(table.names, scan.columns, strict=True)):
        rank = id_rank(name)
        if position != label_position and rank is not None and _names_customers(column, rank):
            best = min(best or (rank, position), (rank, position))
    if best is None:
        return None
    return Draft(best[1], table.headers[best[1]], table.names[best[1]], None, why=("named and filled like an id",))


def _names_customers(column: ColumnScan, rank: int) -> bool:
    """Whether a column's cells could be ids: the weaker the name, the closer to unique they must be."""
    present, distinct = column.present(), len(column.distinct)
    forms = column.forms["integer"] + column.forms["coded"] + column.forms["text"]
    if rank == 9 or column.stored not in ("text", "integer") or 2 * present <= column.cells or forms < NUMBER_SHARE * present:
        return False
    if distinct >= UNIQUE_SHARE * present:
        return True
    least = {0: PANEL_SHARE, 1: PANEL_SHARE, 2: NAME_SHARE}.get(rank, UNIQUE_SHARE)
    return distinct > FEW_TEXTS and distinct >= least * present
