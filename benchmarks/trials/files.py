"""Hostile files to every door: `/predict-csv`, `score`, `inspect`, `train`, and bundles under the champion pointer of a running server."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from commands import call
from load import resident_mebibytes
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home
from tidegate.storage.files import Folder
from tidegate.storage.pointer import Pointer, read_pointer, write_pointer
from trials.ground import Ground, Served, served
from trials.hostile.bundles import hostile_bundles
from trials.hostile.planted import Hostile
from trials.hostile.tables import hostile_makers, hostile_tables
from trials.swaps import REFUSED
from trials.verdict import Row, judged

WANTED = "0 code run, 0 crashes, clear 4xx or exit 2, memory growth < 200 MB"
LARGEST_GROWTH_MEBIBYTES = 200
BASE_ROWS = 300
# Of all files: how many go to each door; the rest are uploaded. `train` is slow, and reads with what `inspect` and `score` read with.
SHARES = {"score": 0.14, "inspect": 0.12, "train": 0.04, "bundle": 0.2}


@dataclass
class Seen:
    """What became of the files: answers by kind, faults, and the largest growth of memory at each door."""

    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    growth: dict[str, float] = field(default_factory=dict)

    def grew(self, door: str, mebibytes: float, kind: str) -> None:
        """Note the memory that one file cost."""
        self.growth[door] = max(self.growth.get(door, 0.0), mebibytes)
        if mebibytes >= LARGEST_GROWTH_MEBIBYTES:
            self.faults.append(f"{door}: {mebibytes:.0f} MB for {kind}")


def files(ground: Ground) -> Iterator[Row]:
    """One row."""
    home, seen, marker = ground.home("files"), Seen(), ground.folder / f"planted-{uuid.uuid4().hex}"
    base = ground.folder / "base.csv"
    write_simulated(base, BASE_ROWS, seed=5)
    makers = hostile_makers(base.read_bytes(), marker, ground.sizes.seed)
    counts = {door: round(ground.sizes.files * share) for door, share in SHARES.items()}
    counts["upload"] = ground.sizes.files - sum(counts.values())
    with served(home, ground.folder / "files.log") as server:
        call(f"{server.url}/predict", ground.customers()[0])
        _upload(server, Hostile("itself", "base.csv", base.read_bytes()), Seen())
        for file in hostile_tables(makers, ground.sizes.seed, 0, counts["upload"]):
            _watched(server, "upload", file.kind, seen, lambda file=file: _upload(server, file, seen))  # type: ignore[misc]
        _bundles(home, server, marker, ground.sizes.seed, counts["bundle"], seen)
    usual = {verb: _verb(verb, base, ground.folder / f"usual-{verb}", home)[2] for verb in ("score", "inspect", "train")}
    start = counts["upload"]
    for verb in usual:
        for number, file in enumerate(hostile_tables(makers, ground.sizes.seed, start, counts[verb])):
            _command(verb, file, ground.folder / f"{verb}-{number}", home, usual[verb], seen)
        start += counts[verb]
    if marker.exists() or Path("/tmp/planted.csv").exists():
        seen.faults.append("planted code has run")
    yield judge(seen, sum(counts.values()))


def judge(seen: Seen, count: int) -> Row:
    """The row of what was seen."""
    growth = ", ".join(f"{door} {most:.0f} MB" for door, most in seen.growth.items())
    answers = ", ".join(f"{number} × {answer}" for answer, number in sorted(seen.answers.items()))
    return judged(f"{count} hostile files", WANTED, f"{answers}; largest growth: {growth}", seen.faults)


def _watched(server: Served, door: str, kind: str, seen: Seen, act: Callable[[], None]) -> None:
    """Do it, and see how far the server's memory rose above what it held before, and that it lives."""
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # the high-water mark begins anew
    before = resident_mebibytes(server.pid)
    act()
    if not server.alive():
        raise SystemExit(f"the server died of {kind}")
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    highest = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    seen.grew(door, highest - before, kind)


