"""A full disk is told from other faults, whoever met it and however it was passed on."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from tidegate.disk import is_full, naming_full_disk
from tidegate.errors import HomeFull, HomeRefused, InputRefused, LedgerFull, RegistryFull, TidegateError


def raised_over(first: Exception, last: Exception, hidden: bool) -> Exception:
    """`last` as `raise last from None` (or `from first`) leaves it where `first` is handled."""
    last.__context__ = first
    last.__cause__ = None if hidden else first
    last.__suppress_context__ = True
    return last


def of_sqlite(path: Path) -> Exception:
    """What a database says that may not grow."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.OperationalError) as caught:
            connection.execute("CREATE TABLE t (a)")
    return caught.value


def of_the_log_of_sqlite() -> Exception:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
    return error


NO_ROOM = OSError(errno.ENOSPC, "No space left on device")


def test_no_room_is_recognised_whoever_met_it(tmp_path: Path) -> None:
    statement = sa.exc.OperationalError("INSERT", {}, of_sqlite(tmp_path / "a.db"))
    for error in (
        NO_ROOM,
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        of_sqlite(tmp_path / "b.db"),
        of_the_log_of_sqlite(),
        shutil.Error([("a", "b", str(NO_ROOM))]),
        raised_over(NO_ROOM, InputRefused("The file cannot be written."), hidden=True),
        raised_over(raised_over(statement.orig or NO_ROOM, statement, hidden=False), RuntimeError("a library's own"), hidden=False),
    ):
        assert is_full(error), repr(error)


def test_other_faults_are_none_of_it() -> None:
    for error in (
        OSError(errno.EACCES, "Permission denied"),
        OSError(errno.EFBIG, "File too large"),
        shutil.Error([("a", "b", "[Errno 13] Permission denied")]),
        sqlite3.OperationalError("no such table"),
        ValueError("28"),
    ):
        assert not is_full(error), repr(error)


@pytest.mark.parametrize(
    "error", [NO_ROOM, raised_over(NO_ROOM, InputRefused("x"), hidden=True), raised_over(NO_ROOM, HomeRefused("x"), hidden=False)]
)
def test_work_in_the_home_that_a_full_disk_stops_names_home_and_remedy(error: Exception) -> None:
    says = r"^The disk of /srv/home is full\. Make room there, then give the same command again"
    with pytest.raises(HomeFull, match=says) as caught, naming_full_disk(Path("/srv/home")):
        raise error
    assert (caught.value.exit_code, caught.value.status) == (2, 503)


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EACCES, "no"), InputRefused("x"), HomeFull("said already"), raised_over(NO_ROOM, LedgerFull("x"), hidden=False)],
)
def test_what_is_no_full_disk_or_says_so_already_passes(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, naming_full_disk(Path("/srv/home")):
        raise error
    assert caught.value is error


@pytest.mark.parametrize("kind", [HomeFull, LedgerFull, RegistryFull])
def test_a_full_disk_is_no_fault_of_ours(kind: type[TidegateError]) -> None:
    assert kind("x").exit_code == 2
