"""Where an API listens: loopback only unless callers are asked for keys, and the port is taken before anything is loaded."""

from __future__ import annotations

import ipaddress
import socket

from tidegate.access.keys import SCORE
from tidegate.errors import SettingRefused


def bound(host: str, port: int, guarded: bool, role: str = SCORE) -> socket.socket:
    """A listening socket. `guarded`: a valid API key with the `role` that the API asks for exists.

    Raises SettingRefused for an address beyond loopback that is not guarded, or a port that is taken.
    """
    try:
        local = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host).is_loopback
    except ValueError:
        raise SettingRefused(f"{host} is not an IP address.", "Give --host 127.0.0.1.") from None
    if not local and not guarded:
        raise SettingRefused(
            f"{host} is reachable from other machines, and there is no valid API key with the role {role}.",
            f"Make one (tidegate key add NAME --role {role}), or bind to 127.0.0.1.",
        )
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise SettingRefused(f"Port {port} on {host} cannot be used: {error.strerror}.", "Choose another one with --port.") from None
    return listening
