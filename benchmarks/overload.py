"""Ten times more requests than the service is set to answer, beside six uploads of 20 MB: what is answered, what is refused, how fast.

    python benchmarks/overload.py [--capacity 200] [--times 10] [--seconds 30] [--home HOME]

The server has one core, and `wrk` (Debian: apt-get install wrk) with everything else has another. Uploads that are refused come again when
Retry-After says so. Without --home, a logistic regression is trained on 1,500 simulated customers. Latencies of wrk cover every answer.
"""

from __future__ import annotations

import argparse
import collections
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from load import cpu_seconds, resident_mebibytes
from serving import bodies

CONNECTIONS, UPLOADS, UPLOAD_ROWS, WARM_SECONDS = 64, 6, 172_000, 3
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local bodies = {%s}
local at, threads = 0, {}
answered, refused, unavailable, others = 0, 0, 0, 0
function setup(thread) table.insert(threads, thread) end
function delay() return %d end
function request() at = at %% #bodies + 1 return wrk.format(nil, nil, nil, bodies[at]) end
function response(status)
  if status == 200 then answered = answered + 1 elseif status == 429 then refused = refused + 1
  elseif status == 503 then unavailable = unavailable + 1 else others = others + 1 end
end
function done(summary, latency)
  local sums = {0, 0, 0, 0}
  for _, thread in ipairs(threads) do
    for place, name in ipairs({"answered", "refused", "unavailable", "others"}) do sums[place] = sums[place] + thread:get(name) end
  end
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  local counts = '"200": %%d, "429": %%d, "503": %%d, "others": %%d, "failed": %%d'
  local times = '"seconds": %%f, "p50": %%f, "p99": %%f, "max": %%f'
  local p50, p99, most = latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3
  io.write(string.format('\\n{' .. counts .. ', ' .. times .. '}\\n', sums[1], sums[2], sums[3], sums[4], failed,
    summary.duration / 1e6, p50, p99, most))
end
"""


class Uploads:
    """Callers who each send the file until it is answered, and what they were told; and one who asks /health every 20 ms."""

    def __init__(self, port: int, file: Path) -> None:
        self._port, self._file = port, file
        self.statuses: collections.Counter[int] = collections.Counter()
        self.refused_after: list[float] = []
        self.answered_after: list[float] = []
        self.health: list[float] = []
        self.ending = threading.Event()
        work = [*[self._upload] * UPLOADS, self._ask_health]
        self._threads = [threading.Thread(target=one, daemon=True) for one in work]
        for thread in self._threads:
            thread.start()

    def busy(self) -> bool:
        return any(thread.is_alive() for thread in self._threads[:-1])

    def end(self) -> None:
        self.ending.set()
        for thread in self._threads:
            thread.join()

    def _upload(self) -> None:
        began = time.perf_counter()
        while not self.ending.is_set():
            sent = time.perf_counter()
            command = [
                "curl",
                "-s",
                "-D",
                "-",
                "-o",
                "/dev/null",
                "-F",
                f"file=@{self._file}",
                f"http://127.0.0.1:{self._port}/predict-csv",
            ]
            head = subprocess.run(command, capture_output=True, text=True, check=False).stdout.replace("HTTP/1.1 100 Continue", "").strip()
            status = int(head.split()[1]) if head else 0
            self.statuses[status] += 1
            if status == 200:
                self.answered_after.append(time.perf_counter() - began)
                return
            self.refused_after.append(time.perf_counter() - sent)
            self.ending.wait(next((int(line.split(":")[1]) for line in head.lower().splitlines() if line.startswith("retry-after")), 1))

    def _ask_health(self) -> None:
        while not self.ending.wait(0.02):
            began = time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            connection.request("GET", "/health")
            assert connection.getresponse().status == 200
            connection.close()
            self.health.append(time.perf_counter() - began)


def waited_seconds(pid: int) -> float:
    """How long a process's first thread was ready to run and another had the core."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def percentile(seconds: list[float], share: float) -> float:
    """In milliseconds."""
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))] * 1e3 if seconds else float("nan")


def tidegate(*words: object) -> list[str]:
    return [sys.executable, "-m", "tidegate", *map(str, words), "--json"]


