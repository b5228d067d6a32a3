"""What `tidegate monitor` says to a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_COLUMNS, MOST_RULES = 12, 3


def summary_of(found: Mapping[str, Any], again: bool) -> str:
    """A few lines: health, why, what drifted most, what became of earlier batches, where the report is."""
    return "\n".join(_lines(found, again))


def _lines(found: Mapping[str, Any], again: bool) -> Iterator[str]:
    if again:
        yield f"Batch {found['batch']} was monitored on {found['at'][:16]} with this champion already; this is what was found."
    counts = f"{found['rows']:,} rows, {found['quarantined']:,} quarantined"
    yield f"Batch {found['batch']} ({counts}), champion {found['model_version']}: health {found['health']}."
    verdicts = ("data_stability", "column_drift", "dataset_drift", "performance")
    yield "  " + ", ".join(f"{name} {found[name]}" for name in verdicts)
    if found["quarantined"]:
        yield f"  Quarantined most often for {_rules(found['rules'])}"
    drifted = [column for column in found["columns"] if column["drifted"]]
    for column in drifted[:MOST_COLUMNS]:
        effect = column["effect"]
        moved = "" if column.get("influence") is None else f", moves the scores by {column['influence']:.3f}"
        yield f"  {column['column']}: {effect} {column['effects'][effect]:.3f}, adjusted p {column['adjusted_p_value']:.1e}{moved}"
    if len(drifted) > MOST_COLUMNS:
        yield f"  and {len(drifted) - MOST_COLUMNS} more"
    estimated, realised = found["estimated"], found["realised"]
    if estimated is not None:
        trust = "" if estimated["trusted"] else f"; not to be trusted: {estimated['why']}"
        yield f"  ROC-AUC as estimated before labels: {_interval(estimated['roc_auc'])}{trust}"
    if realised is not None:
        yield f"  As realised on batch {realised['batch']}: {realised['sentence']}"
    for warning in found["warnings"]:
        yield f"  Warning: {warning}"
    yield f"The report: {found['report_dir']}"


def _rules(broken: Mapping[str, int]) -> str:
    """
    >>> _rules({"age: limit": 2, "tenure: missing": 1200})
    'tenure: missing (1,200), age: limit (2)'
    """
    often = sorted(broken.items(), key=lambda one: (-one[1], one[0]))
    more = f", and {len(often) - MOST_RULES} more" if len(often) > MOST_RULES else ""
    return ", ".join(f"{rule} ({count:,})" for rule, count in often[:MOST_RULES]) + more


def _interval(area: Mapping[str, Any]) -> str:
    if area["value"] is None:
        return "cannot be said"
    return f"{area['value']:.3f} ({area['low']:.3f} to {area['high']:.3f})"
