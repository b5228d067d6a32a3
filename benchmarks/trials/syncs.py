"""The order of system calls: was the ledger's file synchronised between a request's arrival and its acknowledgement?

`kill -9` cannot see a missing fsync, because the operating system keeps what a process has written. `strace` can.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from load import drive
from tidegate.home import Home
from trials.ground import Ground, served
from trials.verdict import Row, judged, skipped

WANTED = {1: "≥ 1 fsync/fdatasync before each acknowledgement", 32: "≥ 1 per commit group, before its acknowledgements"}
CALLS = "trace=fsync,fdatasync,read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg"
_FILE = r"\d+<[^>]*>?[^,)]*>?"
_LINE = re.compile(rf"^(?P<thread>\d+) +[\d.]+ (?:<\.\.\. (?P<resumed>\w+) resumed>|(?P<call>\w+)\((?P<file>{_FILE}))(?P<rest>.*)$")


@dataclass
class Order:
    """What a trace shows: acknowledged requests, how many had no synchronised ledger before them, and how many shared one at most."""

    acknowledged: int = 0
    too_early: int = 0
    synchronised: int = 0
    largest_group: int = 0
    arrived: dict[str, int] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)
    unfinished: dict[str, str] = field(default_factory=dict)
    last_begun: int = -1
    group: int = 0


def order_of(lines: Iterable[str], ledger: str = "ledger.db") -> Order:
    """The order of calls in `strace -f -ttt -yy -s 16`. A synchronisation counts for a request that had arrived before it began."""
    found = Order()
    for number, line in enumerate(lines):
        parts = _LINE.match(line.rstrip())
        if parts is None:
            continue
        call, thread, rest = parts["call"] or parts["resumed"], parts["thread"], parts["rest"]
        file = parts["file"] or found.unfinished.pop(thread, None)
        if parts["file"] and rest.endswith("<unfinished ...>"):
            found.unfinished[thread] = parts["file"]
        if call in ("fsync", "fdatasync"):
            _synchronise(found, number, thread, parts["file"], rest, ledger)
        elif "POST /predict" in rest and call.startswith(("read", "recv")):
            if file is not None:
                found.arrived[file] = number
        elif file in found.arrived and parts["file"] and "HTTP/1.1 200" in rest and call.startswith(("write", "send")):
            _acknowledge(found, found.arrived.pop(file))
    return found


def _synchronise(found: Order, number: int, thread: str, file: str | None, rest: str, ledger: str) -> None:
    if file is not None and ledger in file:
        found.begun[thread] = number
    if thread in found.begun and rest.rstrip().endswith("= 0"):
        found.last_begun = max(found.last_begun, found.begun.pop(thread))
        found.synchronised += 1
        found.group = 0
    elif thread in found.begun and "= -1" in rest:
        del found.begun[thread]


def _acknowledge(found: Order, arrived: int) -> None:
    found.acknowledged += 1
    found.too_early += found.last_begun < arrived
    found.group += 1
    found.largest_group = max(found.largest_group, found.group)


def syncs(ground: Ground) -> Iterator[Row]:
    """One row for one client, one for 32."""
    strace = shutil.which("strace")
    home = None if strace is None else ground.home("syncs")
    for clients, wanted in WANTED.items():
        count = -(-ground.sizes.synchronised // clients) * clients
        test = f"strace of {count:,} acknowledged requests, {clients} client{'s' if clients > 1 else ''}"
        if strace is None or home is None:
            yield skipped(test, wanted, "strace is not installed")
            continue
        try:
            found = _traced(ground, home, strace, clients, count)
        except SystemExit as ended:
            if "ptrace" not in str(ended):
                raise
            yield skipped(test, wanted, "this machine does not allow tracing")
            continue
        yield judge(test, wanted, found, clients, count)


def judge(test: str, wanted: str, found: Order, clients: int, count: int) -> Row:
    """The row of one trace of `count` requests."""
    faults = [f"{found.too_early} acknowledged with no synchronisation in between"] if found.too_early else []
    if found.acknowledged != count:
        faults.append(f"{found.acknowledged} of {count} acknowledgements are in the trace")
    if clients == 1 and found.synchronised < count:
        faults.append(f"{found.synchronised} synchronisations of {count}")
    each = found.acknowledged / max(1, found.synchronised)
    measured = (
        f"{found.acknowledged:,} acknowledged, {found.synchronised:,} synchronisations of the ledger, {found.too_early} too early; "
        f"{each:.1f} requests each, at most {found.largest_group}"
    )
    return judged(test, wanted, measured, faults)


def _traced(ground: Ground, home: Home, strace: str, clients: int, count: int) -> Order:
    calls: Path = home.root / f"calls-{clients}"
    bodies = [json.dumps(customer).encode() for customer in ground.customers()]
    under = (strace, "-f", "-ttt", "-yy", "-s", "16", "-e", CALLS, "-o", str(calls))
    with served(home, home.root / "strace.log", under=under) as server:
        drive(server.port, "/predict", bodies, count, clients)
    with calls.open(errors="replace") as lines:
        return order_of(lines)
