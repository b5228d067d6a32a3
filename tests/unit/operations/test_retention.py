"""What is old goes, what stands stays, and what says nothing of its age is not touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from tidegate.home import RENEWAL_LOCK, Home, exclusive, open_home
from tidegate.ledger.events import list_events
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.operations.retention import NOTHING, REMOVED, Removed, remove_old

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A batch each month since July, monitored the day after."""
    made = open_home(tmp_path / "home")
    for month in range(7, 12):
        keep(made, f"prod_batch_2026-{month:02}-01", datetime(2026, month, 1, tzinfo=UTC))
    made.reference.mkdir()
    (made.reference / "old.parquet").write_bytes(b"reference")
    return made


@pytest.fixture
def ledger(home: Home) -> Iterator[Ledger]:
    opened = open_ledger(sqlite_url(home.ledger))
    yield opened
    close_ledger(opened)


def keep(home: Home, name: str, seen_at: datetime, at: datetime | None = None) -> None:
    home.batches.mkdir(exist_ok=True)
    about = {"batch": name, "sha256": f"sha of {name}", "seen_at": seen_at.isoformat()}
    table = pa.table({"customer_id": ["a"]}).replace_schema_metadata({b"tidegate": json.dumps(about).encode()})
    pyarrow.parquet.write_table(table, home.batches / f"{name}-01234567.parquet")
    (home.reports / name).mkdir(parents=True)
    found = {"batch": name, "sha256": about["sha256"], "at": (at or seen_at + timedelta(days=1)).isoformat()}
    (home.reports / name / "drift_tests.json").write_text(json.dumps(found))


def months(home: Home) -> tuple[list[str], list[str]]:
    batches = sorted(path.name[16:18] for path in home.batches.iterdir())
    return batches, sorted(path.name[16:18] for path in home.reports.iterdir() if path.name.startswith("prod_batch_2026"))


def remove(home: Home, ledger: Ledger, days: int, horizon: int = 30) -> Removed:
    return remove_old(home, ledger, days, horizon, "ada", NOW)


def test_what_is_older_goes_and_the_reference_stays(home: Home, ledger: Ledger) -> None:
    assert remove(home, ledger, 60) == Removed(3, 3)
    assert months(home) == (["10", "11"], ["10", "11"])
    assert (home.reference / "old.parquet").exists()
    assert "2026-07-01" not in (home.reports / "index.html").read_text()
    assert [json.loads(event.evidence) for event in list_events(ledger, REMOVED)] == [{"batches": 3, "days": 60, "reports": 3}]
    assert remove(home, ledger, 60) == NOTHING
    assert len(list_events(ledger, REMOVED)) == 1


def test_labels_are_waited_for(home: Home, ledger: Ledger) -> None:
    remove(home, ledger, 1, horizon=90)
    assert months(home) == (["09", "10", "11"], ["09", "10", "11"])


def test_the_newest_run_and_the_batch_of_the_newest_name_stay(home: Home, ledger: Ledger) -> None:
    """Else the newest file of the inbox would be monitored again, and again after every removal."""
    keep(home, "prod_batch_2026-06-01", datetime(2026, 6, 1, tzinfo=UTC), NOW)
    assert remove(home, ledger, 1, horizon=0) == Removed(4, 4)
    assert months(home) == (["06", "11"], ["06", "11"])


def test_what_does_not_say_its_age_or_is_no_report_is_left_alone(home: Home, ledger: Ledger, tmp_path: Path) -> None:
    (home.batches / "damaged.parquet").write_bytes(b"PAR1")
    (home.reports / "damaged").mkdir()
    (home.reports / "damaged" / "drift_tests.json").write_text("{")
    (home.reports / "mine").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "drift_tests.json").write_text('{"at": "2020-01-01T00:00:00+00:00"}')
    (home.reports / "link").symlink_to(tmp_path / "elsewhere")
    remove(home, ledger, 60)
    assert {"damaged", "mine", "link"} <= {path.name for path in home.reports.iterdir()}
    assert (home.batches / "damaged.parquet").exists()
    assert (tmp_path / "elsewhere" / "drift_tests.json").exists()


def test_nothing_goes_while_a_renewal_reads(home: Home, ledger: Ledger) -> None:
    with exclusive(home, "a test", RENEWAL_LOCK):
        assert remove(home, ledger, 60) == NOTHING
    assert len(months(home)[0]) == 5
