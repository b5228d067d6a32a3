"""Processes cut off from the world: a network namespace with loopback alone, and every attempt of theirs to leave it.

Two witnesses. strace shows each system call that names where to (io_uring, which it cannot see into, is used by uvloop to wait, not to
call); the kernel counts what it had no route for, whoever asked and however. A look-up of a name counts as an attempt also where the
resolver is on loopback; resolvers that are reached through a file instead are hidden.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PREPARE = """
ip link set lo up
for resolver in /run/nscd /run/systemd/resolve /run/avahi-daemon; do
  [ ! -d $resolver ] || mount -t tmpfs none $resolver
done
exec "$@"
"""
_TRACED = "connect,sendto,sendmsg,sendmmsg,execve,clone,clone3,fork,vfork"
_DOMAIN = 53

_CALL = re.compile(r"(\d+)<(.*?)> (connect|sendto|sendmsg|sendmmsg)\((.*)")
_BORN = re.compile(r"(\d+)<.*?> (?:<\.\.\. )?(?:clone3?|v?fork)(?: resumed>|\().* = (\d+)")
_BECAME = re.compile(r"(\d+)<.*?> execve\(.*?, \[(.*?)\]")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"')
_IPV4 = re.compile(r'\{sa_family=AF_INET, sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]+)"\)')
_IPV6 = re.compile(r'\{sa_family=AF_INET6, sin6_port=htons\((\d+)\),[^}]*?inet_pton\(AF_INET6, "([^"]+)"')
_FAMILY = re.compile(r"\{sa_family=(\w+)")
_STAYS_HERE = {"AF_UNIX", "AF_NETLINK", "AF_UNSPEC", "AF_INET", "AF_INET6"}


@dataclass(frozen=True)
class Attempt:
    """Somebody tried to leave: in which verb, the process with its number and thread, the system call, and where to."""

    verb: str
    process: str
    call: str
    address: str

    def __str__(self) -> str:
        return f"{self.verb}: {self.call} to {self.address} by {self.process}"


def why_not() -> str | None:
    """Why nothing can be cut off here; None where it can."""
    missing = [name for name in ("unshare", "ip", "mount", "strace") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed (apt-get install util-linux mount iproute2 strace)"
    tried = subprocess.run(cut_off(traced(["true"], Path(os.devnull))), capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"no namespace or no strace in it: {tried.stderr.strip()}"


def cut_off(words: list[str]) -> list[str]:
    """The command that runs `words` where there is loopback and nothing else; as root, or where accounts may make namespaces."""
    return ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--net", "--mount", "sh", "-ec", _PREPARE, "sh", *words]


def traced(words: list[str], trace: Path) -> list[str]:
    """The command that runs `words` and writes to `trace` whom they, and all that they start, call. It ends with their exit code."""
    options = ["-f", "-qq", "--decode-pids=comm", "--seccomp-bpf", "--string-limit=200", "--signal=none"]
    return ["strace", *options, f"--trace={_TRACED}", f"--output={trace}", *words]


def attempts(verb: str, trace: Path) -> list[Attempt]:
    """Every attempt to leave in a trace, in order."""
    lines = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    command = _commands(lines)
    return [
        Attempt(verb, f"{command(call[1])} ({call[1]} {call[2]})", call[3], address)
        for call in map(_CALL.match, lines)
        if call
        for address in _addresses_abroad(call[4])
    ]


def routeless() -> int:
    """How often the kernel had no route for what somebody in this process's namespace wanted to send, or to connect to."""
    names, values = (line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Ip:"))
    sixth = dict(line.split() for line in Path("/proc/net/snmp6").read_text().splitlines())
    return int(dict(zip(names, values, strict=True))["OutNoRoutes"]) + int(sixth["Ip6OutNoRoutes"])


def _commands(lines: list[str]) -> Callable[[str], str]:
    """From the number of a thread to the command line of its process: that of its nearest ancestor that became another program."""
    parents = {found[2]: found[1] for line in lines if (found := _BORN.match(line))}
    became = {found[1]: " ".join(_WORD.findall(found[2])) for line in lines if (found := _BECAME.match(line))}

    def command(thread: str) -> str:
        while thread not in became and thread in parents:
            thread = parents[thread]
        return became.get(thread, "a process")

    return command


def _addresses_abroad(arguments: str) -> Iterator[str]:
    """Where to, of a call's arguments as strace writes them: loopback is left out, but for its port of domain names."""
    for port, host in [*_IPV4.findall(arguments), *_IPV6.findall(arguments)]:
        if int(port) == _DOMAIN:
            yield f"{host} port {port} (to look up a name)"
        elif not _is_here(host):
            yield f"{host} port {port}"
    yield from (family for family in _FAMILY.findall(arguments) if family not in _STAYS_HERE)


def _is_here(host: str) -> bool:
    """Loopback, or no address, which a connection takes for loopback.

    >>> [_is_here(host) for host in ("127.8.0.1", "::1", "0.0.0.0", "::ffff:127.0.0.1", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1")]
    [True, True, True, True, False, False, False]
    """
    address = ipaddress.ip_address(host)
    bare = getattr(address, "ipv4_mapped", None) or address
    return bare.is_loopback or bare.is_unspecified
