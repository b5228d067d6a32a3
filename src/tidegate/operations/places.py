"""What every verb needs: settings, home, ledger, who is asking, and the processor time used."""

from __future__ import annotations

import getpass
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.disk import naming_full_disk
from tidegate.errors import HomeFull, InputRefused, LedgerFull, NoChampion, StorageUnavailable
from tidegate.home import Home, discard_if_unused, open_home
from tidegate.ledger.customer_key import keep_given_key
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.settings import Settings, read_settings


@contextmanager
def session(home: Path | None, **given: object) -> Iterator[tuple[Settings, Home]]:
    """Settings and the home, made where it is absent; a refused command leaves no home behind that it made itself.

    For verbs that write nowhere but in the home. Raises HomeFull where its disk has no room.
    """
    settings = read_settings(home=home, **given)
    existed = settings.home.exists()
    with naming_full_disk(settings.home.absolute()):
        opened = open_home(settings.home, settings.storage_url)
    try:
        with naming_full_disk(opened.root):
            _keep_given_key(opened, settings)
            yield settings, opened
    except (InputRefused, HomeFull, LedgerFull):
        if not existed:
            discard_if_unused(opened)
        raise
    except SystemExit as ended:
        if not existed and ended.code == InputRefused.exit_code:
            discard_if_unused(opened)
        raise


@contextmanager
def existing(home: Path | None, **given: object) -> Iterator[tuple[Settings, Home]]:
    """Settings and a home that is there already. Raises NoChampion where there is none.

    Where bundles live in a bucket it may be absent: another machine's home, or a replica's, begins empty.
    """
    settings = read_settings(home=home, **given)
    existed = Home(settings.home).marker.exists()
    if not existed and not settings.storage_url:
        raise NoChampion(
            f"There is no home at {settings.home}, so no champion.", "Name one with --home, or train: tidegate train DATA --label COLUMN."
        )
    opened = open_home(settings.home, settings.storage_url)
    try:
        _keep_given_key(opened, settings)
        yield settings, opened
    except (InputRefused, NoChampion, StorageUnavailable):
        if not existed:
            discard_if_unused(opened)
        raise


def _keep_given_key(home: Home, settings: Settings) -> None:
    if settings.customer_key_file is not None:
        keep_given_key(home.secrets / "customer.key", settings.customer_key_file)


def ledger_url(home: Home, settings: Settings) -> str:
    """The ledger's database: the setting, else SQLite in the home."""
    return settings.ledger_url or sqlite_url(home.ledger)


@contextmanager
def opened_ledger(home: Home, settings: Settings) -> Iterator[Ledger]:
    """The ledger, closed afterwards."""
    ledger = open_ledger(ledger_url(home, settings))
    try:
        yield ledger
    finally:
        close_ledger(ledger)


def who() -> str:
    """The account that runs this, for the audit trail."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def cpu_seconds() -> float:
    """Processor time of this process and its ended children since it began, in seconds."""
    mine, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime, 2)
