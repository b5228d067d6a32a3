from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.access.keys import SHAPE, find_key, make_key
from tidegate.errors import SettingRefused

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_a_key_has_256_bits_and_is_kept_as_a_digest_only() -> None:
    key, text = make_key("crm", ["score"], None, NOW)
    other, other_text = make_key("crm", ["score"], None, NOW)
    assert re.fullmatch(r"tg_[0-9a-f]{12}_[0-9a-f]{64}", text)
    assert SHAPE.fullmatch(text.encode())
    assert text.split("_")[2] not in repr(key)
    assert (key.key_id, key.digest, text) != (other.key_id, other.digest, other_text)


def test_a_key_is_found_by_its_whole_text_only() -> None:
    key, text = make_key("crm", ["score"], None, NOW)
    keys = {key.key_id: key}
    assert find_key(keys, text.encode(), NOW) is key
    changed = text[:-1] + ("0" if text[-1] != "0" else "1")
    strangers = (changed, text + "0", text[:-1], text.upper(), f" {text}", "", "tg__", key.digest, text.replace(key.key_id, "0" * 12))
    assert [find_key(keys, one.encode(), NOW) for one in strangers] == [None] * len(strangers)
    assert find_key(keys, b"\xff" * 80, NOW) is None
    assert find_key({}, text.encode(), NOW) is None


def test_no_digest_that_is_not_a_digest_opens_anything() -> None:
    key, text = make_key("crm", ["score"], None, NOW)
    assert find_key({key.key_id: dataclasses.replace(key, digest="0" * 64)}, text.encode(), NOW) is None


def test_a_key_ends_when_it_says() -> None:
    key, text = make_key("crm", ["score"], 7, NOW)
    keys = {key.key_id: key}
    assert find_key(keys, text.encode(), NOW + timedelta(days=7, microseconds=-1)) is key
    assert find_key(keys, text.encode(), NOW + timedelta(days=7)) is None


def test_roles_are_kept_once_and_in_order() -> None:
    assert make_key("ops", ["erase", "score", "erase"], None, NOW)[0].roles == ("score", "erase")


@pytest.mark.parametrize(
    ("name", "roles", "days"),
    [
        ("", ["score"], None),
        ("two words", ["score"], None),
        ('quo"te', ["score"], None),
        ("line\n", ["score"], None),
        ("é", ["score"], None),
        ("-dash", ["score"], None),
        ("x" * 65, ["score"], None),
        ("crm", [], None),
        ("crm", ["admin"], None),
        ("crm", ["score"], 0),
        ("crm", ["score"], -1),
        ("crm", ["score"], 10**9),
    ],
)
def test_what_is_no_key_is_refused(name: str, roles: list[str], days: int | None) -> None:
    with pytest.raises(SettingRefused):
        make_key(name, roles, days, NOW)
