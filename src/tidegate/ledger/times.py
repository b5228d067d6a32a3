"""Times as the ledger writes them, and as people and files write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def time_text(moment: datetime) -> str:
    """A time as the ledger writes it, so that text order is time order. Raises `ValueError` without a time zone.

    >>> time_text(datetime(2026, 3, 1, 12, tzinfo=UTC))
    '2026-03-01T12:00:00.000000+00:00'
    """
    if moment.tzinfo is None:
        raise ValueError("a time of the ledger needs a time zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def past_time(text: str, now: datetime) -> str | None:
    """An ISO date or time as the ledger writes it, a date alone as the end of that day in UTC; None where it is none or is still to come.

    >>> past_time("2026-03-01", datetime(2026, 3, 1, 9, tzinfo=UTC)), past_time("soon", datetime(2026, 3, 1, tzinfo=UTC))
    ('2026-03-01T23:59:59.999999+00:00', None)
    """
    try:
        if _DAY.fullmatch(text):
            day = date.fromisoformat(text)
            return time_text(datetime.combine(day, time.max, UTC)) if day <= now.astimezone(UTC).date() else None
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return time_text(moment) if moment <= now else None
    except (ValueError, OverflowError):
        return None
