"""`erase`: who is named goes, whoever spells the id how; killed half-way it is finished by the same command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tidegate.errors import HomeRefused, InputRefused, LedgerUnavailable
from tidegate.home import Home
from tidegate.ledger.events import list_events, verify_events
from tidegate.operations import erase as erasing
from tidegate.operations.erase import Erased, erase
from tidegate.operations.erase_list import read_ids
from tidegate.operations.erasure_register import erasing as one_at_a_time
from unit.operations.kept_home import NOON, add, kept_home, opened, predictions


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return kept_home(tmp_path / "home")


def forget(home: Home, *customers: str, named: Sequence[str] = (), reason: str = "asked") -> Erased:
    with opened(home) as ledger:
        return erase(home, ledger, customers, named, reason, "eva", lambda: NOON)


def test_a_customer_goes_and_the_trail_holds_counts_alone(home: Home) -> None:
    done = forget(home, "ana")
    assert done.document() == {
        "customers": 1,
        "named_predictions": 0,
        "removed": {"feedback": 0, "outcomes": 0, "audit_outcomes": 0, "assignments": 0, "predictions": 1, "shadows": 0, "data": 1},
        "removed_in_all": 2,
        "unread": [],
    }
    assert done.summary() == "Erased 1 customer: 2 rows removed.\n  predictions: 1\n  data: 1"
    assert predictions(home) == {"p1", "p2"}
    assert (home.data / "t.csv").read_text() == "customer_id\nben\n"
    with opened(home) as ledger:
        event = list_events(ledger, limit=1)[0]
        assert verify_events(ledger) == "ok"
    assert (event.who, event.what) == ("eva", "erased")
    assert json.loads(event.evidence) == {"customers": 1, "named_predictions": 0, "removed": dict(done.removed), "reason": "asked"}


def test_somebody_unknown_is_done_and_remembered(home: Home) -> None:
    done = forget(home, "nobody")
    assert sum(done.removed.values()) == 0
    assert "held nothing" in done.summary()
    assert home.erasures.read_text().count('"customer"') == 1
    with opened(home) as ledger:
        assert list_events(ledger, limit=1)[0].what == "erased"


def test_a_nameless_prediction_goes_by_its_id(home: Home) -> None:
    assert forget(home, named=["p2", "p9"]).removed["predictions"] == 1
    assert predictions(home) == {"p0", "p1"}


def test_many_at_once_and_spellings_of_a_spreadsheet(home: Home) -> None:
    add(home, 5, "'=K1")
    add(home, 6, "=K1")
    add(home, 7, "123")
    assert forget(home, "=K1", "123", "ana", "ana").document()["customers"] == 3
    assert predictions(home) == {"p1", "p2"}
    add(home, 8, "=K1")
    assert forget(home, "'=K1").removed["predictions"] == 1
    assert read_ids("\ufeff=K1\r\n123\n".encode(), "x") == ["=K1", "123"]
    with pytest.raises(InputRefused, match="not UTF-8"):
        read_ids(b"\xff\xfe", "x")


@pytest.mark.parametrize(("customers", "reason", "says"), [((), "x", "Nobody"), (("",), "x", "Nobody"), (("ana",), "a\nb", "control")])
def test_refused_before_anything_is_written(home: Home, customers: tuple[str, ...], reason: str, says: str) -> None:
    with pytest.raises(InputRefused, match=says):
        forget(home, *customers, reason=reason)
    assert not home.erasures.exists()
    assert len(predictions(home)) == 3


def test_what_killed_processes_left_goes_and_a_second_erasure_waits(home: Home) -> None:
    left = home.scratch / "serve.99999999.x" / "upload.csv"
    left.parent.mkdir(parents=True)
    left.write_text("customer_id\nana\n")
    (home.data / ".t.csv.99999999.part").write_text("ana")
    with one_at_a_time(home), pytest.raises(HomeRefused, match="Another process erases"):
        forget(home, "ana")
    forget(home, "ana")
    assert not left.parent.exists()
    assert [path.name for path in home.data.iterdir()] == ["t.csv"]


def test_an_erasure_that_broke_off_is_on_record_and_finished_by_the_same_command(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise LedgerUnavailable("The ledger's disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(erasing, "add_event", broken)
        with pytest.raises(LedgerUnavailable):
            forget(home, "ana")
    assert predictions(home) == {"p0", "p1", "p2"}, "rows and event go together"
    assert '"customer"' in home.erasures.read_text()
    assert forget(home, "ana").removed["predictions"] == 1
    assert home.erasures.read_text().count('"customer"') == 1


def test_a_table_that_cannot_be_searched_is_named(home: Home) -> None:
    (home.data / "broken.parquet").write_bytes(b"PAR1")
    done = forget(home, "ana")
    assert not done.complete
    assert done.unread == ("data/broken.parquet",)
    assert "data/broken.parquet" in done.summary()
