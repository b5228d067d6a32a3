"""Where the demo may play, and that its words are what the system said."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tidegate.errors import InputRefused, SettingRefused
from tidegate.operations import demo_words as words
from tidegate.operations.demo import play, settings_of
from tidegate.operations.renew import Renewed
from tidegate.registry.promote import Gate
from tidegate.renewal.replay import Replay
from tidegate.settings import Settings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
REPLAY = Replay(3_000, 0, 41, 17, (), ())


def played(place: Path, rows: int = 600) -> None:
    play(place, rows, 42, False, "tester", NOW, lambda _: None, lambda: nullcontext(lambda _, __: None))


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputRefused, match=r"holds something already\. Name another folder with --home"):
        played(tmp_path)
    with pytest.raises(InputRefused, match="holds something already"):
        played(tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("rows", [0, 499, 50_001])
def test_rows_out_of_range_are_refused_before_anything_is_made(tmp_path: Path, rows: int) -> None:
    with pytest.raises(SettingRefused, match="--rows"):
        played(tmp_path / "home", rows)
    assert not (tmp_path / "home").exists()


def test_a_tracking_server_of_a_real_installation_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.bank.example")
    with pytest.raises(InputRefused, match="would register its models there"):
        played(tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_real_installations_ledger_bucket_and_channels_are_not_the_demos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("LEDGER_URL", "postgresql://bank"),
        ("STORAGE_URL", "s3://bank/models"),
        ("INBOX_URL", "s3://bank/inbox"),
        ("ALERT_CHANNELS", "slack://a/b/c"),
        ("ALERT_CHANNELS_FILE", "/run/secrets/channels"),
        ("LABEL_HORIZON_DAYS", "90"),
        ("REPORTS_PORT", "9123"),
    ):
        monkeypatch.setenv(f"TIDEGATE_{name}", value)
    found = settings_of(tmp_path, 7)
    assert (found.ledger_url, found.storage_url, found.inbox_url, found.alert_channels_file) == ("", "", "", None)
    assert found.alert_channels.get_secret_value() == ""
    assert found.label_horizon_days == 30
    assert (found.home, found.seed) == (tmp_path, 7)
    assert found.reports_port == 9123, "where the pages will be served is the machine's affair"
    assert set(found.model_dump()) == set(Settings.model_fields)


@pytest.mark.parametrize("decision", ["promoted", "held", "refused", "canary", "not_needed"])
def test_the_words_follow_the_decision(decision: str) -> None:
    gates = (Gate("one", 1.0, 0.5, True), Gate("two", 0.1, 0.5, False))
    said = words.renewed(Renewed(decision, ("The reason.",), "2", "1", 5, gates, REPLAY), 12, 600)
    assert said.startswith(f"  renew     {decision}: ")
    assert ("version 2 is the champion now" in said) == (decision == "promoted")
    assert ("version 1 stays champion" in said) == (decision in ("held", "refused", "not_needed"))
    assert "The reason." in said
    assert "1 of 2 gates passed." in said
    assert ("shadow replay" in said) == (decision != "canary")


def test_without_live_traffic_the_words_say_so_with_the_numbers() -> None:
    said = " ".join(words.renewed(Renewed("promoted", (), "2", "1", 5, (), REPLAY), 12, 600).split())
    assert "12 live predictions in the last hour, a canary asks for 600: a shadow replay stands in for it." in said
    assert "stands in" not in words.renewed(Renewed("refused", (), "2", "1", 5, (), REPLAY), 600, 600)
    assert "Of 3,000 customers of the newest batch 41 would be newly flagged, 17 no longer, 0 got no answer." in said


def test_an_alert_is_told_with_its_number_in_the_audit_trail_and_its_channels() -> None:
    said = {"kind": "drift", "severity": "warning", "channels": [], "title": "5 features have drifted", "detail": "Batch b: a, b."}
    told = " ".join(words.alert(17, "alert raised", said).split())
    assert told == "alert Event 17, alert raised (warning, no channel is configured): 5 features have drifted. Batch b: a, b."
    assert "Batch b" not in words.alert(18, "alert resolved", said)
    assert "slack-1" in words.alert(19, "alert raised", {**said, "channels": ["slack-1"]})