def prepare(folder: Path, home: Path | None) -> tuple[Path, Path, Path]:
    """A home with a champion, a small table and one of 20 MB."""
    small, large = folder / "small.csv", folder / "large.csv"
    for place, rows in ((small, 1_500), (large, UPLOAD_ROWS)):
        subprocess.run(tidegate("simulate", place, "--rows", rows, "--seed", 5), check=True, capture_output=True)
    if home is None:
        home = folder / "home"
        order = ("train", small, "--spec", "bank", "--budget", "quick", "--algorithms", "logistic_regression", "--home", home)
        subprocess.run(tidegate(*order), check=True, capture_output=True)
    return home, small, large


def offer(port: int, table: Path, folder: Path, rate: float, seconds: int) -> dict[str, float]:
    """What wrk counts in so many seconds of about so many requests a second."""
    literal = ", ".join(f"[==[{body.decode()}]==]" for body in bodies(table))
    script = folder / "predict.lua"
    script.write_text(SCRIPT % (literal, max(1, int(CONNECTIONS / rate * 1e3) - 1)))
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), f"http://127.0.0.1:{port}/predict"]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
    return found


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--capacity", type=int, default=200, help="requests a second that the server is set to answer")
    options.add_argument("--times", type=float, default=10, help="how many times that is offered")
    options.add_argument("--seconds", type=int, default=30)
    options.add_argument("--home", type=Path)
    chosen = options.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if shutil.which("wrk") is None or len(cores) < 2:
        raise SystemExit("This needs wrk (apt-get install wrk) and two cores.")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        home, small, large = prepare(folder, chosen.home)
        environment = {**os.environ, "TIDEGATE_MAX_REQUESTS_PER_SECOND": str(chosen.capacity)}
        command = ["taskset", "-c", str(cores[0]), *tidegate("serve", "--home", home, "--port", 18_990)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment) as server:
            try:
                assert server.stdout is not None
                port = int(json.loads(server.stdout.readline())["url"].rsplit(":", 1)[1])
                os.sched_setaffinity(0, {cores[1]})
                report(chosen, server.pid, port, small, large, folder)
            finally:
                server.send_signal(signal.SIGTERM)


def report(chosen: argparse.Namespace, pid: int, port: int, small: Path, large: Path, folder: Path) -> None:
    rate = chosen.capacity * chosen.times
    alone = offer(port, small, folder, rate, WARM_SECONDS)
    print(f"server on one core, set to {chosen.capacity}/s; wrk on the other, {CONNECTIONS} connections; SQLite ledger")
    show("without uploads", alone, chosen.capacity)
    beside = Uploads(port, large)
    before, waited = cpu_seconds(pid), waited_seconds(pid)
    found = offer(port, small, folder, rate, chosen.seconds)
    used, waited = (cpu_seconds(pid) - before) / found["seconds"], (waited_seconds(pid) - waited) / found["seconds"]
    show(f"with {UPLOADS} uploads of {large.stat().st_size / 1e6:.1f} MB", found, chosen.capacity)
    print(
        f"  server: {used:.0%} of its core, its event loop ready but without it {waited:.0%} of the time; {resident_mebibytes(pid):.0f} MiB"
    )
    p50, p99 = percentile(beside.health, 0.5), percentile(beside.health, 0.99)
    print(f"  /health meanwhile, {len(beside.health)} times: P50 {p50:.1f} ms, P99 {p99:.1f} ms")
    deadline = time.monotonic() + 300
    while beside.busy() and time.monotonic() < deadline:
        time.sleep(0.1)
    beside.end()
    print(f"  /health until the last upload was answered, {len(beside.health)} times: P99 {percentile(beside.health, 0.99):.1f} ms")
    refused = percentile(beside.refused_after, 1)
    print(f"uploads, each sent again until answered: {dict(beside.statuses)}; refused within {refused:.0f} ms, curl included")
    print(f"  answered after {', '.join(f'{seconds:.0f}' for seconds in sorted(beside.answered_after))} s")


def show(name: str, found: dict[str, float], capacity: int) -> None:
    offered = sum(found[key] for key in ("200", "429", "503", "others", "failed")) / found["seconds"]
    goodput = found["200"] / found["seconds"]
    print(f"{name}: offered {offered:.0f}/s, goodput {goodput:.1f}/s = {goodput / capacity:.0%} of capacity")
    counts = ", ".join(f"{key}: {found[key]:.0f}" for key in ("200", "429", "503", "others", "failed"))
    print(f"  answers {counts}; latency P50 {found['p50']:.1f} ms, P99 {found['p99']:.1f} ms, most {found['max']:.1f} ms")


if __name__ == "__main__":
    main()
