"""Any customer table → a table spec: what `tidegate inspect` writes and `train` uses where no spec is given.

The table is read twice in flat memory: once to see what the cells look like, once with training's own reading of the columns drafted.
Every decision is written beside its column as a comment; what was seen becomes `expected` and `levels`, never a `limit`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate.customers.inspection.drafts import Draft, draft_column
from tidegate.customers.inspection.identity import choose_id, refuse_collisions, spec_name
from tidegate.customers.inspection.label import Label, find_label, read_label
from tidegate.customers.inspection.leaks import flag_leaks, labels_of
from tidegate.customers.inspection.notes import may_be_time, notes_on, reason_of_id
from tidegate.customers.inspection.ranges import measure, settle
from tidegate.customers.inspection.scan import ColumnScan, Scan, scan_table
from tidegate.customers.inspection.texts import comma_style
from tidegate.customers.inspection.write import spec_text
from tidegate.customers.load import Table, open_table
from tidegate.customers.spec import RESERVED, TableSpec, parse_spec
from tidegate.errors import NotEnoughData


@dataclass(frozen=True)
class Inspected:
    """An inferred spec, its TOML with the reasons as comments, the size of the table, and what a person should look at."""

    spec: TableSpec
    text: str
    rows: int
    columns: int
    warnings: tuple[str, ...]


def infer_spec(path: Path, label: str, progress: Callable[[int], None] | None = None) -> Inspected:
    """The spec of a CSV or Parquet file whose column `label` (a header, or its snake_case form) says who left.

    `progress` hears of the rows read so far in the first of two passes. Raises TableRefused for a file, header or label that cannot be
    used and NotEnoughData where nothing is left to learn from; no message holds a customer's value.
    """
    table = open_table(path)
    refuse_collisions(table)
    place = find_label(table, label)
    label_name = table.names[place]
    scan = scan_table(table, place, progress)
    outcome = read_label(scan.columns[place], label_name)
    customer = choose_id(table, scan, place)
    drafts = _drafts(table, scan, {place} | ({customer.position} if customer else set()))
    missing = _missing(drafts, scan.columns[place], outcome)
    periods = [draft.position for draft in drafts if may_be_time(draft)]
    measured, repeats = measure(table, drafts, _reading_spec(path, missing, drafts), customer.position if customer else None, periods)
    drafts = [settle(draft, measured.get(draft.position), scan.columns[draft.position]) for draft in drafts]
    drafts = flag_leaks(drafts, _reading_spec(path, missing, drafts), scan.sample, labels_of(scan.sample.column(place), outcome))
    _require_features(drafts, path)
    text = spec_text(
        spec_name(path), path.name, reason_of_id(customer, repeats) if customer else None, label_name, outcome, missing, drafts
    )
    warnings = (*notes_on(label_name, outcome, customer, scan, repeats, drafts), *(text for draft in drafts for text in draft.warnings))
    return Inspected(parse_spec(text, "the inferred spec"), text, scan.rows, len(table.headers), warnings)


def _drafts(table: Table, scan: Scan, roles: set[int]) -> list[Draft]:
    """A draft of every column that is neither the id nor the label."""
    hints = (comma_style(column.forms, False) == "decimal_comma" for column in scan.columns)
    comma_is_decimal, drafts = any(hints), []
    for position, (header, name) in enumerate(zip(table.headers, table.names, strict=True)):
        empty = Draft(position, header, name, None)
        if position in roles:
            continue
        if not name:
            reason = "its header holds no letter from a to z and no digit"
            warnings = (f"The column {header!r} is left out: {reason}; rename it to use it.",) if header.strip() else ()
            drafts.append(empty.left_out(reason, *warnings))
        elif name in RESERVED:
            warning = f"{name}: this name is kept for what requests and scored files carry, so the column is left out; rename it to use it."
            drafts.append(empty.left_out("its name is kept for what requests and scored files carry; rename it to use it", warning))
        else:
            drafts.append(draft_column(empty, scan.columns[position], scan.sample.column(position), comma_is_decimal))
    return drafts


def _missing(drafts: Iterable[Draft], label_scan: ColumnScan, label: Label) -> tuple[str, ...]:
    """Texts that mean missing somewhere in the table, the empty one first."""
    words = {text.lower() if "lower" in label.normalise else text for text in label_scan.words}
    seen = {text for draft in drafts if draft.column for text in draft.missing} | words
    return ("", *sorted(seen - {""}))


def _reading_spec(path: Path, missing: Sequence[str], drafts: Sequence[Draft]) -> TableSpec:
    """A spec in which every readable column is a feature, so that the columns kept out can be read and judged too."""
    _require_features(drafts, path)
    columns = [draft.column for draft in drafts if draft.column and (draft.column.levels or draft.column.kind != "category")]
    shown = {column.name: column.model_copy(update={"feature": True}) for column in columns}
    return TableSpec(name=spec_name(path), missing=tuple(missing), columns=shown)


def _require_features(drafts: Sequence[Draft], path: Path) -> None:
    if not any(draft.column and draft.column.feature for draft in drafts):
        leaks = sum(draft.out.startswith("suspected leak") for draft in drafts)
        raise NotEnoughData(
            f"{path.name}: of {len(drafts):,} columns beside the label and the id none is left to learn from "
            f"({leaks:,} suspected leaks; the rest empty, constant, dates, or names and numbers of customers).",
            "Give a table with columns that describe customers before they leave, or write the spec by hand.",
        )
