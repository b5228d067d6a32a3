"""An explainer that is worked out when the first reason is asked for.

What is read when the bundle is opened is the compressed file: reasons stay possible when storage is gone, and are always those of the
bundle that scores. Working it out takes tens of milliseconds and some MiB that a server which is never asked for reasons need not spend.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from tidegate.bundle.manifest import Manifest
from tidegate.bundle.memory import give_back
from tidegate.bundle.reasons.explain import Explainer, build_explainer, read_files


def keep_explainer(folder: Path, manifest: Manifest) -> Callable[[], Explainer]:
    """A function, safe to share between threads, that gives the bundle's explainer, worked out once.

    Raises BundleRefused where a file cannot be read. The function raises it where one cannot be used, which `bundle.check` finds first.
    """
    waiting, ready = [read_files(folder, manifest)], list[Explainer]()
    lock = threading.Lock()

    def explainer() -> Explainer:
        with lock:
            if not ready:
                ready.append(build_explainer(waiting[0], manifest))
                waiting.clear()
                give_back()
            return ready[0]

    return explainer
