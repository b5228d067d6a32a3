"""From settings to a client of a bucket."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import MissingDependency, SettingRefused
from tidegate.home import Home
from tidegate.storage import connect as module
from tidegate.storage.connect import connect, split_url
from tidegate.storage.files import Folder
from tidegate.storage.objects import open_storage
from tidegate.storage.s3 import Bucket


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_CONFIG_FILE", "/nowhere")):
        monkeypatch.setenv(name, value)


def test_a_home_without_a_url_has_a_folder_and_one_with_a_url_a_bucket(tmp_path: Path) -> None:
    assert open_storage(Home(tmp_path)) == Folder(tmp_path / "storage")
    opened = open_storage(Home(tmp_path, "s3://bank-models/churn/north/"))
    assert isinstance(opened, Bucket)
    assert (opened.url, opened.cache) == ("s3://bank-models/churn/north", tmp_path / "cache")
    assert not opened.cache.exists()


@pytest.mark.parametrize(
    "url",
    [
        "bank-models/churn",
        "http://bank-models/churn",
        "s3://",
        "s3://ab",
        "s3://Bank/x",
        "s3://key:secret@bank-models/x",
        "s3://bank-models/x?secret=1",
        "s3://bank-models/../x",
        "s3://bank-models/x//y",
        "s3://bank-models/.hidden",
        "s3://bank-models/a b",
        "s3://bank-models/" + "é",
    ],
)
def test_another_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingRefused, match="TIDEGATE_STORAGE_URL") as refused:
        split_url(url)
    assert "secret" not in str(refused.value)
    assert refused.value.exit_code == 2


def test_a_store_of_ones_own_is_addressed_by_path_with_short_patience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://ada:pass@127.0.0.1:8333")
    bucket = connect("s3://bank-models", tmp_path)
    config = bucket.client.meta.config
    assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (2, 5, 2)
    assert config.s3["addressing_style"] == "path"
    assert bucket.client.meta.region_name == "us-east-1"
    assert str(bucket.place) == "s3://bank-models at http://127.0.0.1:8333"
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert connect("s3://bank-models", tmp_path).client.meta.region_name == "eu-north-1"
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    assert str(connect("s3://bank-models", tmp_path).place).endswith("at https://s3.eu-north-1.amazonaws.com")


def test_an_address_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "127.0.0.1:8333/secret")
    with pytest.raises(SettingRefused, match="AWS_ENDPOINT_URL_S3") as refused:
        connect("s3://bank-models", tmp_path)
    assert "secret" not in str(refused.value)


def test_an_installation_without_the_client_says_how_to_add_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("boto"):
            raise ModuleNotFoundError(name)
        return original(name, *rest)

    module._client.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependency, match="pip install"):
        connect("s3://bank-models", tmp_path)
