"""What each column is drafted to be after the first pass: its kind, its repairs, whether the model may see it, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from tidegate.customers.inspection.names import id_rank, names_a_person
from tidegate.customers.inspection.scan import ColumnScan
from tidegate.customers.inspection.texts import (
    ALWAYS_MISSING,
    MISSING_WORDS,
    NUMBER_SHARE,
    comma_style,
    numbers_among,
    numbers_with_signs,
)
from tidegate.customers.spec import OTHER, Column, Kind, Normalisation

MOST_LEVELS = 200
LONGEST_LEVEL = 200
FEW_TEXTS = 20  # up to here a column of different texts is a short list, not names
UNIQUE_SHARE = 0.95
NAME_SHARE = 0.5  # above it most texts name one customer each

_WHAT = {"integer": "whole numbers", "number": "numbers", "boolean": "true or false", "date": "dates as YYYY-MM-DD"}


@dataclass(frozen=True)
class Draft:
    """One column of the spec to be. `column` is None where a spec cannot express it; `out` says why the model does not see it.

    `why` are comment lines; `warnings` go to the person; `missing` are texts that mean missing in this column.
    """

    position: int
    header: str
    name: str
    column: Column | None
    out: str = ""
    why: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def left_out(self, reason: str, *warnings: str) -> Draft:
        """The same column, kept out of the model but declared where it can be."""
        column = self.column.model_copy(update={"feature": False}) if self.column else None
        return replace(self, column=column, out=reason, warnings=(*self.warnings, *warnings))


def draft_column(empty: Draft, scan: ColumnScan, sampled: pa.Array, comma_is_decimal: bool) -> Draft:
    """Draft one column from its scan; `empty` bears its position and names, `sampled` its sampled cells."""
    if scan.stored == "unreadable":
        return empty.left_out("its cells are lists, records, bytes or durations, which no kind of column reads")
    if scan.stored == "empty" or (scan.stored == "text" and not scan.present()):
        return empty.left_out("it is empty")
    if scan.stored != "text":
        kinds: dict[str, Kind] = {"integer": "integer", "number": "number", "boolean": "boolean", "date": "date"}
        return _numeric(empty, kinds[scan.stored], scan, ())
    present, forms = scan.present(), scan.forms
    if forms["boolean"] >= NUMBER_SHARE * present:
        return _numeric(empty, "boolean", scan, ())
    if forms["date"] >= NUMBER_SHARE * present:
        return _numeric(empty, "date", scan, ())
    coded = forms["coded"] > (1 - NUMBER_SHARE) * present or forms["coded"] == present
    if not coded and numbers_among(forms) + forms["coded"] >= NUMBER_SHARE * present:
        style = comma_style(forms, comma_is_decimal)
        if style is None:
            text = f"{empty.name}: some cells use the comma for decimals and some for thousands; the column is left out."
            return empty.left_out("some of its cells use the comma for decimals and some for thousands", text)
        return _number(empty, scan, style)
    return _text(empty, scan, sampled)


def _number(empty: Draft, scan: ColumnScan, style: str) -> Draft:
    forms = scan.forms
    whole = not forms["decimal"] and not forms["decimal_comma"] and not (forms["thousands"] or forms["comma"]) and not forms["coded"]
    steps: tuple[Normalisation, ...] = (style,) if style in ("decimal_comma", "thousands_comma") else ()  # type: ignore[assignment]
    draft = _numeric(empty, "integer" if whole else "number", scan, steps)
    notes, warnings = [*draft.why], []
    if style:
        notes.append(f"written with a comma for {'decimals' if style == 'decimal_comma' else 'thousands'}")
    if style == "thousands_comma" and not forms["thousands"]:
        warnings.append(f"{empty.name}: a comma always stands before three digits, so it is read as a thousands separator.")
    if style == "decimal_comma" and forms["decimal"]:
        warnings.append(f"{empty.name}: {forms['decimal']:,} cells hold a point and no comma; it is read as a decimal point.")
    return replace(draft, why=tuple(notes), warnings=tuple(warnings))


def _numeric(empty: Draft, kind: Kind, scan: ColumnScan, steps: tuple[Normalisation, ...]) -> Draft:
    """A number, boolean or date column; a word for missing can only mean missing here."""
    absent = ((scan.nulls, "null"), (scan.blanks.total(), "blank"), (scan.words.total(), "a word for missing"))
    notes = [_WHAT[kind], *(f"{count:,} of {scan.cells:,} cells are {what}" for count, what in absent if count)]
    column = Column(name=empty.name, kind=kind, normalise=(*_strip(scan), *steps), nullable=scan.present() < scan.cells)
    draft = replace(empty, column=column, why=tuple(notes), missing=(*scan.blanks, *scan.words))
    return draft.left_out("a date drifts by nature, a number of days does not") if kind == "date" else draft


def _text(empty: Draft, scan: ColumnScan, sampled: pa.Array) -> Draft:
    present, distinct, forms = scan.present(), len(scan.distinct), scan.forms
    bare = Column(name=empty.name, kind="category", unknown="other", nullable=present < scan.cells, normalise=_strip(scan))
    named = replace(empty, column=bare, missing=(*scan.blanks, *_always(scan)))
    if distinct == 1 and present == scan.cells:
        return empty.left_out("it holds one value only")
    if forms["other_date"] >= NUMBER_SHARE * present:
        return empty.left_out("its dates or periods are not written as YYYY-MM-DD; write them so to use them")
    if names_a_person(empty.name) and distinct > FEW_TEXTS:
        return named.left_out("it names people; list `levels` if it does not")
    if (distinct > FEW_TEXTS and distinct > NAME_SHARE * present) or (id_rank(empty.name) is not None and distinct > MOST_LEVELS):
        advice = _advice(scan)
        warning = (f"{empty.name}: {advice}; the column is left out.",) if advice else ()
        return named.left_out(
            f"{distinct:,} different texts in {present:,} cells{': ' + advice if advice else ''}; list `levels` to use it", *warning
        )
    levels, others = _levels(scan, sampled)
    longest = max(map(len, levels), default=0)
    if not levels or longest > LONGEST_LEVEL:
        return named.left_out(f"its texts are {'rare' if not levels else f'up to {longest:,} characters long'}; list `levels` to use it")
    listed = f"the {len(levels)} most frequent are levels" if others else "all listed, most frequent first"
    advice = _advice(scan)
    why = [f"{distinct if others else len(levels):,} different texts, {listed}", *([advice] if advice else [])]
    nullable = bool(scan.nulls or scan.blanks or set(scan.words) - set(levels))
    return replace(named, column=bare.model_copy(update={"levels": levels, "nullable": nullable}), why=tuple(why))


def _levels(scan: ColumnScan, sampled: pa.Array) -> tuple[tuple[str, ...], bool]:
    """Levels, most frequent first, and whether texts are left over. Beyond 5,000 texts the sample says which are frequent."""
    counts: Counter[str] = Counter()
    if scan.distinct.counts is not None:
        counts.update(scan.distinct.counts)
    else:
        counted = pc.value_counts(pc.utf8_trim_whitespace(sampled.drop_null()))
        for text, count in zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True):
            if text and text.lower() not in MISSING_WORDS:
                counts[text] += count
    for word, count in scan.words.items():
        if word.lower() not in ALWAYS_MISSING:
            counts[word] = count  # "None" in a list of answers is an answer
    del counts[OTHER]  # the name of every unlisted level, so it cannot be listed; such a cell is read as one
    ordered = sorted(counts, key=lambda text: (-counts[text], text))
    return tuple(ordered[:MOST_LEVELS]), len(ordered) > MOST_LEVELS or scan.distinct.counts is None


def _advice(scan: ColumnScan) -> str:
    present, forms = scan.present(), scan.forms
    if numbers_with_signs(forms, present):
        return "numbers with a currency or percent sign are text, write them as plain numbers"
    if forms["coded"]:
        return "digits with leading zeros are codes, not amounts"
    numbers = numbers_among(forms)
    return f"numbers and text are mixed ({numbers:,} of {present:,} cells are numbers)" if 2 * numbers > present else ""


def _always(scan: ColumnScan) -> tuple[str, ...]:
    return tuple(word for word in scan.words if word.lower() in ALWAYS_MISSING)


def _strip(scan: ColumnScan) -> tuple[Normalisation, ...]:
    return ("strip",) if scan.padded or any(scan.blanks) else ()
