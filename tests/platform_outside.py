"""The world as containers see it: a host beyond this machine, which is a network namespace of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# For documentation (RFC 5737): nobody has them.
HOST, ROUTER = "198.51.100.2", "198.51.100.1"
DOOR = f"{HOST}:53"
_LISTEN = f"""
import socket
door = socket.create_server(("{HOST}", 53))
print("open", flush=True)
while True:
    door.accept()[0].close()
"""


@contextmanager
def outside() -> Iterator[str]:
    """A door out there that whoever gets so far may open, as address:port, until the block ends."""
    name = f"tg{os.getpid()}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", "world", "netns", name)
        _ip("address", "add", f"{ROUTER}/30", "dev", name)
        _ip("link", "set", name, "up")
        for words in (
            ("address", "add", f"{HOST}/30", "dev", "world"),
            ("link", "set", "world", "up"),
            ("route", "add", "default", "via", ROUTER),
        ):
            _ip("-n", name, *words)
        command = ["ip", "netns", "exec", name, sys.executable, "-c", _LISTEN]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listening:
            try:
                assert listening.stdout is not None
                assert listening.stdout.readline() == "open\n"
                yield DOOR
            finally:
                listening.kill()
    finally:
        _ip("link", "delete", name)  # at once: with its namespace alone it would go some time later
        _ip("netns", "delete", name)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stderr)
