"""Storage in a bucket: conditions, lost answers, damage."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from fake_s3 import FakeStore, refusal
from tidegate.errors import BundleRefused, StorageUnavailable
from tidegate.storage import s3
from tidegate.storage.failures import Place
from tidegate.storage.files import tag
from tidegate.storage.s3 import Bucket, download, get, label, list_keys, put_if_match, tag_of


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def bucket(store: FakeStore, tmp_path: Path) -> Bucket:
    return Bucket(Place("models", "churn/north", "http://store:8333"), tmp_path / "cache", store)


def test_a_write_needs_the_tag_of_what_is_there(bucket: Bucket, store: FakeStore) -> None:
    assert not put_if_match(bucket, "a", b"one", tag(b"nothing"))
    assert put_if_match(bucket, "a", b"one", None)
    assert not put_if_match(bucket, "a", b"one", None)
    assert not put_if_match(bucket, "a", b"two", tag(b"other"))
    assert put_if_match(bucket, "a", b"two", tag(b"one"))
    assert (get(bucket, "a"), get(bucket, "b"), tag_of(bucket, "b")) == (b"two", None, None)
    assert list(store.objects) == ["churn/north/a"]


@pytest.mark.parametrize("expected", [None, tag(b"before")])
@pytest.mark.parametrize("answer", [None, refusal(409, "ConditionalRequestConflict"), refusal(404, "NoSuchKey")])
def test_who_is_overtaken_between_look_and_write_writes_nothing(
    bucket: Bucket, store: FakeStore, expected: str | None, answer: Exception | None
) -> None:
    if expected is not None:
        put_if_match(bucket, "a", b"before", None)

    def overtaken(Key: str, **_: Any) -> None:  # noqa: N803 - the client's own word
        store.objects[Key] = (b"theirs", {"sha256": tag(b"theirs"), "writer": "they"})
        if answer is not None:
            raise answer

    store.before["put"] = overtaken
    assert not put_if_match(bucket, "a", b"mine", expected)
    assert get(bucket, "a") == b"theirs"


def test_a_write_whose_answer_was_lost_and_that_was_sent_twice_is_known_as_our_own(bucket: Bucket, store: FakeStore) -> None:
    def sent_before(Key: str, Body: bytes, Metadata: dict[str, str], **_: Any) -> None:  # noqa: N803 - the client's own words
        store.objects[Key] = (Body, Metadata)

    store.before["put"] = sent_before
    assert put_if_match(bucket, "a", b"mine", None)


@pytest.mark.parametrize("metadata", [{}, {"sha256": "0" * 64}])
def test_what_something_else_wrote_is_refused_and_can_be_replaced(bucket: Bucket, store: FakeStore, metadata: dict[str, str]) -> None:
    store.objects["churn/north/a"] = (b"changed", metadata)
    with pytest.raises(BundleRefused, match="not what was written"):
        get(bucket, "a")
    assert put_if_match(bucket, "a", b"again", tag_of(bucket, "a"))
    assert get(bucket, "a") == b"again"


def test_a_download_stops_at_its_limits(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    put_if_match(bucket, "a", b"x" * 1000, None)
    whole = io.BytesIO()
    assert download(bucket, "a", whole, 1000) == tag(whole.getvalue())
    assert download(bucket, "b", whole, 1000) is None
    with pytest.raises(BundleRefused, match="larger than 999"):
        download(bucket, "a", io.BytesIO(), 999)
    monkeypatch.setattr(s3, "LONGEST_READ_SECONDS", -1.0)
    with pytest.raises(StorageUnavailable, match="too slow"):
        download(bucket, "a", io.BytesIO(), 1000)


def test_a_store_without_tags_stops_nothing(bucket: Bucket, store: FakeStore) -> None:
    put_if_match(bucket, "a", b"x", None)
    label(bucket, "a", {"table": "bank", "long": "x" * 300})
    assert store.tags["churn/north/a"] == {"table": "bank", "long": "x" * 256}

    def refused(**_: Any) -> None:
        raise refusal(501, "NotImplemented")

    store.before["tag"] = refused
    label(bucket, "a", {"table": "bank"})


def test_keys_are_listed_without_the_prefix_and_not_of_a_neighbour(bucket: Bucket, store: FakeStore) -> None:
    for key in ("churn/north/bundles/2/a", "churn/north/bundles/10/a", "churn/north/bundles2/a", "churn/northern/bundles/1/a"):
        store.objects[key] = (b"", {})
    assert list_keys(bucket, "bundles") == ["bundles/10/a", "bundles/2/a"]
    assert list_keys(bucket, "") == ["bundles/10/a", "bundles/2/a", "bundles2/a"]
