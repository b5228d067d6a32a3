"""What verbs open and ask before they call: home, settings, ledger, account, clock. Imported late, because `--help` needs none of it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.home import Home
    from tidegate.ledger.store import Ledger
    from tidegate.settings import Settings


def session(home: Path | None, **given: object) -> AbstractContextManager[tuple[Settings, Home]]:
    """Settings and the home, made where it is absent."""
    from tidegate.operations import places

    return places.session(home, **given)


def existing(home: Path | None, **given: object) -> AbstractContextManager[tuple[Settings, Home]]:
    """Settings and a home that is there already."""
    from tidegate.operations import places

    return places.existing(home, **given)


def ledger(home: Home, settings: Settings) -> AbstractContextManager[Ledger]:
    """The ledger, closed afterwards."""
    from tidegate.operations import places

    return places.opened_ledger(home, settings)


def who() -> str:
    """The account that runs this."""
    from tidegate.operations import places

    return places.who()


def now() -> datetime:
    """The clock of the verbs: nothing below them reads one."""
    return datetime.now(UTC)


def cpu_seconds() -> float:
    """Processor time used so far."""
    from tidegate.operations import places

    return places.cpu_seconds()
