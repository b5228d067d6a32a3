"""Ids of customers, as a file spells them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from tidegate.customers.columns import as_text
from tidegate.customers.formulas import neutralised
from tidegate.customers.spec import TableSpec


def customer_ids(array: pa.Array, spec: TableSpec) -> list[str | None]:
    """Ids as text, None where missing, without the `'` that `score` puts before an id that a spreadsheet would run.

    >>> from tidegate.customers.spec import load_spec
    >>> customer_ids(pa.array(["'=K1", "K2", "'K3", ""]), load_spec("bank"))
    ['=K1', 'K2', "'K3", None]
    """
    text = as_text(array)
    bare = pc.replace_substring_regex(text, "^'", "")
    marked = pc.and_(pc.starts_with(text, "'"), pc.equal(neutralised(bare), text))
    return [None if cell is None or cell in spec.missing else cell for cell in pc.if_else(marked, bare, text).to_pylist()]
