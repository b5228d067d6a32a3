"""The child that draws: columns on stdin, Evidently's pages on stdout. The only module that imports evidently, pandas and plotly."""

from __future__ import annotations

import io
import json
import resource
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.customers.rows import MISSING_LEVEL
from tidegate.customers.spec import OTHER
from tidegate.measures.curves import calibration_table
from tidegate.monitoring.pictures import MONITORING_PAGE, PERFORMANCE_PAGE
from tidegate.telemetry import switch_off_telemetry

Arrays = Mapping[str, NDArray[Any]]
# No column of a table can have these names: a space is not snake_case.
LEFT, PROBABILITY = "customer left", "probability of leaving"
_DECIDES_NOTHING = (
    "The tests and verdicts below are Evidently's defaults and decide nothing; what Tidegate decided from is in drift_tests.json."
)
_HARMLESS = {ord("<"): "‹", ord(">"): "›", ord("&"): "＆", 0x2028: " ", 0x2029: " "}
# Okabe and Ito's blue and vermilion, which every kind of colour vision tells apart
_BATCH_COLOUR, _REFERENCE_COLOUR = "#d55e00", "#0072b2"


def main() -> int:
    """The child: limits first, then one page after another. Exit 0, also where a page could not be drawn."""
    seconds = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.addaudithook(_stay_at_home)
    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as order:
        arrays = dict(order)
    with redirect_stdout(sys.stderr):
        answer = drawn(json.loads(bytes(arrays["about"])), arrays)
    sys.stdout.write(json.dumps(answer))
    return 0


def _stay_at_home(event: str, _: tuple[Any, ...]) -> None:
    """Nothing that draws a picture has to call anybody."""
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise PermissionError("a page is drawn without a network")


def drawn(about: Mapping[str, Any], arrays: Arrays) -> dict[str, Any]:
    """{"pages": HTML by name, "warnings": sentences} of the pages in `about["wanted"]`."""
    switch_off_telemetry()
    warnings.simplefilter("ignore")
    draw: dict[str, Callable[[], tuple[str, list[str]]]] = {
        MONITORING_PAGE: lambda: drift_page(about, arrays),
        PERFORMANCE_PAGE: lambda: (performance_page(about, arrays), []),
    }
    pages: dict[str, str] = {}
    said: list[str] = []
    for name in about["wanted"]:
        try:
            pages[name], more = draw[name]()
            said += more
        except ModuleNotFoundError as error:
            said.append(f"{name} could not be drawn: {error.name} is not installed. Run `pip install 'tidegate[monitor]'`.")
        except Exception as error:  # noqa: BLE001 - whatever Evidently cannot draw must not cost the other page, nor quote a customer
            said.append(f"{name} could not be drawn ({type(error).__name__}). What monitoring decided does not depend on it.")
    return {"pages": pages, "warnings": said}


def drift_page(about: Mapping[str, Any], arrays: Arrays) -> tuple[str, list[str]]:
    """Evidently's drift and summary of every column and of the probabilities, batch against reference; and what was left out."""
    from evidently import DataDefinition, Report
    from evidently.presets import DataDriftPreset, DataSummaryPreset

    batch, reference = _table(about, arrays, "drift"), _table(about, arrays, "drift_reference")
    empty = [name for name in batch if batch[name].isna().all() or reference[name].isna().all()]
    batch, reference = batch.drop(columns=empty), reference.drop(columns=empty)
    categories = [name for name, _ in about["categories"] if name not in empty]
    definition = DataDefinition(numerical_columns=[name for name in batch if name not in categories], categorical_columns=categories)
    note = _note(about["counts"][1], len(batch), about["counts"][0], len(reference))
    parts = [_panels()(lambda: _texts(about, note)), DataDriftPreset(columns=list(batch)), DataSummaryPreset(columns=list(batch))]
    said = f"{MONITORING_PAGE} leaves out columns without any value in the batch or in the reference: {', '.join(empty)}."
    return _run(Report(parts, include_tests=False), definition, batch, reference), [said] if empty else []


def performance_page(about: Mapping[str, Any], arrays: Arrays) -> str:
    """Evidently's classification pages (confusion matrix at the bundle's threshold, ROC, PR) and our calibration, on known labels alone."""
    from evidently import BinaryClassification, DataDefinition, Report
    from evidently.presets import ClassificationPreset

    batch = _judged(arrays, "performance")
    reference = _judged(arrays, "performance_reference") if "performance_reference.label" in arrays else None
    definition = DataDefinition(classification=[BinaryClassification(target=LEFT, prediction_probas=PROBABILITY, pos_label=1)])
    holdout = 0 if reference is None else len(reference)
    note = _note(
        about["counts"][2], len(batch), holdout, holdout, "customers of the batch whose outcome is known", "customers of the holdout"
    )
    parts = [
        _panels()(lambda: _texts(about, note)),
        ClassificationPreset(probas_threshold=about["threshold"]),
        _panels()(lambda: _calibration(arrays)),
    ]
    return _run(Report(parts, include_tests=False), definition, batch, reference)


