"""Nothing phones home: train, serve, monitor and renew where there is loopback alone, and nobody so much as tries to leave it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import cut_off
import journey

pytestmark = pytest.mark.servers
TESTS = Path(__file__).parents[1]
LONGEST_SECONDS = 1_500

# What tries to leave, and where to.
LEAVING = {
    "a TCP connect": ("import urllib.request as u; u.urlopen('http://192.0.2.1/', timeout=1)", "connect", "192.0.2.1 port 80"),
    "a connect by IPv6": (
        "import socket as s; s.socket(s.AF_INET6, s.SOCK_STREAM).connect(('2001:db8::1', 443))",
        "connect",
        "2001:db8::1 port 443",
    ),
    "a UDP datagram": (
        "import socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM).sendto(b'x', ('198.51.100.7', 8125))",
        "sendto",
        "198.51.100.7 port 8125",
    ),
    "a message": (
        "import socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM).sendmsg([b'x'], [], 0, ('198.51.100.7', 4317))",
        "sendmsg",
        "198.51.100.7 port 4317",
    ),
    "a thread": (
        "import socket as s, threading as t; a = t.Thread(target=lambda: s.socket().connect(('192.0.2.2', 443))); a.start(); a.join()",
        "connect",
        "192.0.2.2 port 443",
    ),
    "a child": (
        "import subprocess as p, sys; p.run([sys.executable, '-c', \"import socket; socket.socket().connect(('192.0.2.3', 443))\"])",
        "connect",
        "192.0.2.3 port 443",
    ),
}
LOOKING_UP = {
    "a name": "import urllib.request as u; u.urlopen('http://example.org', timeout=1)",
    "a resolver on loopback": "import socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM).sendto(b'x', ('127.0.0.53', 53))",
}
STAYING = """
import os, socket, tempfile
listening = socket.create_server(("127.0.0.1", 0))
for host in ("127.0.0.1", "localhost", "0.0.0.0"):
    socket.create_connection((host, listening.getsockname()[1])).close()
deceiving = b'{sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}'
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(deceiving, ("127.0.0.1", 9))
socket.if_nameindex()
near = os.path.join(tempfile.mkdtemp(), "near")
there = socket.socket(socket.AF_UNIX)
there.bind(near)
there.listen()
socket.socket(socket.AF_UNIX).connect(near)
"""


@pytest.fixture(scope="module", autouse=True)
def _possible() -> None:
    if reason := cut_off.why_not():
        pytest.skip(f"NOT TESTED, that nothing phones home: {reason}")


def watched(folder: Path, words: list[str], **environment: str) -> tuple[list[cut_off.Attempt], int]:
    """What a command tried, and what the kernel had no route for meanwhile."""
    trace = folder / "trace"
    count = [sys.executable, "-c", "import cut_off; print(cut_off.routeless())"]
    script = '"$@" >/dev/null 2>&1; exec ' + " ".join(f"'{word}'" for word in count)
    given = {**os.environ, "PYTHONPATH": str(TESTS), **environment}
    both = cut_off.cut_off(["sh", "-c", script, "sh", *cut_off.traced(words, trace)])
    done = subprocess.run(both, capture_output=True, text=True, timeout=60, check=True, cwd=folder, env=given)
    return cut_off.attempts("here", trace), int(done.stdout)


@pytest.mark.parametrize("what", LEAVING)
def test_who_leaves_is_seen_and_named(what: str, tmp_path: Path) -> None:
    code, call, address = LEAVING[what]
    found, refused = watched(tmp_path, [sys.executable, "-c", code])
    assert [(one.call, one.address) for one in found] == [(call, address)]
    assert found[0].process.startswith(sys.executable)
    assert refused == 1, "the kernel saw it as well"


@pytest.mark.parametrize("what", LOOKING_UP)
def test_who_looks_up_a_name_is_seen(what: str, tmp_path: Path) -> None:
    found, _ = watched(tmp_path, [sys.executable, "-c", LOOKING_UP[what]])
    assert found
    assert {one.address.partition(" ")[2] for one in found} == {"port 53 (to look up a name)"}


def test_who_stays_is_not_accused(tmp_path: Path) -> None:
    done = tmp_path / "done"
    assert watched(tmp_path, [sys.executable, "-c", f"{STAYING}\nopen({str(done)!r}, 'w')"]) == ([], 0)
    assert done.exists()


def test_what_a_verb_does_on_the_way_is_seen(tmp_path: Path) -> None:
    """A library that is imported by the command line, and calls its makers."""
    (tmp_path / "sitecustomize.py").write_text("import socket\ntry: socket.create_connection(('192.0.2.9', 443))\nexcept OSError: pass\n")
    bare = journey.bare_environment(tmp_path)
    path = f"{tmp_path}:{TESTS}:{bare['PYTHONPATH']}"
    found, _ = watched(tmp_path, journey.verb_command("simulate", "bank.csv", "--rows", 300), **{**bare, "PYTHONPATH": path})
    assert (tmp_path / "bank.csv").exists()
    (said,) = map(str, found)
    assert said.startswith(f"here: connect to 192.0.2.9 port 443 by {sys.executable} -m tidegate simulate bank.csv")


def test_nothing_leaves_on_the_way_from_a_table_to_a_renewal(tmp_path: Path) -> None:
    """An account that set nothing: no switch of any library, no address of ours."""
    paths = os.pathsep.join([str(TESTS), journey.bare_environment(tmp_path)["PYTHONPATH"]])
    travelled = subprocess.run(
        cut_off.cut_off([sys.executable, journey.__file__, str(tmp_path)]),
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    traces = sorted((tmp_path / "traces").iterdir())
    found = [attempt for trace in traces for attempt in cut_off.attempts(trace.name.partition("-")[2], trace)]
    assert found == [], "\n".join(["somebody tried to leave:", *dict.fromkeys(map(str, found))])
    assert travelled.returncode == 0, travelled.stderr
    verbs = {trace.name.partition("-")[2] for trace in traces}
    assert verbs == {"simulate", "train", "run", "score", "monitor", "renew", "watch", "verify"}
    assert (tmp_path / "routeless").read_text() == "0", "the kernel had no route for what no trace shows"
    # MLflow and ONNX Runtime leave a number of this installation behind once their telemetry was on for a moment
    left = [path for place in ("account", "temporary") for path in (tmp_path / place).rglob("*") if path.is_file()]
    assert [str(path.relative_to(tmp_path)) for path in left if "matplotlib" not in path.parts] == []
