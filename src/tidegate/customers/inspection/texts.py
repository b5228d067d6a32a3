"""What a text cell looks like: a number, a date, a word for "nothing". Decided by pattern, on distinct texts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

NUMBER_SHARE = 0.99  # from here on a column is numbers with a few slips, not text with a few numbers

# Words that stand for an absent value wherever they occur, and those that may as well be an answer ("Internet service: None").
ALWAYS_MISSING = frozenset({"na", "n/a", "#n/a", "<na>", "null", "nan", "?"})
MISSING_UNLESS_LEVEL = frozenset({"none", "nil", "-", "--"})
MISSING_WORDS = ALWAYS_MISSING | MISSING_UNLESS_LEVEL

# In this order: the first pattern that fits names the form.
_FORMS = (
    ("coded", r"^0\d+$"),
    ("integer", r"^[+-]?\d+$"),
    ("decimal", r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"),
    ("thousands", r"^[+-]?[1-9]\d{0,2}((,\d{3})+\.\d+|(,\d{3}){2,})$"),
    ("comma", r"^[+-]?[1-9]\d{0,2},\d{3}$"),
    ("decimal_comma", r"^[+-]?(\d+,\d+|\d{1,3}(\.\d{3})+,\d+)$"),
    ("boolean", r"^(?i:true|false)$"),
    ("date", r"^\d{4}-\d{2}-\d{2}($|[T ])"),
    ("other_date", r"^(\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}|\d{4}[/-]\d{1,2}|\d{1,2}/\d{4})($|[T ])"),
    ("decorated", r"^[+-]?\s?\p{Sc}?\s?[+-]?(\d+|\d{1,3}([, ]\d{3})+)([.,]\d+)?\s?(\p{Sc}|%|EUR|USD|GBP|CHF)?$"),
)
_NUMBERS = ("integer", "decimal", "thousands", "comma", "decimal_comma")


def forms_of(texts: pa.Array, counts: NDArray[np.int64]) -> dict[str, int]:
    """How many cells have each form; `texts` (n,) are distinct and trimmed, `counts` int64 (n,) say how often each occurs.

    >>> forms_of(pa.array(["12", "1.5", "Basic"]), np.array([4, 3, 2]))
    {'integer': 4, 'decimal': 3, 'text': 2}
    """
    found: dict[str, int] = {}
    for form, pattern in _FORMS:
        if not len(texts):
            return found
        fits = np.asarray(pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False), bool)
        if fits.any():
            found[form] = int(counts[fits].sum())
            texts, counts = texts.filter(pa.array(~fits)), counts[~fits]
    if len(texts):
        found["text"] = int(counts.sum())
    return found


def numbers_among(forms: Mapping[str, int]) -> int:
    """Cells that read as a number in one of the ways that a spec can declare."""
    return sum(forms.get(form, 0) for form in _NUMBERS)


def comma_style(forms: Mapping[str, int], comma_is_decimal: bool) -> str | None:
    """`decimal_comma`, `thousands_comma`, "" where there is no comma, None where both occur and neither reading would be right.

    `1,234` alone is both: `comma_is_decimal` says how the rest of the table writes.

    >>> comma_style({"comma": 3, "decimal_comma": 9}, False), comma_style({"comma": 3}, False), comma_style({"comma": 3}, True)
    ('decimal_comma', 'thousands_comma', 'decimal_comma')
    """
    decimal, thousands, either = (forms.get(form, 0) for form in ("decimal_comma", "thousands", "comma"))
    if decimal and thousands:
        return None
    if decimal or (either and comma_is_decimal and not thousands):
        return "decimal_comma"
    return "thousands_comma" if thousands or either else ""


def numbers_with_signs(forms: Mapping[str, int], present: int) -> bool:
    """Whether nearly all cells are numbers, but many bear a currency or percent sign that no normalisation takes away."""
    return forms.get("decorated", 0) > 0 and forms.get("decorated", 0) + numbers_among(forms) >= NUMBER_SHARE * present
