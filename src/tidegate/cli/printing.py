"""What a verb says: one JSON object or a text on stdout, everything else on stderr."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

import typer


def printed(document: Mapping[str, Any], as_json: bool, text: str) -> None:
    """Print the object, or the text for a person, at once."""
    try:
        typer.echo(json.dumps(document) if as_json else text)
        sys.stdout.flush()
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        fail("What was asked for is done, but the disk that its answer is written to is full. Make room there before the next command.", 2)


def printer(as_json: bool) -> Callable[[Mapping[str, Any], str], None]:
    """A function that prints, for verbs that say something before they end."""
    return lambda document, text: printed(document, as_json, text)


def say(*lines: str) -> None:
    """Lines on stderr. A log whose disk is full takes none, and stops nothing."""
    with suppress(OSError):
        for line in lines:
            typer.echo(line, err=True)


def let_go() -> None:
    """Give up what a full disk or a closed pipe does not take: at its end Python would try again, and make the exit code 120 of it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def fail(detail: str, code: int) -> NoReturn:
    """One sentence on stderr, and the end of the process."""
    say(f"tidegate: {detail}")
    raise SystemExit(code)
