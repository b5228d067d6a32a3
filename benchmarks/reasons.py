"""What reasons cost a serving process: memory, the first one, the next ones, beside plain predictions.

    python benchmarks/reasons.py --home HOME [--requests 200]

HOME holds a champion; it is copied, so that nothing is written to it. Times are of whole requests over one connection each.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from load import cpu_seconds, resident_mebibytes
from tidegate.bundle.champion import champion_pointer
from tidegate.bundle.manifest import read_json, read_manifest
from tidegate.storage.files import Folder


def post(url: str, document: object) -> float:
    """Send a document; seconds until it is answered with 200."""
    began = time.perf_counter()
    request = urllib.request.Request(url, json.dumps(document).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as response:
        response.read()
    return time.perf_counter() - began


def measure(url: str, pid: int, customers: list[object], requests: int) -> None:
    def asked(path: str) -> str:
        before = cpu_seconds(pid)
        seconds = [post(url + path, customers[place % len(customers)]) for place in range(requests)]
        cpu = (cpu_seconds(pid) - before) / requests * 1e6
        return (
            f"median {statistics.median(seconds) * 1e3:6.2f} ms, CPU {cpu:7.0f} µs a request, resident {resident_mebibytes(pid):6.1f} MiB"
        )

    print(f"at start                 resident {resident_mebibytes(pid):6.1f} MiB")
    print(f"/predict                 {asked('/predict')}")
    print(f"first /predict?reasons=3 {post(url + '/predict?reasons=3', customers[0]) * 1e3:6.0f} ms, {resident_mebibytes(pid):.1f} MiB")
    print(f"/predict?reasons=3       {asked('/predict?reasons=3')}")
    print(f"/explain                 {asked('/explain')}")
    seconds = post(f"{url}/predict-batch?reasons=3", {"customers": (customers * 96)[:96]})
    print(f"a batch of 96            {seconds * 1e3:.0f} ms, resident {resident_mebibytes(pid):.1f} MiB")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--home", type=Path, required=True)
    options.add_argument("--requests", type=int, default=200)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        shutil.copytree(chosen.home, home, ignore=shutil.ignore_patterns("mlflow", "data"))
        pointer = champion_pointer(Folder(home / "storage"))
        bundle = home / "storage" / "bundles" / pointer.version
        manifest, golden = read_manifest(bundle), read_json(bundle / "golden.json")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "tidegate", "verify", "--home", str(home)]
        subprocess.run(command, check=False, capture_output=True)  # an older ledger is migrated here, not in the server that is measured
        began = time.perf_counter()
        command = [sys.executable, "-m", "tidegate", "serve", "--home", str(home), "--port", str(port), "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            members = ", ".join(member.name for member in manifest.members)
            print(f"{manifest.algorithm} ({members}), ready after {time.perf_counter() - began:.2f} s")
            measure(url, process.pid, golden["rows"], chosen.requests)  # type: ignore[index]
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
