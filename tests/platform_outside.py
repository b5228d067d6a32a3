"""The world as containers see it: a host beyond this machine, which is a network namespace of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

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
    with ExitStack() as undone:
        _ip("netns", "add", name)
        undone.callback(_ip, "netns", "delete", name)
        _ip("link", "add", name, "type", "veth", "peer", "name", "world", "netns", name)
        undone.callback(_ip, "link", "delete", name)  # at once: with its namespace alone it would go some time later
        _ip("address", "add", f"{ROUTER}/30", "dev", name)
        _ip("link", "set", name, "up")
        _ip("-n", name, "address", "add", f"{HOST}/30", "dev", "world")
        _ip("-n", name, "link", "set", "world", "up")
        _ip("-n", name, "route", "add", "default", "via", ROUTER)
        command = ["ip", "netns", "exec", name, sys.executable, "-c", _LISTEN]
        listening = undone.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        undone.callback(listening.kill)
        assert listening.stdout is not None
        assert listening.stdout.readline() == "open\n"
        yield DOOR


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stderr)