def _run(report: Any, definition: Any, batch: Any, reference: Any) -> str:
    from evidently import Dataset

    compared = None if reference is None else Dataset.from_pandas(reference, definition)
    return str(report.run(Dataset.from_pandas(batch, definition), compared).get_html_str(as_iframe=False))


def _table(about: Mapping[str, Any], arrays: Arrays, part: str) -> Any:
    """A data frame of the columns of the spec and the probabilities."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for place, name in enumerate(about["numbers"]):
        values = arrays[f"{part}.numbers"][place]
        columns[name] = np.where(np.isfinite(values), values, np.nan)
    for place, (name, levels) in enumerate(about["categories"]):
        codes = arrays[f"{part}.codes"][place]
        names = np.array([*(harmless(level) for level in levels), OTHER, None], object)
        columns[name] = names[np.where(codes >= 0, codes, np.where(codes == MISSING_LEVEL, len(levels) + 1, len(levels)))]
    columns[PROBABILITY] = arrays[f"{part}.probability"]
    return pd.DataFrame(columns)


def _judged(arrays: Arrays, part: str) -> Any:
    import pandas as pd

    return pd.DataFrame({LEFT: arrays[f"{part}.label"].astype(np.int64), PROBABILITY: arrays[f"{part}.probability"]})


def harmless(level: str) -> str:
    """A level as it may stand in Evidently's page, which writes it into a script without escaping.

    >>> harmless("</script>&amp;")
    '‹/script›＆amp;'
    """
    return level.translate(_HARMLESS)


def _note(
    count: int, drawn_of: int, other: int, other_drawn: int, who: str = "customers of the batch", others: str = "of the reference"
) -> str:
    sides = [_side(count, drawn_of, who), *([_side(other, other_drawn, others)] if other else [])]
    return f"{' against '.join(sides)}. {_DECIDES_NOTHING}"


def _side(count: int, drawn_of: int, who: str) -> str:
    return f"{count:,} {who}" if drawn_of == count else f"a sample of {drawn_of:,} of {count:,} {who}"


@lru_cache(maxsize=1)
def _panels() -> Any:
    """Evidently's container of widgets, for panels of ours; a class of its own because Evidently looks parts up by their class."""
    from evidently.core.container import MetricContainer

    class Panels(MetricContainer):  # type: ignore[misc]
        def __init__(self, make: Callable[[], list[Any]]) -> None:
            super().__init__(include_tests=False)
            object.__setattr__(self, "_make", make)

        def generate_metrics(self, _: Any) -> Sequence[Any]:
            return []

        def render(self, *_: Any, **__: Any) -> list[Any]:
            made: list[Any] = object.__getattribute__(self, "_make")()
            return made

    return Panels


def _texts(about: Mapping[str, Any], note: str) -> list[Any]:
    """What Tidegate decided stands above every verdict of Evidently's, which often is another."""
    from evidently.legacy.renderers.html_widgets import text_widget

    headline, found = (harmless(text) for text in about["verdict"])
    return [text_widget(title=headline, text=f"{found} {note}")]


def _calibration(arrays: Arrays) -> list[Any]:
    """What was said against what happened, in bins of equally many customers, with Wilson intervals of 95 %."""
    from evidently.legacy.renderers.html_widgets import plotly_figure
    from plotly import graph_objects

    figure = graph_objects.Figure(
        graph_objects.Scatter(x=[0, 1], y=[0, 1], mode="lines", name="perfect", line={"dash": "dot", "color": "#888"})
    )
    for part, name, colour in (
        ("performance", "batch", _BATCH_COLOUR),
        ("performance_reference", "holdout", _REFERENCE_COLOUR),
    ):
        if f"{part}.label" not in arrays:
            continue
        table = calibration_table(arrays[f"{part}.label"], arrays[f"{part}.probability"])
        happened = [group.happened for group in table]
        error = {"array": [one.high - one.value for one in happened], "arrayminus": [one.value - one.low for one in happened]}
        where = {"x": [group.said for group in table], "y": [one.value for one in happened]}
        figure.add_trace(graph_objects.Scatter(**where, mode="lines+markers", name=name, line={"color": colour}, error_y=error))
    figure.update_layout(xaxis_title="probability of leaving, mean of the bin", yaxis_title="share that left", template="simple_white")
    return [plotly_figure(title="Calibration", figure=figure)]


if __name__ == "__main__":
    sys.exit(main())
