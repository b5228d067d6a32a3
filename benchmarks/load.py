"""A small load generator and the processor time of another process, for the benchmarks. Loopback only, bounded in count."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far, all its threads, in seconds (nanosecond counters of the scheduler)."""
    return sum(int(task.joinpath("schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()) / 1e9


def cpu_seconds_of_all(pid: int) -> float:
    """The same with every process that it started and that still lives."""
    children = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in task.joinpath("children").read_text().split()]
    return cpu_seconds(pid) + sum(cpu_seconds_of_all(child) for child in children)


def resident_mebibytes(pid: int) -> float:
    """Resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[int, bytes]:
    """Send one whole request on a connection that is kept: status and body of its answer."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    return int(head[9:12]), await reader.readexactly(length)


def post(path: str, body: bytes, headers: str = "") -> bytes:
    """A POST request as it goes over the wire; `headers` are whole lines."""
    start = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return start.encode() + body


async def _send(port: int, requests: list[bytes], latencies: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        began = time.perf_counter()
        status, _ = await exchange(reader, writer, request)
        if status != 200:
            raise SystemExit(f"the server answered {status}")
        latencies.append(time.perf_counter() - began)
    writer.close()


def drive(port: int, path: str, bodies: list[bytes], count: int, connections: int) -> list[float]:
    """Send `count` POST requests over keep-alive connections; latencies in seconds."""
    whole = [post(path, body) for body in bodies]
    latencies: list[float] = []
    shares = [[whole[(start + step) % len(whole)] for step in range(count // connections)] for start in range(connections)]

    async def all_of_them() -> None:
        await asyncio.gather(*(_send(port, share, latencies) for share in shares))

    asyncio.run(all_of_them())
    return latencies
