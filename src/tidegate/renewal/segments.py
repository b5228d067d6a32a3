"""The groups in which a challenger's recall is looked at: those that the table spec names."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.rows import Rows
from tidegate.customers.spec import TableSpec
from tidegate.training.evaluation.groups import Grouping, group_rows


def segments_of(spec: TableSpec, rows: Rows) -> dict[str, NDArray[np.object_]]:
    """By column of a segment the group of each row, text (n,); a segment that these rows cannot be grouped by is left out."""
    found = {}
    for segment in spec.segments:
        grouped = group_rows(spec, segment, rows)
        if isinstance(grouped, Grouping):
            found[segment.column] = np.array(grouped.names, object)[grouped.group]
    return found
