"""Where the API listens: loopback only, and the port is taken before anything is loaded."""

from __future__ import annotations

import ipaddress
import socket

from tidegate.errors import SettingRefused


def bound(host: str, port: int) -> socket.socket:
    """A listening socket. Raises SettingRefused for an address beyond loopback, or a port that is taken."""
    try:
        if not ipaddress.ip_address("127.0.0.1" if host == "localhost" else host).is_loopback:
            raise SettingRefused(
                f"{host} is reachable from other machines, and this API has no keys.",
                "Bind to 127.0.0.1 behind a proxy that asks for them.",
            )
    except ValueError:
        raise SettingRefused(f"{host} is not an IP address.", "Give --host 127.0.0.1.") from None
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise SettingRefused(f"Port {port} on {host} cannot be used: {error.strerror}.", "Choose another one with --port.") from None
    return listening
