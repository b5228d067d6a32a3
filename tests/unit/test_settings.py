"""Settings come from the environment, are overridden by what is given, and are refused by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from tidegate.errors import SettingRefused
from tidegate.settings import Settings, read_settings


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("TIDEGATE_")]:
        monkeypatch.delenv(name)


def test_the_defaults_bind_to_this_machine_only() -> None:
    settings = read_settings()
    assert (settings.home, settings.host, settings.port, settings.seed) == (Path("tidegate-home"), "127.0.0.1", 8000, 42)
    assert 0 < settings.max_bad_share < 1


def test_the_environment_sets_and_an_option_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_PORT", "9001")
    monkeypatch.setenv("TIDEGATE_HOME", "elsewhere")
    monkeypatch.setenv("TIDEGATE_UNHEARD_OF", "1")
    assert (read_settings().port, read_settings().home) == (9001, Path("elsewhere"))
    assert (read_settings(port=9002, home=None).port, read_settings(home=None).home) == (9002, Path("elsewhere"))


def test_an_empty_variable_is_a_variable_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(f"TIDEGATE_{name.upper()}", "")
    assert read_settings() == Settings.model_construct()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "0"),
        ("port", "65536"),
        ("port", "many"),
        ("max_bad_share", "1.5"),
        ("max_bad_share", "nan"),
        ("max_bad_share", "-0.1"),
        ("max_body_bytes", "10"),
        ("max_batch_rows", "0"),
        ("simulated_rows", "10"),
        ("seed", "-1"),
        ("seed", str(2**32)),
        ("seed", "1.5"),
    ],
)
def test_a_value_out_of_range_is_refused_by_the_settings_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(SettingRefused, match=f"TIDEGATE_{name.upper()}: "):
        read_settings(**{name: value})
    monkeypatch.setenv(f"TIDEGATE_{name.upper()}", value)
    with pytest.raises(SettingRefused, match=f"TIDEGATE_{name.upper()}: "):
        read_settings()


def test_settings_are_frozen_and_described() -> None:
    with pytest.raises(ValidationError):
        read_settings().port = 1  # type: ignore[misc]
    assert all(field.description for field in Settings.model_fields.values())


def test_any_value_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, content in (("LEDGER_URL", "postgresql://ledger:deep@postgres/ledger\n"), ("WATCH_API_KEY", "tg_1"), ("PORT", "9003\r\n")):
        (tmp_path / name).write_text(content)
        monkeypatch.setenv(f"TIDEGATE_{name}_FILE", str(tmp_path / name))
    settings = read_settings()
    assert (settings.ledger_url, settings.port) == ("postgresql://ledger:deep@postgres/ledger", 9003)
    assert settings.watch_api_key.get_secret_value() == "tg_1"
    assert read_settings(port=9004).port == 9004, "an option goes before a file"


def test_a_setting_that_is_a_file_itself_is_none_of_these(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{}")
    monkeypatch.setenv("TIDEGATE_API_KEYS_FILE", str(tmp_path / "keys.json"))
    monkeypatch.setenv("TIDEGATE_ALERT_CHANNELS_FILE", str(tmp_path / "keys.json"))
    settings = read_settings()
    assert (settings.api_keys_file, settings.alert_channels_file) == (tmp_path / "keys.json", tmp_path / "keys.json")
    assert settings.alert_channels.get_secret_value() == ""


def test_a_file_that_is_not_there_or_doubted_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIDEGATE_LEDGER_URL_FILE", str(tmp_path / "none"))
    with pytest.raises(SettingRefused, match=r"TIDEGATE_LEDGER_URL_FILE names .*none, which cannot be read: No such file"):
        read_settings()
    (tmp_path / "none").write_text("sqlite:///x")
    monkeypatch.setenv("TIDEGATE_LEDGER_URL", "sqlite:///y")
    with pytest.raises(SettingRefused, match="both set"):
        read_settings()
    monkeypatch.delenv("TIDEGATE_LEDGER_URL")
    monkeypatch.setenv("TIDEGATE_SEED_FILE", str(tmp_path / "none"))
    with pytest.raises(SettingRefused, match="TIDEGATE_SEED: ") as refused:
        read_settings()
    assert "sqlite" not in str(refused.value), "what a file holds may be a secret"
