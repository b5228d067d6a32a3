"""The inferred spec as TOML, with the reason of each decision beside it. Nothing of the table reaches the file unescaped."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.customers.inspection.drafts import Draft
from tidegate.customers.inspection.label import Label
from tidegate.customers.spec import Column

LONGEST_HEADER = 80
# A table of groups is read by a person: more columns, or groups too small to say anything, hide what it shows.
MOST_SEGMENTS = 6
MOST_GROUPS = 12
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def quoted(text: str) -> str:
    r"""A TOML basic string: what is not printable is escaped, so that no header or level can end the line or the string.

    >>> print(quoted('a "b"\n[columns.c]'), quoted("\x00é\u2028"))
    "a \"b\"\n[columns.c]" "\u0000é\u2028"
    """
    return '"' + "".join(_SHORT.get(character) or _plain(character) for character in text) + '"'


def spec_text(
    name: str, source: str, id_draft: Draft | None, label_name: str, label: Label, missing: Sequence[str], drafts: Sequence[Draft]
) -> str:
    """The spec. `drafts` are all columns but the id and the label, in the order of the file; `id_draft` says why the id is one."""
    lines = [
        f"# Inferred from {quoted(source)}. `expected` and `levels` are what was seen, not what is possible: more is scored and counted.",
        '# Tighten what you know: `limit` for impossible numbers, `unknown = "refuse"` for a closed list of levels.',
        f"name = {quoted(name)}",
    ]
    if id_draft:
        lines += [f"# {_header(id_draft.header)}: {'; '.join(id_draft.why)}", f"id = {quoted(id_draft.name)}"]
    total = label.left + label.stayed
    lines += [
        f"label = {quoted(label_name)}",
        f"# {label.why}: {label.left:,} of {total:,} labelled rows left"
        + (f", {label.missing:,} rows are unlabelled" if label.missing else ""),
        f"positive = {quoted(label.positive)}",
        f"negative = {quoted(label.negative)}",
        f"missing = {_list(missing)}",
    ]
    if label.normalise:
        levels = _list((label.negative, label.positive))
        lines += [
            "",
            f"[columns.{label_name}]",
            "# the label: its spellings differ in spaces or case",
            'kind = "category"',
            f"levels = {levels}",
        ]
        lines.append(f"normalise = {_list(label.normalise)}")
    for draft in drafts:
        lines += ["", *_column_lines(draft)]
    lines += _segment_lines(drafts)
    return "\n".join(lines) + "\n"


def _column_lines(draft: Draft) -> list[str]:
    column = draft.column
    if column is None:
        return [f"# {_header(draft.header)} is left out: {draft.out}"]
    lines = [f"[columns.{draft.name}]", f"# {'; '.join((_header(draft.header), *draft.why))}", f"kind = {quoted(column.kind)}"]
    if column.levels:
        lines.append(f"levels = {_list(column.levels)}")
    if column.unknown == "other":
        lines.append('unknown = "other"')
    if column.expected:
        lines.append(f"expected = [{_number(column.expected[0])}, {_number(column.expected[1])}]")
    return lines + _flags(column, draft.out)


def _segment_lines(drafts: Sequence[Draft]) -> list[str]:
    """The first few columns that tell groups of customers apart, for the report of quality by group."""
    groups = {draft.name: _groups(draft.column) for draft in drafts if draft.column and draft.column.feature}
    grouping = [name for name, count in groups.items() if 2 <= count <= MOST_GROUPS]
    if not grouping:
        return []
    lines = ["", "# Quality is reported for each group of these columns. Name those that matter to you; a number is cut at its `edges`."]
    return lines + [line for name in grouping[:MOST_SEGMENTS] for line in ("[[segments]]", f"column = {quoted(name)}")]


def _groups(column: Column) -> int:
    return 2 if column.kind == "boolean" else len(column.levels)


def _flags(column: Column, out: str) -> list[str]:
    lines = ["nullable = true"] if column.nullable else []
    if column.normalise:
        lines.append(f"normalise = {_list(column.normalise)}")
    if not column.feature:
        lines.append(f"feature = false  # {out}; delete this line to put it back")
    return lines


def _header(header: str) -> str:
    return quoted(header if len(header) <= LONGEST_HEADER else header[: LONGEST_HEADER - 1] + "…")


def _plain(character: str) -> str:
    if character.isprintable():
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(quoted(text) for text in texts)}]"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
