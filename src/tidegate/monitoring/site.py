"""`reports/index.html`: the history of monitoring runs on one static page, made from what each run wrote; and the same as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tidegate.home import write_whole
from tidegate.monitoring.pictures import MONITORING_PAGE, PERFORMANCE_PAGE

RUN_FILE = "drift_tests.json"
VERDICTS = ("PASS", "WARNING", "FAIL")
DAMAGED = "DAMAGED"
_PAGES = {MONITORING_PAGE: "drift", PERFORMANCE_PAGE: "performance", "performance_timeline.png": "timeline"}
_LARGEST_BYTES = 32 << 20
# A sign beside the word and the colour: nobody has to tell green from red.
_SIGNS = {"PASS": "✓", "WARNING": "!", "FAIL": "✕", DAMAGED: "?"}
_HEADS = ("batch", "when", "health", "data", "columns", "dataset", "drifted features", "rows", "quarantined")
_MORE_HEADS = ("ROC-AUC estimated", "ROC-AUC realised", "version", "pages")
_NUMBERS = frozenset({"rows", "quarantined", "ROC-AUC estimated", "ROC-AUC realised"})


@dataclass(frozen=True)
class Run:
    """One row of the history: the run's folder, and what its file says; `document` is None where the file is damaged."""

    folder: str
    document: Mapping[str, Any] | None
    pages: tuple[str, ...]


def write_site(reports: Path) -> Path:
    """Write `index.html` and `index.json` over every run in `reports/`, newest first, each whole; answers the page's path.

    A run whose file is damaged has a row that says so. Raises OSError where the folder cannot be read or written.
    """
    reports.mkdir(parents=True, exist_ok=True)
    runs = read_runs(reports)
    write_whole(reports / "index.json", json.dumps({"runs": [summary(run) for run in runs]}, indent=1, allow_nan=False).encode())
    page = reports / "index.html"
    write_whole(page, index_page(runs).encode())
    return page


def read_runs(reports: Path) -> list[Run]:
    """Runs by their time, newest first; those whose time is not known last."""
    whole = (path for path in sorted(reports.glob(f"*/{RUN_FILE}")) if not path.parent.name.startswith("."))  # a dot: a run being written
    found = [_read(path) for path in whole if not path.parent.is_symlink() and not path.is_symlink()]
    return sorted(found, key=lambda run: summary(run)["at"] or "", reverse=True)


def _read(path: Path) -> Run:
    pages = tuple(name for name in _PAGES if (path.parent / name).is_file())
    document = None
    try:
        if path.stat().st_size <= _LARGEST_BYTES:
            read = json.loads(path.read_bytes())
            document = read if isinstance(read, dict) else None
    except (OSError, ValueError, RecursionError):
        pass
    return Run(path.parent.name, document, pages)


def summary(run: Run) -> dict[str, Any]:
    """What the page shows of a run, as an object of the JSON beside it; what is absent or of a strange type is null."""
    said = run.document or {}
    drifted = said.get("drifted_features")
    return {
        "folder": run.folder,
        "damaged": run.document is None,
        "batch": str(said.get("batch", run.folder)),
        "at": said["at"] if isinstance(said.get("at"), str) else None,
        **{name: _verdict(said.get(name)) for name in ("health", "data_stability", "column_drift", "dataset_drift")},
        "drifted_features": [str(name) for name in drifted] if isinstance(drifted, list) else None,
        "rows": finite_number(said.get("rows")),
        "quarantined": finite_number(said.get("quarantined")),
        "estimated_roc_auc": _auc(said.get("estimated")),
        "realised_roc_auc": _auc(said.get("realised")),
        "model_version": str(said["model_version"]) if said.get("model_version") is not None else None,
        "warnings": len(said["warnings"]) if isinstance(said.get("warnings"), list) else 0,
        "pages": list(run.pages),
    }


def _verdict(value: object) -> str | None:
    return value if isinstance(value, str) and value in VERDICTS else None


def finite_number(value: object) -> float | int | None:
    """A finite number, also one that is written with its interval."""
    if isinstance(value, Mapping):
        value = value.get("value")
    return value if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) else None


def _auc(block: object) -> float | None:
    """The area in what is realised (among `metrics`) or estimated."""
    if not isinstance(block, Mapping):
        return None
    metrics = block.get("metrics")
    return finite_number((metrics if isinstance(metrics, Mapping) else block).get("roc_auc"))


def index_page(runs: Iterable[Run]) -> str:
    """The page. It loads nothing, and shows everything without its script; that only filters."""
    rows = [_row(summary(run)) for run in runs]
    heads = "".join(f'<th scope="col"{_class(name)}>{name}</th>' for name in (*_HEADS, *_MORE_HEADS))
    nothing = "<p>No batch has been monitored yet. <code>tidegate monitor</code> takes the newest one and adds it here.</p>"
    table = f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    parts = files("tidegate.monitoring")
    return (
        parts.joinpath("index.html")
        .read_text(encoding="utf-8")
        .replace("{{count}}", f"{len(rows)} run{'' if len(rows) == 1 else 's'}")
        .replace("{{content}}", table if rows else nothing)
    )


def _class(name: str) -> str:
    return ' class="number"' if name in _NUMBERS else ""


def _row(run: Mapping[str, Any]) -> str:
    folder, target = quote(run["folder"], safe=""), f"{quote(run['folder'], safe='')}/{RUN_FILE}"

    def figure(shown: str, name: str = "") -> str:
        return f'<td{_class(name)}><a href="{target}">{escape(shown)}</a></td>' if shown else f"<td{_class(name)}>–</td>"

    if run["damaged"]:
        rest = len(_HEADS) + len(_MORE_HEADS) - 3
        said = "The file of this run is damaged or too large to show. Remove its folder, or monitor the batch again."
        return (
            f'<tr data-health="{DAMAGED}">{figure(run["folder"])}<td>–</td>{_badge(DAMAGED, target)}<td colspan="{rest}">{said}</td></tr>'
        )
    names = run["drifted_features"] or []
    linked = f'<a href="{target}">{escape(", ".join(names)) or "0"}</a>'
    listed = f"<details><summary>{len(names)}</summary>{linked}</details>" if names else linked
    cells = [figure(run["batch"]), figure((run["at"] or "")[:16].replace("T", " "))]
    cells += [_badge(run[name], target) for name in ("health", "data_stability", "column_drift", "dataset_drift")]
    cells += [f"<td>{'–' if run['drifted_features'] is None else listed}</td>"]
    cells += [figure(_shown(run[name]), name) for name in ("rows", "quarantined")]
    cells += [figure(_shown(run[name]), "ROC-AUC estimated") for name in ("estimated_roc_auc", "realised_roc_auc")]
    cells += [figure(run["model_version"] or "")]
    links = [f'<a href="{folder}/{name}">{word}</a>' for name, word in _PAGES.items() if name in run["pages"]]
    warned = f" · {run['warnings']} warning{'' if run['warnings'] == 1 else 's'}" if run["warnings"] else ""
    cells += [f'<td>{" · ".join([*links, f"""<a href="{target}">JSON</a>"""])}{warned}</td>']
    return f'<tr data-health="{run["health"] or ""}">{"".join(cells)}</tr>'


def _badge(verdict: str | None, target: str) -> str:
    if verdict is None:
        return "<td>–</td>"
    return f'<td><a class="badge {verdict.lower()}" href="{target}"><b aria-hidden="true">{_SIGNS[verdict]}</b> {verdict}</a></td>'


def _shown(value: float | int | None) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
