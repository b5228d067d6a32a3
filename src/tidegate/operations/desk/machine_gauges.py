"""Gauges of the machine that the operate API runs on: room on the home's disk, memory, processors. In a container, those of its host."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

MEMINFO, STAT = Path("/proc/meminfo"), Path("/proc/stat")
_TICKS = os.sysconf("SC_CLK_TCK")
# proc_pid_stat(5), proc_stat(5): the first eight; guests are counted in user and nice already
_TIMES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_IDLE = ("idle", "iowait")


class MachineGauges(Collector):
    """What the system says when it is asked; what it does not say has no gauge."""

    def __init__(self, home: Path, meminfo: Path = MEMINFO, stat: Path = STAT) -> None:
        self._home, self._meminfo, self._stat = home, meminfo, stat

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The gauges as they are now."""
        with suppress(OSError):
            room = shutil.disk_usage(self._home)
            yield GaugeMetricFamily("tidegate_home_size_bytes", "Size of the disk that the home is on", value=room.total)
            yield GaugeMetricFamily("tidegate_home_free_bytes", "Room that is left on it", value=room.free)
        with suppress(OSError, ValueError, KeyError, IndexError):
            total, available = memory_bytes(self._meminfo.read_text())
            yield GaugeMetricFamily("tidegate_machine_memory_bytes", "Memory of the machine", value=total)
            yield GaugeMetricFamily("tidegate_machine_memory_available_bytes", "Memory that programs can still have", value=available)
        with suppress(OSError, ValueError, IndexError):
            times = CounterMetricFamily("tidegate_machine_cpu_seconds", "Time of all processors", labels=("mode",))
            busy, idle = processor_seconds(self._stat.read_text())
            times.add_metric(("busy",), busy)
            times.add_metric(("idle",), idle)
            yield times


def memory_bytes(meminfo: str) -> tuple[float, float]:
    """(all, available) in bytes, from /proc/meminfo. Raises KeyError, ValueError, IndexError where it does not say so.

    >>> memory_bytes("MemTotal: 2 kB\\nMemFree: 0 kB\\nMemAvailable: 1 kB\\n")
    (2048.0, 1024.0)
    """
    said = dict(line.split(":", 1) for line in meminfo.splitlines() if ":" in line)
    total, available = (1024.0 * float(said[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    return total, available


def processor_seconds(stat: str) -> tuple[float, float]:
    """(busy, idle) seconds of all processors since the machine started, from /proc/stat. Raises ValueError, IndexError."""
    words = stat.splitlines()[0].split()
    if words[0] != "cpu":
        raise ValueError("not what proc_stat(5) describes")
    spent = {name: float(ticks) / _TICKS for name, ticks in zip(_TIMES, words[1:], strict=False)}
    idle = sum(spent.get(name, 0.0) for name in _IDLE)
    return sum(spent.values()) - idle, idle