def _upload(server: Served, file: Hostile, seen: Seen) -> None:
    name = file.name.replace("\x00", "%00").encode()
    head = b'--x-x-x\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n\r\n'
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    try:
        connection.request(
            "POST", "/predict-csv", head + file.content + b"\r\n--x-x-x--\r\n", {"Content-Type": "multipart/form-data; boundary=x-x-x"}
        )
        response = connection.getresponse()
        kept = response.read(1 << 16)
        while response.read(1 << 20):
            pass
    except http.client.IncompleteRead:
        # the file broke in the middle of an answer that had begun: what is missing cannot be taken for a whole one
        seen.answers["upload cut off"] += 1
        return
    except (OSError, http.client.HTTPException) as error:
        seen.faults.append(f"upload of {file.kind}: {type(error).__name__}")
        return
    finally:
        connection.close()
    seen.answers[f"upload {response.status}"] += 1
    if response.status != 200 and (not 400 <= response.status < 500 or set(json.loads(kept)) != {"error", "detail", "id"}):
        seen.faults.append(f"upload of {file.kind}: {response.status} {kept[:100]!r}")


def _bundles(home: Home, server: Served, marker: Path, seed: int, count: int, seen: Seen) -> None:
    storage = Folder(home.storage)
    pointer = read_pointer(storage)
    assert pointer is not None
    bundles = home.storage / "bundles"
    for kind, version, digest in hostile_bundles(bundles / pointer.version, bundles, marker, seed, count):
        _watched(server, "bundle", kind, seen, lambda args=(kind, version, digest): _point(storage, server, *args, seen))  # type: ignore[misc]
    if json.loads(call(f"{server.url}/")[1])["model_version"] != pointer.version:
        seen.faults.append("another version serves after hostile bundles")
    write_pointer(storage, pointer)


def _point(storage: Folder, server: Served, kind: str, version: str, digest: str, seen: Seen) -> None:
    refusals, deadline = server.log.read_text().count(REFUSED), time.monotonic() + 60
    write_pointer(storage, Pointer(version, digest, datetime.now(UTC).isoformat()))
    while time.monotonic() < deadline and server.alive():
        if server.log.read_text().count(REFUSED) > refusals:
            seen.answers["bundle refused"] += 1
            return
        time.sleep(0.05)
    seen.faults.append(f"bundle with {kind}: not refused")


def _verb(verb: str, source: Path, place: Path, home: Home) -> tuple[int, str, float]:
    """Exit code, what it said and its peak memory in MiB."""
    place.mkdir(exist_ok=True)
    words: dict[str, list[object]] = {
        "score": [source, place / "out.csv", "--home", home.root],
        "inspect": [source, "--label", "Attrition_Flag", "--out", place / "spec.toml"],
        "train": [source, "--spec", "bank", "--budget", "quick", "--algorithms", "logistic_regression", "--home", place / "home"],
    }
    command = [sys.executable, "-c", _MEASURED, verb, *map(str, words[verb]), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300, check=False)
    said, _, peak = done.stderr.rpartition("\npeak ")
    return done.returncode, said or done.stderr, float(peak) if peak.strip().replace(".", "").isdigit() else 0.0


# The verb in a process of its own, which says at the end how much memory it held at most.
_MEASURED = """
import resource, sys
from tidegate.cli import main
try:
    main()
finally:
    sys.stderr.write(f"\\npeak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f}")
"""


def _command(verb: str, file: Hostile, place: Path, home: Home, usual: float, seen: Seen) -> None:
    place.mkdir()
    source = place / f"table.{'parquet' if file.name.endswith('parquet') else 'csv'}"
    source.write_bytes(file.content)
    code, said, peak = _verb(verb, source, place, home)
    seen.answers[f"{verb} exit {code}"] += 1
    seen.grew(verb, peak - usual, file.kind)
    if code not in (0, 2, 3) or "Traceback" in said or (code == 2 and not said.strip()):
        seen.faults.append(f"{verb} of {file.kind}: exit {code}, {said.strip()[-200:]}")
