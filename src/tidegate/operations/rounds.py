"""When `tidegate watch` last ended a round: a line in the home, so that others see whether it still watches."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime

from tidegate.home import Home, write_whole

_LARGEST_BYTES = 1_000


def record_round(home: Home, at: datetime) -> None:
    """Note the end of a round. A disk that is full ends no watch: the time then stays that of the round before."""
    with suppress(OSError):
        write_whole(home.last_round, json.dumps({"at": at.isoformat()}).encode())


def last_round(home: Home) -> datetime | None:
    """When the last round ended; None where none has, or the file is damaged."""
    try:
        if home.last_round.stat().st_size > _LARGEST_BYTES:
            return None
        found = datetime.fromisoformat(json.loads(home.last_round.read_bytes())["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.tzinfo is not None else None
