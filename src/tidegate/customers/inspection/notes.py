"""What a person should know about the table as a whole before training on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tidegate.customers.inspection.drafts import Draft
from tidegate.customers.inspection.label import Label
from tidegate.customers.inspection.names import names_a_period
from tidegate.customers.inspection.ranges import Repeats
from tidegate.customers.inspection.scan import Scan


def may_be_time(draft: Draft) -> bool:
    """Whether a column could be the spec's `time`: a date, or whole numbers named like a period."""
    column = draft.column
    return column is not None and (column.kind == "date" or (column.kind == "integer" and names_a_period(draft.name)))


def notes_on(
    label_name: str, label: Label, customer: Draft | None, scan: Scan, repeats: Repeats, drafts: Sequence[Draft]
) -> tuple[str, ...]:
    """Warnings about the label, the lines and the ids."""
    notes = []
    if not label.sure:
        notes.append(f"{label_name}: {label.why}; check `positive` in the spec.")
    if label.missing:
        notes.append(f"{label_name}: {label.missing:,} rows have no label; they say nothing yet and are not learned from.")
    if scan.ragged:
        notes.append(f"{scan.ragged:,} lines have another number of fields than the header; they will be quarantined.")
    if customer is None:
        notes.append("No column is named and filled like a customer's id; a random split takes every row for another customer.")
        return tuple(notes)
    column = scan.columns[customer.position]
    if column.present() < column.cells:
        notes.append(f"{customer.name}: {column.cells - column.present():,} rows have no id.")
    return (*notes, *_repeat_notes(customer, repeats, drafts))


def reason_of_id(customer: Draft, repeats: Repeats) -> Draft:
    """The id with what the second pass found, for the comment beside it."""
    share = repeats.share()
    found = f"{_percent(share)} of its values occur in several rows" if share else "no value repeats"
    return replace(customer, why=(*customer.why, found))


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "fewer than 1%"


def _repeat_notes(customer: Draft, repeats: Repeats, drafts: Sequence[Draft]) -> list[str]:
    share = repeats.share()
    if not share:
        return []
    notes = [f"{customer.name}: {_percent(share)} of the customers have several rows; whole customers will be held out together."]
    periods = [draft.name for draft in drafts if draft.position in repeats.periods() and may_be_time(draft)]
    if periods:
        notes.append(f'{periods[0]} differs between the rows of a customer: with `time = "{periods[0]}"` the latest rows are held out.')
    return notes
