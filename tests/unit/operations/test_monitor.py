"""A batch through monitoring: judged once, counted honestly, refused in one sentence; nothing half-written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest

from conftest import TrainedHome
from tidegate.customers.kept_rows import about_kept
from tidegate.customers.simulation.scenario import Drift, LevelDrift, Scenario
from tidegate.customers.simulation.write import write_simulated
from tidegate.errors import HomeRefused, InputRefused, NotEnoughData, TableRefused
from tidegate.home import Home
from tidegate.ledger.customer_key import customer_hash
from tidegate.ledger.events import list_events
from tidegate.ledger.outcomes import Outcome, record_outcomes
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.ledger.times import time_text
from tidegate.monitoring.alerts.state import open_alerts
from tidegate.monitoring.monitor import MONITORED
from tidegate.operations.campaign_places import customer_key
from tidegate.operations.erase import erase
from tidegate.operations.monitor import Monitored, monitor_batch
from tidegate.settings import Settings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MOVED = ("Total_Trans_Ct", "Credit_Limit", "Customer_Age", "Total_Revolving_Bal")
DRIFTED = Scenario(drift=(*(Drift(name, 0.6) for name in MOVED), LevelDrift("Income_Category", "Unknown", 0.5)))


@dataclass(frozen=True)
class Bank:
    home: Home
    ledger: Ledger
    folder: Path

    def batch(self, name: str, rows: int = 800, seed: int = 11, scenario: Scenario | None = None, labels: bool = False) -> Path:
        """A simulated batch, by default without labels."""
        path = self.folder / name
        write_simulated(path, rows, seed, **({"scenario": scenario} if scenario else {}))
        if not labels:
            table = pyarrow.csv.read_csv(path)
            pyarrow.csv.write_csv(table.drop_columns(["Attrition_Flag"]), path)
        return path

    def monitor(self, path: Path | None, now: datetime = NOW, **settings: Any) -> Monitored:
        since, until = settings.pop("since", None), settings.pop("until", None)
        common = (False, "test", now, lambda text, share: None)
        return monitor_batch(self.home, self.ledger, Settings(**settings), path, since, until, *common)


@pytest.fixture
def bank(own_home: Home, tmp_path: Path) -> Iterator[Bank]:
    ledger = open_ledger(sqlite_url(own_home.ledger))
    (tmp_path / "batches").mkdir()
    try:
        yield Bank(own_home, ledger, tmp_path / "batches")
    finally:
        close_ledger(ledger)


def reports(bank: Bank) -> list[str]:
    return sorted(path.name for path in bank.home.reports.iterdir()) if bank.home.reports.exists() else []


def test_customers_like_those_of_training_pass_and_leave_a_report(bank: Bank) -> None:
    found = bank.monitor(bank.batch("prod_batch_1.csv")).document()
    assert found["dataset_drift"] == "PASS"
    assert found["health"] == "PASS"
    assert found["rows"] == found["valid"] == 800
    assert found["realised"] is None
    assert found["estimated"]["trusted"] is True
    written = json.loads((Path(found["report_dir"]) / "drift_tests.json").read_text())
    assert written["batch"] == "prod_batch_1"
    assert (bank.home.reports / "index.html").exists()
    (event,) = list_events(bank.ledger, MONITORED)
    assert json.loads(event.evidence)["health"] == "PASS"


def test_drift_in_five_columns_is_an_alarm_that_names_them(bank: Bank) -> None:
    found = bank.monitor(bank.batch("prod_batch_1.csv", scenario=DRIFTED))
    assert found.failed
    assert found.found["dataset_drift"] == "FAIL"
    assert {"total_trans_ct", "customer_age", "income_category"} <= set(found.found["drifted_features"])
    assert "drift" in {alert["kind"] for alert in found.document()["alerts"]}


def test_no_id_and_no_row_is_in_a_report_or_an_event(bank: Bank) -> None:
    path = bank.batch("prod_batch_1.csv")
    identity = str(pyarrow.csv.read_csv(path)["CLIENTNUM"][0].as_py())
    bank.monitor(path)
    texts = [one.read_bytes() for one in bank.home.reports.rglob("*") if one.is_file()]
    assert not any(identity.encode() in text for text in texts)
    assert not any(identity in event.evidence for event in list_events(bank.ledger, None))


def test_a_batch_is_monitored_once_whatever_its_name(bank: Bank) -> None:
    first = bank.monitor(bank.batch("prod_batch_1.csv"))
    again = bank.monitor(bank.batch("prod_batch_2.csv"))
    assert (first.again, again.again) == (False, True)
    assert again.found["batch"] == "prod_batch_1"
    assert len(list_events(bank.ledger, MONITORED)) == 1
    assert "already" in again.summary()


def test_a_batch_without_a_date_keeps_the_time_at_which_it_came(bank: Bank) -> None:
    """Judged anew because labels came, it is not seen anew: they would all be from before its time and count nowhere."""
    first = bank.monitor(bank.batch("prod_batch_1.csv")).found
    key, later = customer_key(bank.home, create=True), NOW + timedelta(days=9)
    said = Outcome(customer_hash(key, "anybody"), time_text(later), 1, "test", time_text(later))
    record_outcomes(bank.ledger, [said], "test", {}, later)
    again = bank.monitor(bank.batch("prod_batch_2.csv"), later + timedelta(days=1))
    assert again.again
    assert (again.found["batch"], again.found["seen_at"]) == (first["batch"], first["seen_at"])
    (kept,) = bank.home.batches.iterdir()
    assert about_kept(kept)["seen_at"] == first["seen_at"]


def test_a_batch_of_the_inbox_from_which_somebody_was_erased_is_the_same_batch(bank: Bank) -> None:
    bank.home.inbox.mkdir()
    path = bank.batch("prod_batch_1.csv").rename(bank.home.inbox / "prod_batch_1.csv")
    ids = [str(one) for one in pyarrow.csv.read_csv(path)["CLIENTNUM"].to_pylist()]
    first = bank.monitor(None).found
    for one in ids[:2]:
        erase(bank.home, bank.ledger, [one], (), "", "test", lambda: NOW)
    again = bank.monitor(None)
    assert again.again
    assert again.found["sha256"] == first["sha256"]
    assert len(list_events(bank.ledger, MONITORED)) == 1
    later = NOW + timedelta(days=9)
    said = Outcome(customer_hash(customer_key(bank.home, create=True), ids[5]), time_text(later), 1, "test", time_text(later))
    record_outcomes(bank.ledger, [said], "test", {}, later)
    assert bank.monitor(None, later + timedelta(days=1)).found["rows"] == 798
    assert len(list(bank.home.batches.iterdir())) == 1


def test_another_batch_of_the_same_name_gets_a_folder_of_its_own(bank: Bank) -> None:
    first = bank.monitor(bank.batch("prod_batch_1.csv", seed=11)).found
    second = bank.monitor(bank.batch("prod_batch_1.csv", seed=12)).found
    assert first["report_dir"] != second["report_dir"]
    assert json.loads((Path(first["report_dir"]) / "drift_tests.json").read_text())["sha256"] == first["sha256"]


def test_the_newest_of_the_inbox_is_taken(bank: Bank) -> None:
    bank.home.inbox.mkdir()
    for name in ("prod_batch_9.csv", "prod_batch_10.csv"):
        bank.batch(name, seed=len(name)).rename(bank.home.inbox / name)
    assert bank.monitor(None).found["batch"] == "prod_batch_10"


def test_many_quarantined_rows_do_not_stop_the_run(bank: Bank) -> None:
    path = bank.batch("prod_batch_1.csv")
    lines = path.read_text().splitlines()
    spoilt = [line if place % 5 else line.rsplit(",", 1)[0] + ",many" for place, line in enumerate(lines[1:])]
    path.write_text("\n".join([lines[0], *spoilt]) + "\n")
    found = bank.monitor(path).found
    assert found["quarantined"] == 160
    assert found["data_stability"] == "FAIL"
    assert found["health"] == "FAIL"


def test_a_batch_of_which_nothing_is_left_is_an_alarm_and_not_a_refusal(bank: Bank) -> None:
    path = bank.batch("prod_batch_1.csv")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *(line.rsplit(",", 1)[0] + "," for line in lines[1:])]) + "\n")
    found = bank.monitor(path)
    assert found.failed
    assert found.found["valid"] == 0
    assert found.found["estimated"] is None
    assert "health FAIL" in found.summary()
    assert "0 of 800 rows keep the contract: too few to judge drift." in found.found["warnings"]


def test_rows_of_the_training_table_are_named_and_judge_nothing(bank: Bank, trained: TrainedHome) -> None:
    path = bank.folder / "prod_batch_1.csv"
    path.write_bytes(trained.data.read_bytes())
    found = bank.monitor(path).found
    assert found["dataset_drift"] == "PASS"
    assert found["realised"] is None
    assert any("occur in the reference" in warning for warning in found["warnings"])


def test_labels_that_a_batch_brings_are_realised(bank: Bank) -> None:
    found = bank.monitor(bank.batch("prod_batch_1.csv", rows=2_000, labels=True)).found
    assert found["realised"]["rows"] == 2_000
    assert found["realised"]["metrics"]["roc_auc"]["value"] > 0.9


def test_outcomes_count_once_they_have_matured_and_not_before(bank: Bank) -> None:
    path = bank.batch("prod_batch_2026-08-01.csv", rows=1_000, labels=True)
    table = pyarrow.csv.read_csv(path)
    left = [text == "Attrited Customer" for text in table["Attrition_Flag"].to_pylist()]
    ids = [str(one) for one in table["CLIENTNUM"].to_pylist()]
    pyarrow.csv.write_csv(table.drop_columns(["Attrition_Flag"]), path)
    early = datetime(2026, 8, 10, tzinfo=UTC)
    assert bank.monitor(path, early).found["realised"] is None
    key = customer_key(bank.home, create=True)
    seen, late = time_text(datetime(2026, 8, 20, tzinfo=UTC)), datetime(2026, 8, 25, tzinfo=UTC)
    outcomes = [Outcome(customer_hash(key, one), seen, int(gone), "test", time_text(late)) for one, gone in zip(ids, left, strict=True)]
    record_outcomes(bank.ledger, outcomes[:900], "test", {}, late)
    another = bank.batch("prod_batch_2026-08-24.csv", seed=12)
    assert bank.monitor(another, late).found["realised"] is None
    third = bank.batch("prod_batch_2026-09-15.csv", seed=13)
    realised = bank.monitor(third, datetime(2026, 9, 16, tzinfo=UTC)).found["realised"]
    assert realised["batch"] == "prod_batch_2026-08-01"
    assert (realised["rows"], realised["positives"]) == (900, sum(left[:900]))  # the hundred not seen are not "stayed"


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        ("", TableRefused, "empty"),
        ("CLIENTNUM,Customer_Age\n", TableRefused, "lacks"),
        ("a,b,c\n1,2,3\n", TableRefused, "lacks"),
    ],
)
def test_what_is_no_batch_of_this_table_is_refused_and_leaves_nothing(bank: Bank, content: str, kind: type[Exception], said: str) -> None:
    path = bank.folder / "prod_batch_1.csv"
    path.write_text(content)
    with pytest.raises(kind, match=said):
        bank.monitor(path)
    assert reports(bank) == []
    assert not bank.home.batches.exists()


def test_one_row_says_nothing(bank: Bank) -> None:
    with pytest.raises(NotEnoughData, match="30"):
        bank.monitor(bank.batch("prod_batch_1.csv", rows=1))
    assert reports(bank) == []


def test_a_header_alone_and_an_empty_inbox_are_refused(bank: Bank) -> None:
    path = bank.batch("prod_batch_1.csv", rows=1)
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(TableRefused, match="no rows"):
        bank.monitor(path)
    with pytest.raises(InputRefused, match="no batch in"):
        bank.monitor(None)


def test_a_delivery_that_is_refused_is_told_until_one_can_be_monitored(bank: Bank) -> None:
    bank.home.inbox.mkdir()
    broken = bank.home.inbox / "prod_batch_2.csv"
    broken.write_text("a,b\n1,2\n")
    with pytest.raises(TableRefused):
        bank.monitor(broken)
    assert open_alerts(bank.ledger) == ()
    for _ in range(2):
        with pytest.raises(TableRefused):
            bank.monitor(None)
    (told,) = open_alerts(bank.ledger)
    assert (told.alert.key, told.alert.title) == ("data_quality:prod_batch_2.csv", "A batch was refused")
    bank.batch("prod_batch_3.csv").rename(bank.home.inbox / "prod_batch_3.csv")
    assert not bank.monitor(None).failed
    assert open_alerts(bank.ledger) == ()


def test_a_batch_from_the_future_is_refused(bank: Bank) -> None:
    with pytest.raises(InputRefused, match="still to come"):
        bank.monitor(bank.batch("prod_batch_2027-01-01.csv"))


def test_all_new_levels_are_an_alarm(bank: Bank) -> None:
    path = bank.batch("prod_batch_1.csv")
    table = pyarrow.csv.read_csv(path)
    place = table.column_names.index("Card_Category")
    pyarrow.csv.write_csv(table.set_column(place, "Card_Category", pa.array(["Titanium"] * len(table))), path)
    found = bank.monitor(path)
    assert found.failed
    assert found.found["rules"]["card_category: level"] == 800


def test_a_missing_reference_is_named_and_nothing_is_written(bank: Bank) -> None:
    for path in bank.home.reference.iterdir():
        path.unlink()
    with pytest.raises(HomeRefused, match="reference"):
        bank.monitor(bank.batch("prod_batch_1.csv"))
    assert reports(bank) == []


def test_a_reports_folder_that_cannot_be_written_loses_nothing(bank: Bank) -> None:
    bank.home.reports.write_text("a file where the folder should be")
    with pytest.raises(HomeRefused, match="reports"):
        bank.monitor(bank.batch("prod_batch_1.csv"))
    assert list_events(bank.ledger, MONITORED) == []
    bank.home.reports.unlink()
    assert not bank.monitor(bank.batch("prod_batch_1.csv")).again


@pytest.mark.parametrize(
    ("since", "until"), [("soon", None), (None, "2026-01-01"), ("2026-02-01", "2026-01-01"), ("2026-11-01", "2026-11-02")]
)
def test_a_window_without_predictions_or_sense_is_refused(bank: Bank, since: str | None, until: str | None) -> None:
    with pytest.raises(InputRefused):
        bank.monitor(None, since=since, until=until)


def test_a_clock_that_went_back_is_said(bank: Bank) -> None:
    bank.monitor(bank.batch("prod_batch_1.csv", seed=11), NOW)
    found = bank.monitor(bank.batch("prod_batch_2.csv", seed=12), NOW - timedelta(days=3)).found
    assert found["health"] == "PASS"
