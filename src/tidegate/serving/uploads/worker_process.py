"""The child process that scores one file for the service: `worker.py` starts it and says what it is told.

It trusts the bundle's folder, which the service has checked, and verifies its digests once more. It ends when the service does: its next
message then has nobody to go to.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from dataclasses import astuple, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tidegate.errors import TidegateError

if TYPE_CHECKING:
    from tidegate.serving.trial.arms import FileTrial

LARGEST_MEMORY_BYTES = 4 << 30
NICER_BY = 15
SENT_TOGETHER = 128  # the service reads so many on its event loop, in about a millisecond


def main() -> int:
    """Limits first, then score. What is refused is a message; a fault of ours is an exit code."""
    os.nice(NICER_BY)
    seconds = int(sys.argv[6])
    resource.setrlimit(resource.RLIMIT_AS, (LARGEST_MEMORY_BYTES, LARGEST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Ctrl-C in a terminal reaches both; the service decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _score(sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        os._exit(1)
    return 0


def _score(told: IO[bytes], told_back: IO[bytes]) -> None:
    from tidegate.bundle.scorer import open_scorer
    from tidegate.ledger.predictions import Prediction
    from tidegate.serving.uploads.frames import CSV, DONE, HEAD, PREDICTIONS, RECORD, REFUSED, framed
    from tidegate.serving.uploads.scored_file import scored_file

    def send(kind: bytes, body: bytes) -> None:
        told_back.write(framed(kind, body))

    def hear() -> object:
        told_back.flush()
        head = told.read(HEAD.size)
        if len(head) < HEAD.size:
            raise BrokenPipeError
        return json.loads(told.read(HEAD.unpack(head)[1]))

    def record(predictions: list[Prediction], outside: Mapping[str, int]) -> list[Prediction]:
        for start in range(0, len(predictions), SENT_TOGETHER):
            send(PREDICTIONS, json.dumps([astuple(one) for one in predictions[start : start + SENT_TOGETHER]]).encode())
        send(RECORD, json.dumps(outside).encode())
        kept = hear()
        if not isinstance(kept, list):
            return predictions
        found = zip(predictions, kept, strict=True)
        return [replace(one, probability=score, prediction=flag, model_version=version) for one, (score, flag, version) in found]

    bundle, version, digest, path, most_rows = sys.argv[1:6]
    order = hear()
    assert isinstance(order, list)
    try:
        scorer = open_scorer(Path(bundle), version, digest or None)
        for piece in scored_file(scorer, _trial(order[2]), Path(path), bytes.fromhex(order[0]), int(most_rows), order[1], record):
            send(CSV, piece)
        send(DONE, b"")
    except TidegateError as error:
        send(REFUSED, json.dumps([type(error).__name__, error.detail, error.remedy]).encode())
    except MemoryError:
        sentence = f"The table needs more than the {LARGEST_MEMORY_BYTES >> 30} GiB of memory that scoring one may take."
        send(REFUSED, json.dumps(["TooLarge", sentence, "Split it, or score it with `tidegate score`."]).encode())
    told_back.flush()


def _trial(told: list[Any] | None) -> FileTrial | None:
    """The experiment that the order names. A treatment that cannot be opened any more answers nobody: the champion does."""
    from tidegate.bundle.scorer import open_scorer
    from tidegate.errors import BundleRefused
    from tidegate.serving.trial.arms import FileTrial

    if told is None:
        return None
    number, salt, share, phase, treatment = told
    try:
        opened = treatment and open_scorer(Path(treatment[0]), treatment[1], treatment[2])
    except BundleRefused:
        opened = None
    return FileTrial(number, salt, share, phase, opened)


if __name__ == "__main__":
    sys.exit(main())
