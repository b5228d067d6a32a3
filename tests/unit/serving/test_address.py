from __future__ import annotations

import socket

import pytest

from tidegate.errors import SettingRefused
from tidegate.serving.address import bound


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "255.255.255.255"])
def test_an_address_beyond_loopback_needs_keys(host: str) -> None:
    with pytest.raises(SettingRefused, match="no valid API key with the role score"):
        bound(host, 0, guarded=False)
    with pytest.raises(SettingRefused, match="role operate"):
        bound(host, 0, guarded=False, role="operate")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_loopback_needs_none(host: str) -> None:
    if host == "::1" and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    bound(host, 0, guarded=False).close()


@pytest.mark.parametrize("host", ["example.com", "", "0", "127.1", "0x7f.1", "127.0.0.1 ", "[::1]"])
def test_what_is_no_address_is_refused_with_keys_too(host: str) -> None:
    with pytest.raises(SettingRefused, match="is not an IP address"):
        bound(host, 0, guarded=True)


def test_an_address_that_this_machine_has_not_is_a_sentence() -> None:
    with pytest.raises(SettingRefused, match=r"192\.0\.2\.1 cannot be used"):
        bound("192.0.2.1", 0, guarded=True)
