"""What a user does, from no table to a renewal, in the namespace that `cut_off` makes: `python tests/journey.py FOLDER`.

Each verb is a process of its own with next to no environment, on its default ports, and writes whom it called to FOLDER/traces. What goes
wrong ends the journey. Apart from the traces it leaves `routeless`: what the kernel had no route for.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

import tidegate
from commands import call, customers
from cut_off import routeless, traced
from e2e.test_operate import form
from receivers import Web

PAGES = ("overview", "customer", "file", "campaign", "models", "monitoring", "experiment")
DRIFT = ("Total_Trans_Ct", "Credit_Limit", "Customer_Age", "Total_Trans_Amt")
SMALL = {"TIDEGATE_RENEWAL_BUDGET": "quick", "TIDEGATE_RENEWAL_ALGORITHMS": "logistic_regression,lightgbm"}
PATIENCE_SECONDS = 600


def verb_command(*words: object) -> list[str]:
    return [sys.executable, "-m", "tidegate", *map(str, words), "--json"]


def bare_environment(folder: Path) -> dict[str, str]:
    """What a user has who set nothing, in an account of their own below `folder`."""
    account, temporary = folder / "account", folder / "temporary"
    for made in (account, temporary):
        made.mkdir(exist_ok=True)
    source = Path(tidegate.__file__).parents[1]
    return {"PATH": "/usr/bin:/bin", "HOME": str(account), "TMPDIR": str(temporary), "PYTHONPATH": str(source)}


class Journey:
    """A folder in which verbs are called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._traces = folder / "traces"
        self._traces.mkdir()

    def asked(self, code: int, *words: object, **environment: str) -> dict[str, Any]:
        """What a verb answers, which ends with this code."""
        given = {**bare_environment(self.folder), **environment}
        done = subprocess.run(self._command(*words), capture_output=True, text=True, check=False, cwd=self.folder, env=given)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    @contextmanager
    def running(self, *words: object) -> Iterator[dict[str, Any]]:
        """What a long-running verb says when it is ready; stopped in order at the end of the block."""
        with (self.folder / f"{words[0]}.log").open("w") as log:
            process = subprocess.Popen(
                self._command(*words), stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.folder, env=bare_environment(self.folder)
            )
            assert process.stdout is not None
            try:
                line = process.stdout.readline()
                assert line, Path(log.name).read_text()
                yield json.loads(line)
            finally:
                # strace does not pass a signal on
                for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
                    os.kill(int(child), signal.SIGINT)
                assert process.wait(PATIENCE_SECONDS) == 0, Path(log.name).read_text()

    def _command(self, *words: object) -> list[str]:
        name = f"{len(list(self._traces.iterdir())):02}-{words[0]}"
        return traced(verb_command(*words), self._traces / name)


def travel(folder: Path) -> None:
    """All of it."""
    journey = Journey(folder)
    batch = folder / f"prod_batch_{datetime.now(UTC) - timedelta(days=40):%Y-%m-%d}.csv"
    moved = [word for column in DRIFT for word in ("--drift", f"{column}:0.6")]
    journey.asked(0, "simulate", "bank.csv", "--rows", 1_500, "--seed", 3)
    journey.asked(0, "simulate", batch, "--rows", 1_500, "--seed", 9, "--base-rate", 0.3, *moved)

    trained = journey.asked(0, "train", "bank.csv", "--spec", "bank", "--budget", "quick")
    assert (trained["model_version"], trained["stage"]) == ("1", "champion")
    # It draws who is reserved, and with that what the renewal finds.
    secrets = folder / "tidegate-home" / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    (secrets / "customer.key").write_bytes(bytes(range(32)))
    with journey.running("run") as ready:
        score(ready["urls"]["api"], batch)
        operate(ready["urls"]["operate"], batch)
        assert b"<title>" in call(ready["urls"]["reports"])[1]
        for page in PAGES:
            visit(ready["urls"]["ui"], page)
    assert journey.asked(0, "score", batch, "scored.csv")["rows"] == 1_500

    channel = Web()
    told = {"TIDEGATE_ALERT_CHANNELS": f"json://127.0.0.1:{channel.port}"}
    found = journey.asked(3, "monitor", batch, **told)
    assert found["health"] == "FAIL"
    pages = sorted(path.name for path in Path(found["report_dir"]).glob("*_report.html"))
    assert pages == ["monitoring_report.html", "performance_report.html"]
    # a picture of Evidently's, not a page that says why there is none
    assert all((Path(found["report_dir"]) / name).stat().st_size > 1 << 20 for name in pages), found["warnings"]
    renewed = journey.asked(3, "renew", **SMALL)
    assert (renewed["decision"], renewed["challenger"]) == ("held", "2"), renewed
    journey.asked(0, "watch", "--once", "--no-renew", **told)
    channel.close()
    assert channel.got, "no alert was told"
    journey.asked(0, "verify")


def score(api: str, table: Path) -> None:
    """Every way to be scored, what is known later, and the documentation."""
    one, *more = customers(table)[:20]
    with table.open(newline="") as file:
        known = [{"customer_id": row["CLIENTNUM"], "outcome": 1} for row in csv.DictReader(file)][:20]
    upload = form({}, ("new.csv", table.read_bytes()))
    for path, body, kind in (
        ("/predict?reasons=3", {**one, "customer_id": known[0]["customer_id"]}, "application/json"),
        ("/predict-batch", {"customers": more}, "application/json"),
        ("/predict-csv", upload, "multipart/form-data; boundary=x"),
        ("/explain", one, "application/json"),
        ("/outcomes", {"outcomes": known}, "application/json"),
    ):
        status, answer = call(api + path, body, kind)
        assert status == 200, (path, answer)
    for path in ("/ready", "/model-info", "/features", "/metrics", "/docs", "/openapi.json"):
        assert call(api + path)[0] == 200, path


def operate(api: str, batch: Path) -> None:
    for path in ("/models", "/history", "/renewals", "/experiments", "/campaigns", "/monitoring", "/alerts", "/metrics", "/docs"):
        assert call(api + path)[0] == 200, path


def visit(pages: str, page: str) -> None:
    """A page as a browser asks for it: drawn to its end, without an exception; the browser is told to report to nobody."""
    drawn: list[ForwardMsg] = []
    with connect(f"ws{pages.removeprefix('http')}/_stcore/stream", subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
        socket.send(BackMsg(rerun_script=ClientState(page_name=page)).SerializeToString())
        while not drawn or drawn[-1].WhichOneof("type") != "script_finished":
            drawn.append(ForwardMsg.FromString(socket.recv(PATIENCE_SECONDS)))  # type: ignore[arg-type]
    elements = [one.delta.new_element for one in drawn if one.WhichOneof("type") == "delta"]
    assert [one.exception.message for one in elements if one.WhichOneof("type") == "exception"] == [], page
    assert any(one.WhichOneof("type") == "heading" for one in elements), page
    told = [one.new_session.config.gather_usage_stats for one in drawn if one.WhichOneof("type") == "new_session"]
    assert told == [False], page


if __name__ == "__main__":
    where = Path(sys.argv[1])
    travel(where)
    (where / "routeless").write_text(str(routeless()))
