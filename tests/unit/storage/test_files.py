"""Storage in a folder: whole objects, written if unchanged, and no way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.errors import HomeRefused
from tidegate.storage.files import Folder, get, list_keys, put_if_match, tag


@pytest.fixture
def storage(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "storage")


def test_an_object_that_is_not_there_is_none(storage: Folder) -> None:
    assert get(storage, "a") is None
    assert put_if_match(storage, "folder/a", b"x", None)
    for key in ("", ".", "folder", "folder/b", "folder/a/below"):
        assert get(storage, key) is None


def test_a_write_needs_the_tag_of_what_is_there(storage: Folder) -> None:
    assert not put_if_match(storage, "a/b", b"one", tag(b"nothing"))
    assert get(storage, "a/b") is None
    assert put_if_match(storage, "a/b", b"one", None)
    assert not put_if_match(storage, "a/b", b"two", None)
    assert not put_if_match(storage, "a/b", b"two", tag(b"other"))
    assert get(storage, "a/b") == b"one"
    assert put_if_match(storage, "a/b", b"two", tag(b"one"))
    assert get(storage, "a/b") == b"two"


def test_an_empty_object_is_an_object(storage: Folder) -> None:
    assert put_if_match(storage, "empty", b"", None)
    assert get(storage, "empty") == b""
    assert not put_if_match(storage, "empty", b"x", None)


def test_a_tag_is_the_sha256_of_the_content() -> None:
    assert tag(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "/etc/passwd", "link/secret"])
def test_no_key_leaves_the_storage(storage: Folder, tmp_path: Path, key: str) -> None:
    (tmp_path / "outside").write_bytes(b"mine")
    (tmp_path / "elsewhere").mkdir()
    storage.root.mkdir()
    (storage.root / "link").symlink_to(tmp_path / "elsewhere")
    for act in (lambda: get(storage, key), lambda: put_if_match(storage, key, b"x", None), lambda: list_keys(storage, key)):
        with pytest.raises(HomeRefused, match="leaves the storage"):
            act()
    assert (tmp_path / "outside").read_bytes() == b"mine"


def test_keys_are_listed_in_order_without_work_in_progress(storage: Folder) -> None:
    for key in ("b/2", "a/x/1", "a/0", "c"):
        put_if_match(storage, key, b"x", None)
    (storage.root / "a" / ".0.17.part").write_bytes(b"")
    assert list_keys(storage, "") == ["a/0", "a/x/1", "b/2", "c"]
    assert list_keys(storage, "a") == ["a/0", "a/x/1"]
    assert list_keys(storage, "nothing") == []


def test_a_storage_behind_a_link_lists_the_same_keys(storage: Folder, tmp_path: Path) -> None:
    put_if_match(storage, "a/b", b"x", None)
    (tmp_path / "link").symlink_to(storage.root)
    assert list_keys(Folder(tmp_path / "link"), "") == ["a/b"]
    assert get(Folder(tmp_path / "link"), "a/b") == b"x"


def test_what_a_killed_writer_left_of_an_object_is_gone_with_the_next_write(storage: Folder) -> None:
    folder = storage.root / "bundles" / "1"
    folder.mkdir(parents=True)
    (folder / ".model[1].json.1-140166.part").write_bytes(b"half")
    (folder / ".model1.json.1-140166.part").write_bytes(b"of another object")
    assert put_if_match(storage, "bundles/1/model[1].json", b"whole", None)
    assert sorted(path.name for path in folder.iterdir()) == [".model1.json.1-140166.part", "model[1].json"]
    (folder / ".model[1].json.1-140166.part").write_bytes(b"half")
    assert not put_if_match(storage, "bundles/1/model[1].json", b"whole", None)
    assert not (folder / ".model[1].json.1-140166.part").exists(), "an object that is there already hides what was left of it"
