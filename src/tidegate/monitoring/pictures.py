"""The two pages of a monitoring run that are looked at, drawn by Evidently in a child process; nothing is decided here.

The child gets no ids, only columns, and may open no connection. What it says besides its pages is thrown away: a traceback may quote
a customer. Whatever becomes of it, the caller goes on: a page that could not be drawn is a warning.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.kept_rows import HOLDOUT, UNKNOWN_LABEL, KeptRows
from tidegate.customers.rows import layout_of
from tidegate.customers.spec import TableSpec
from tidegate.home import write_whole

MONITORING_PAGE, PERFORMANCE_PAGE = "monitoring_report.html", "performance_report.html"
MOST_ROWS = 100_000
MOST_NAMES = 12
LONGEST_SECONDS = 900
_CHILD = "tidegate.monitoring.evidently_pages"


def draw_reports(
    folder: Path,
    spec: TableSpec,
    reference: KeptRows,
    batch: KeptRows,
    threshold: float,
    seed: int,
    verdict: tuple[str, str],
    most_rows: int = MOST_ROWS,
) -> tuple[str, ...]:
    """Write `monitoring_report.html` and `performance_report.html` into `folder`, each whole or not at all; answers warnings.

    `verdict`: Tidegate's own, as `verdict_of` says it; it stands at the top of each page. A warning is one sentence for a page that could
    not be drawn, or that leaves something out.
    Both sides are drawn from a sample of at most `most_rows` customers. Performance needs customers of the batch whose label is known, some
    who left and some who stayed; without them the page says so. Raises OSError where the folder cannot be written, and nothing else.
    """
    generator = np.random.default_rng(seed)
    known = batch.take(batch.label != UNKNOWN_LABEL)
    judged = reference.take((reference.part == HOLDOUT) & (reference.label != UNKNOWN_LABEL))
    parts = {"drift": _sampled(batch, most_rows, generator), "drift_reference": _sampled(reference, most_rows, generator)}
    wanted = [MONITORING_PAGE] if len(batch) and len(reference) else []
    if _both(known):
        wanted.append(PERFORMANCE_PAGE)
        parts["performance"] = _sampled(known, most_rows, generator)
        if _both(judged):
            parts["performance_reference"] = _sampled(judged, most_rows, generator)
    pages, warnings = _drawn_by_child(_order(spec, parts, wanted, threshold, verdict, (len(reference), len(batch), len(known))), wanted)
    for name, notice in ((MONITORING_PAGE, _nobody(verdict)), (PERFORMANCE_PAGE, _no_labels(verdict, len(known), len(batch)))):
        if name not in wanted:
            pages[name] = notice
    for name, page in pages.items():
        write_whole(folder / name, page.encode())
    return tuple(warnings)


def verdict_of(document: Mapping[str, Any]) -> tuple[str, str]:
    """Tidegate's verdict on a batch, from its document: a headline, and what it comes from.

    >>> verdict_of({"health": "FAIL", "data_stability": "PASS", "column_drift": "FAIL", "dataset_drift": "FAIL",
    ...             "performance": "PASS", "drifted_features": ["age"]})
    ("Tidegate's verdict on this batch: FAIL.", 'Data PASS, columns FAIL, dataset FAIL, performance PASS. 1 drifted feature: age.')
    """
    parts = {"data_stability": "Data", "column_drift": "columns", "dataset_drift": "dataset", "performance": "performance"}
    found = ", ".join(f"{word} {document[part]}" for part, word in parts.items())
    drifted = document["drifted_features"]
    names = [*drifted[:MOST_NAMES], *([f"and {len(drifted) - MOST_NAMES} more"] if len(drifted) > MOST_NAMES else [])]
    features = f"{len(drifted)} drifted feature{'' if len(drifted) == 1 else 's'}: {', '.join(names)}" if drifted else "No drifted feature"
    return f"Tidegate's verdict on this batch: {document['health']}.", f"{found}. {features}."


def _both(kept: KeptRows) -> bool:
    return len(np.unique(kept.label)) == 2


def _sampled(kept: KeptRows, most_rows: int, generator: np.random.Generator) -> KeptRows:
    if len(kept) <= most_rows:
        return kept
    return kept.take(np.sort(generator.choice(len(kept), most_rows, replace=False)))


def _order(
    spec: TableSpec, parts: dict[str, KeptRows], wanted: list[str], threshold: float, verdict: tuple[str, str], counts: tuple[int, int, int]
) -> bytes:
    """What the child reads: arrays without ids and a description, in numpy's format without objects."""
    layout = layout_of(spec)
    about = {
        "numbers": [column.name for column in layout.number_columns],
        "categories": [[column.name, list(column.levels)] for column in layout.category_columns],
        "wanted": wanted,
        "threshold": threshold,
        "verdict": verdict,
        "counts": counts,
    }
    arrays: dict[str, NDArray[Any]] = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)}
    for name, kept in parts.items():
        arrays[f"{name}.probability"], arrays[f"{name}.label"] = kept.probability, kept.label
        if name.startswith("drift"):
            arrays[f"{name}.numbers"], arrays[f"{name}.codes"] = kept.rows.numbers, kept.rows.codes
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def _drawn_by_child(order: bytes, wanted: list[str]) -> tuple[dict[str, str], list[str]]:
    """Pages by name, and warnings."""
    if not wanted:
        return {}, []
    # -P: a file in the folder where somebody happens to stand must not be taken for a library
    command = [sys.executable, "-P", "-m", _CHILD, str(LONGEST_SECONDS)]
    # without the settings: who only draws needs no password of a database
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    try:
        child = subprocess.run(  # noqa: S603 - our own module
            command, input=order, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=LONGEST_SECONDS, check=False, env=environment
        )
        told = json.loads(child.stdout)
        return dict(told["pages"]), [str(sentence) for sentence in told["warnings"]]
    except subprocess.TimeoutExpired:
        reason = f"it took longer than {LONGEST_SECONDS} seconds"
    except OSError as error:
        reason = f"its process could not be started ({error.strerror})"
    except (ValueError, KeyError, TypeError):
        reason = f"its process ended with code {child.returncode}"
    return {}, [f"{' and '.join(wanted)} could not be drawn: {reason}. What monitoring decided does not depend on it."]


