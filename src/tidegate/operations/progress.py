"""Progress on stderr for whatever takes longer than a moment: a bar on a terminal, a line a step elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

QUIET_SECONDS = 2.0


@contextmanager
def steps() -> Iterator[Callable[[str, float], None]]:
    """A function that takes what is being done and the share that is done (0 to 1)."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (TextColumn("{task.description:<32}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda text, share: bar.update(task, description=text, completed=share)


def _lines() -> Callable[[str, float], None]:
    said, reached, spoken = "", -1.0, 0.0

    def line(text: str, share: float) -> None:
        nonlocal said, reached, spoken
        # Counting within one step repeats its share: every two seconds is enough.
        if text == said or (share == reached and time.monotonic() - spoken < QUIET_SECONDS):
            return
        # A log whose disk is full takes no line, and ends no training.
        with suppress(OSError):
            sys.stderr.write(f"[{share:4.0%}] {text}\n")
        said, reached, spoken = text, share, time.monotonic()

    return line


@contextmanager
def counting(text: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A function that takes the number of rows done so far; silent for the first two seconds."""
    console = Console(stderr=True)
    began = time.monotonic()
    spoken = began

    def line(rows: int) -> None:
        nonlocal spoken
        now = time.monotonic()
        if now - spoken < QUIET_SECONDS and not (total and rows >= total and spoken > began):
            return
        spoken = now
        share = f" of {total:,}" if total else ""
        ending = "\r" if console.is_terminal else "\n"
        with suppress(OSError):
            sys.stderr.write(f"{text}: {rows:,}{share} rows, {rows / (now - began):,.0f} a second{ending}")

    yield line
    if console.is_terminal and spoken > began:
        sys.stderr.write("\n")
