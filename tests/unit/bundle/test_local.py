"""A bucket's bundle as a verified folder on this machine, and the last champion that was."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from champions import write_linear_champion
from fake_s3 import FakeStore, refusal
from tidegate.bundle import champion, local
from tidegate.bundle.champion import open_champion, open_last_champion
from tidegate.bundle.local import local_bundle, stored_digest, stored_versions
from tidegate.bundle.manifest import file_digest, read_manifest
from tidegate.errors import BundleRefused, HomeFull, HomeRefused, NoChampion, StorageUnavailable
from tidegate.home import open_home
from tidegate.registry.promote import store_bundle
from tidegate.storage.failures import Place
from tidegate.storage.files import Folder, tag
from tidegate.storage.pointer import Pointer, write_pointer
from tidegate.storage.s3 import Bucket


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = open_home(tmp_path_factory.mktemp("made") / "home")
    write_linear_champion(home)
    return home.storage / "bundles" / "1"


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def bucket(store: FakeStore, made: Path, tmp_path: Path) -> Bucket:
    """Version 1 is stored and champion."""
    bucket = Bucket(Place("models", "churn", "http://store:8333"), tmp_path / "cache", store)
    store_bundle(bucket, "1", made)
    write_pointer(bucket, Pointer("1", file_digest(made / "manifest.json"), "now"))
    store.calls.clear()
    return bucket


@pytest.fixture
def digest(made: Path) -> str:
    return file_digest(made / "manifest.json")


@pytest.fixture(autouse=True)
def no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(champion, "check_bundle", read_manifest)


def down(**_: Any) -> None:
    raise ConnectionRefusedError


def test_a_bundle_is_fetched_once_and_is_what_was_stored(bucket: Bucket, store: FakeStore, made: Path, digest: str) -> None:
    place = local_bundle(bucket, "1", digest)
    assert place == bucket.cache / "bundles" / digest / "1"
    assert {path.name: path.read_bytes() for path in place.iterdir()} == {path.name: path.read_bytes() for path in made.iterdir()}
    fetched = len(store.calls)
    store.before["get"] = down
    assert local_bundle(bucket, "1", digest) == place
    assert len(store.calls) == fetched
    assert [path.name for path in bucket.cache.iterdir() if path.name != ".lock"] == ["bundles"]


def test_a_folder_is_its_own_place(tmp_path: Path) -> None:
    assert local_bundle(Folder(tmp_path), "1", "x") == tmp_path / "bundles" / "1"


@pytest.mark.parametrize("damage", ["changed", "gone", "stranger"])
def test_a_damaged_copy_is_fetched_again(bucket: Bucket, digest: str, damage: str) -> None:
    place = local_bundle(bucket, "1", digest)
    if damage == "changed":
        (place / "model.json").write_bytes(b"{}")
    elif damage == "gone":
        (place / "spec.toml").unlink()
    else:
        (place / "more").write_bytes(b"")
    read_manifest(local_bundle(bucket, "1", digest), digest)


@pytest.mark.parametrize("name", ["model.json", "manifest.json", "golden.json"])
def test_what_is_not_the_promoted_bundle_is_refused_and_leaves_nothing(bucket: Bucket, store: FakeStore, digest: str, name: str) -> None:
    content, metadata = store.objects[f"churn/bundles/1/{name}"]
    for changed in (content + b" ", content[:-1], b""):
        store.objects[f"churn/bundles/1/{name}"] = (changed, {**metadata, "sha256": tag(changed)})
        with pytest.raises(BundleRefused, match=r"missing or changed|not the one"):
            local_bundle(bucket, "1", digest)
    del store.objects[f"churn/bundles/1/{name}"]
    with pytest.raises(BundleRefused, match=r"missing or changed|no manifest"):
        local_bundle(bucket, "1", digest)
    assert [path.name for path in bucket.cache.rglob("*") if path.is_file()] == [".lock"]


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "evil.py", ".", ""])
def test_a_manifest_that_names_another_place_is_refused_before_anything_is_asked_for(
    bucket: Bucket, store: FakeStore, made: Path, name: str
) -> None:
    content = json.dumps({**json.loads((made / "manifest.json").read_bytes()), "files": {name: "0" * 64}}).encode()
    store.objects["churn/bundles/1/manifest.json"] = (content, {})
    with pytest.raises(BundleRefused, match="no bundle has"):
        local_bundle(bucket, "1", hashlib.sha256(content).hexdigest())
    assert store.calls == ["get"]
    assert not list(bucket.cache.parent.rglob("*evil*"))


@pytest.mark.parametrize(("version", "digest"), [("1", "../../x"), ("1", "A" * 64), ("../1", "a" * 64), ("", "a" * 64), (".1", "a" * 64)])
def test_a_name_that_leads_elsewhere_is_refused(bucket: Bucket, version: str, digest: str) -> None:
    with pytest.raises(BundleRefused, match="no name of one"):
        local_bundle(bucket, version, digest)


def test_limits_of_size_are_kept_while_fetching(bucket: Bucket, digest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "LARGEST_BUNDLE_BYTES", 10_000)
    with pytest.raises(BundleRefused, match="larger than 10,000"):
        local_bundle(bucket, "1", digest)
    monkeypatch.setattr(local, "LARGEST_FILE_BYTES", 10)
    with pytest.raises(BundleRefused, match="larger than 10 bytes"):
        local_bundle(bucket, "1", digest)
    monkeypatch.setattr(local, "LARGEST_MANIFEST_BYTES", 10)
    with pytest.raises(BundleRefused, match="larger than 10 bytes"):
        local_bundle(bucket, "1", digest)


def test_what_a_killed_fetch_left_is_cleared(bucket: Bucket, digest: str) -> None:
    left = bucket.cache / f".{digest}.999999.part" / "1"
    left.mkdir(parents=True)
    (left / "model.json").write_bytes(b"half")
    local_bundle(bucket, "1", digest)
    assert not left.exists()


@pytest.mark.parametrize(("number", "error"), [(errno.ENOSPC, HomeFull), (errno.EACCES, HomeRefused)])
def test_a_disk_that_takes_no_copy_is_named(
    bucket: Bucket, digest: str, number: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> str:
        raise OSError(number, "no")

    monkeypatch.setattr(local, "download", full)
    with pytest.raises(error, match="No copy of bundle 1 can be kept"):
        local_bundle(bucket, "1", digest)


def test_versions_and_their_digests_are_those_in_the_bucket(bucket: Bucket, made: Path, digest: str) -> None:
    for version in ("10", "9"):
        store_bundle(bucket, version, made)
    assert stored_versions(bucket) == ["10", "9", "1"]
    assert stored_digest(bucket, "9") == digest
    with pytest.raises(BundleRefused, match="no manifest"):
        stored_digest(bucket, "8")


def test_the_last_verified_champion_serves_while_the_storage_is_away(bucket: Bucket, store: FakeStore, caplog: Any) -> None:
    with_nothing_kept = dict(store.before)
    store.before["get"] = down
    with pytest.raises(StorageUnavailable, match="No champion of it was kept"):
        open_last_champion(bucket)
    store.before = with_nothing_kept
    assert open_champion(bucket).version == "1"
    store.before["get"] = down
    with pytest.raises(StorageUnavailable):
        open_champion(bucket)
    assert open_last_champion(bucket).version == "1"
    assert "version 1 serves from the cache" in caplog.text


def test_a_new_champion_that_is_broken_leaves_the_last_one_serving(bucket: Bucket, store: FakeStore) -> None:
    open_champion(bucket)
    write_pointer(bucket, Pointer("2", "a" * 64, "now"))
    with pytest.raises(BundleRefused):
        open_champion(bucket)
    assert open_last_champion(bucket).version == "1"
    store.objects["churn/champion.json"] = (b"{", {})
    assert open_last_champion(bucket).version == "1"
    del store.objects["churn/champion.json"]
    with pytest.raises(NoChampion):  # another prefix, perhaps: nothing there says that there ever was one
        open_last_champion(bucket)


def test_no_champion_of_another_bucket_and_no_damaged_copy_serves(bucket: Bucket, store: FakeStore, digest: str) -> None:
    open_champion(bucket)
    store.before["get"] = down
    other = Bucket(Place("models", "mortgage", "http://store:8333"), bucket.cache, store)
    with pytest.raises(StorageUnavailable, match="No champion"):
        open_last_champion(other)
    kept = bucket.cache / "champion.json"
    whole = kept.read_bytes()
    for damaged in (b"", b"[]", b"{}", b'{"storage": "s3://models/churn", "pointer": 3}', whole.replace(b'"1"', b'"../1"')):
        kept.write_bytes(damaged)
        with pytest.raises(StorageUnavailable, match="No champion"):
            open_last_champion(bucket)
    kept.write_bytes(whole)
    shutil.rmtree(bucket.cache / "bundles" / digest)
    with pytest.raises(StorageUnavailable):
        open_last_champion(bucket)


def test_a_refused_account_is_no_reason_to_stop_what_serves(bucket: Bucket, store: FakeStore) -> None:
    open_champion(bucket)

    def forbidden(**_: Any) -> None:
        raise refusal(403, "AccessDenied")

    store.before["get"] = forbidden
    assert open_last_champion(bucket).version == "1"