def _nobody(verdict: tuple[str, str]) -> str:
    sentence = "The batch or the reference holds no valid customer, so there is nothing to compare."
    return notice("Monitoring report", verdict, sentence, "drift_tests.json says how many rows were quarantined, and by which rule.")


def _no_labels(verdict: tuple[str, str], known: int, count: int) -> str:
    if known:
        sentence = f"Of {known:,} customers of this batch the outcome is known, and it is the same for all of them."
    else:
        sentence = f"Of none of the {count:,} customers of this batch it is known yet whether they left."
    remedy = "Bring outcomes in with `tidegate outcomes FILE` once they are known, then run `tidegate monitor` again. Until then"
    return notice("Performance report", verdict, sentence, f"{remedy} drift_tests.json holds the estimate made without labels.")


def notice(title: str, verdict: tuple[str, str], sentence: str, remedy: str) -> str:
    """A small page that says what was decided, why there is no picture, and what to do."""
    style = "color-scheme:light dark;font:16px/1.5 system-ui,sans-serif;max-width:42em;margin:3em auto;padding:0 1em"
    viewport = '<meta name="viewport" content="width=device-width">'
    head = f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">{viewport}<title>{title}</title></head>'
    decided = f"<p><strong>{escape(verdict[0])}</strong> {escape(verdict[1])}</p>"
    body = (
        f'<h1>{title}</h1>{decided}<p>{escape(sentence)}</p><p>{escape(remedy)}</p><p><a href="drift_tests.json">drift_tests.json</a></p>'
    )
    return f'{head}<body style="{style}">{body}</body></html>\n'
