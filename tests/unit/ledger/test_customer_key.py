"""The secret key and the pseudonyms made with it."""

from __future__ import annotations

import hashlib
import hmac
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tidegate.errors import HomeRefused
from tidegate.ledger.customer_key import customer_hash, keep_given_key, load_or_create_key


def test_the_key_is_created_once_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "customer.key"
    key = load_or_create_key(path)
    assert len(key) == 32
    assert load_or_create_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert load_or_create_key(tmp_path / "other.key") != key


def test_racing_threads_and_processes_get_one_key(tmp_path: Path) -> None:
    path = tmp_path / "customer.key"
    code = "import sys, pathlib; from tidegate.ledger.customer_key import *; print(load_or_create_key(pathlib.Path(sys.argv[1])).hex())"
    children = [subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {child.communicate()[0].strip() for child in children}
    assert len(answers) == 1

    for attempt in range(20):
        contested = tmp_path / f"contested-{attempt}"
        start = threading.Barrier(4)
        keys: list[bytes] = []

        def race(contested: Path = contested, start: threading.Barrier = start, keys: list[bytes] = keys) -> None:
            start.wait()
            keys.append(load_or_create_key(contested))

        threads = [threading.Thread(target=race) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(keys) == 4
        assert set(keys) == {contested.read_bytes()}
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_a_damaged_key_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "customer.key"
    path.write_bytes(b"short")
    with pytest.raises(HomeRefused, match="5 bytes") as refusal:
        load_or_create_key(path)
    assert "backup" in refusal.value.remedy
    assert path.read_bytes() == b"short"


def test_an_unusable_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HomeRefused):
        load_or_create_key(tmp_path / "absent" / "customer.key")
    with pytest.raises(HomeRefused):
        load_or_create_key(tmp_path)


def test_the_hash_is_a_keyed_one() -> None:
    key = bytes(range(32))
    expected = hmac.new(key, "C-1001 ü".encode(), hashlib.sha256).hexdigest()[:32]
    assert customer_hash(key, "C-1001 ü") == expected
    assert customer_hash(bytes(32), "C-1001 ü") != expected
    assert customer_hash(key, "C-1002") != customer_hash(key, "C-1001")
    assert len(customer_hash(key, "\ud800")) == 32


def test_a_key_that_was_made_elsewhere_is_kept_once_and_never_exchanged(tmp_path: Path) -> None:
    given, kept = tmp_path / "given", tmp_path / "home" / "secrets" / "customer.key"
    kept.parent.parent.mkdir()
    given.write_bytes(bytes(range(32)))
    keep_given_key(kept, given)
    keep_given_key(kept, given)
    assert load_or_create_key(kept) == bytes(range(32))
    assert kept.stat().st_mode & 0o777 == 0o600
    given.write_bytes(bytes(32))
    with pytest.raises(HomeRefused, match="another customer key"):
        keep_given_key(kept, given)
    assert load_or_create_key(kept) == bytes(range(32))
    given.write_bytes(b"short")
    with pytest.raises(HomeRefused, match="5 bytes instead of 32"):
        keep_given_key(kept, given)
    with pytest.raises(HomeRefused, match="No such file"):
        keep_given_key(kept, tmp_path / "none")
