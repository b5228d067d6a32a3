"""Is there room: processors, memory, disk?"""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from boards.panels import Limits, Panel, Query, board, lines, number

_TIDEGATE = 'job=~"tidegate-.*"'
_CPU = (
    'sum by (instance) (rate(tidegate_machine_cpu_seconds_total{mode="busy"}[$__rate_interval]))'
    " / sum by (instance) (rate(tidegate_machine_cpu_seconds_total[$__rate_interval]))"
)
_MEMORY = "1 - tidegate_machine_memory_available_bytes / tidegate_machine_memory_bytes"
_DISK = "tidegate_home_free_bytes / tidegate_home_size_bytes"


def machine() -> Dashboard:
    """The machine as the worker sees it (in a container: its host), and what each process uses of it."""
    where = "Of the machine that the worker runs on; in a container, its host."
    panels: list[Panel] = [
        number("CPU", "percentunit", _CPU, where, Limits(0.7, 0.9)),
        number("Memory", "percentunit", _MEMORY, where, Limits(0.8, 0.95)),
        number("Disk left", "percentunit", _DISK, "Where the home is. Below 10 % is an alert.", Limits(0.1, 0.03, below=True)),
        number("Targets down", "short", "count(up == 0) or vector(0)", "Of those that Prometheus watches.", Limits(bad=1)),
        lines("CPU", "percentunit", [Query(_CPU, "machine of {{instance}}")], f"Share of its processors that is busy. {where}", top=1),
        lines("Memory", "percentunit", [Query(_MEMORY, "machine of {{instance}}")], f"Share that programs have. {where}", top=1),
        lines(
            "CPU by process",
            "none",
            [
                Query(f"rate(tidegate_cpu_seconds_total{{{_TIDEGATE}}}[$__rate_interval])", "{{job}} {{instance}}"),
                Query('rate(process_cpu_seconds_total{job=~"prometheus|alertmanager"}[$__rate_interval])', "{{job}}"),
            ],
            "Processors in use; all workers of a server together.",
        ),
        lines(
            "Memory by process",
            "bytes",
            [
                Query(f"tidegate_resident_bytes{{{_TIDEGATE}}}", "{{job}} {{instance}}"),
                Query('process_resident_memory_bytes{job=~"prometheus|alertmanager"}', "{{job}}"),
            ],
            "In RAM; all workers of a server together.",
        ),
        lines(
            "Disk of the home",
            "bytes",
            [Query("tidegate_home_free_bytes", "left"), Query("tidegate_home_size_bytes", "size")],
            "Full, it refuses every prediction.",
            width=24,
        ),
    ]
    return board("machine", "machine", "Is there room: processors, memory, disk?", panels)
