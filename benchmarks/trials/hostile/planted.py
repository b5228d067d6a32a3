"""What must never run: content that leaves a file behind where it is unpickled, evaluated or unpacked."""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Hostile:
    """A file by its name and content; `name` is what a caller says that it is called."""

    kind: str
    name: str
    content: bytes


class _Command:
    """Unpickled, it runs a command."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self._command,)


def pickled(marker: Path) -> bytes:
    """A pickle that makes `marker` where it is loaded."""
    return pickle.dumps(_Command(f"touch {marker}"))
