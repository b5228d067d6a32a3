"""Nothing phones home: what libraries that would report their use to their makers read from the environment, in one place.

Streamlit is told by an option of its own, in `ui/launch.py`; FastAPI by an argument, in `serving/front/assembly.py`.
"""

from __future__ import annotations

import os

_SWITCHES = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "ORT_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",  # Evidently, and others that respect it
}


def switch_off_telemetry() -> None:
    """Tell MLflow, ONNX Runtime and Evidently to report to nobody, whatever the environment says; child processes inherit it.

    They look once, when they are imported: call it before. The command line does so first of all; each place that imports one of them does
    it again, for who uses the package without the command line.
    """
    os.environ.update(_SWITCHES)
