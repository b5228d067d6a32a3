"""A planted person: an id, a value and a text that nobody may find again in logs, metrics, refusals, the registry or a bundle."""

from __future__ import annotations

import csv
import http.client
import io
import json
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commands import tidegate
from databases import Outsider
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home
from trials.ground import QUIET, Ground, Served, served
from trials.verdict import Row, judged

PERSON, VALUE, TEXT = "7730914425", 8123.4567, "Zulmira-Quaresma-xx"
VALUE_COLUMN, TEXT_COLUMN = "credit_limit", "education_level"
# The value as text, and as the bytes in which a model, a histogram or a database would hold it.
SECRETS: Mapping[str, tuple[bytes, ...]] = {
    "id": (PERSON.encode(), struct.pack("<q", int(PERSON)), struct.pack(">q", int(PERSON))),
    "value": (str(VALUE).encode(), struct.pack("<d", VALUE), struct.pack(">d", VALUE), struct.pack("<f", VALUE)),
    "text": (TEXT.encode(), TEXT.encode("utf-16-le")),
}


@dataclass
class Seen:
    """Where secrets were found or the trial itself failed, and how many answers and files were looked through."""

    hits: list[str] = field(default_factory=list)
    requests: int = 0
    looked: int = 0

    def look(self, where: str, content: bytes, secrets: tuple[str, ...] = tuple(SECRETS)) -> None:
        """Note every secret in a content."""
        self.looked += 1
        self.hits += [f"the {name} is in {where}" for name in secrets if any(form in content for form in SECRETS[name])]


def secret(ground: Ground) -> Iterator[Row]:
    """One row."""
    home, seen = ground.home("secret"), Seen()
    table = _planted_table(ground)
    with served(home, ground.folder / "secret.log") as server:
        _ask_everything(server, ground, table, seen)
        seen.look("/metrics", _call(server, "GET", "/metrics")[1])
    seen.look("the log of the server", (ground.folder / "secret.log").read_bytes())
    _commands(ground, home, table, seen)
    _look_through(home, seen)
    measured = f"{seen.requests} requests, 4 commands; {seen.looked} answers, logs and files looked through, {len(seen.hits)} hits"
    yield judged("planted secret", "0 hits in logs, metrics, error bodies, MLflow, bundles; no id in the ledger", measured, seen.hits)


def _planted_table(ground: Ground) -> Path:
    """The table that the home learned from, with the person's valid row, and a row that is refused because of the text."""
    place = ground.folder / "planted.csv"
    source = ground.folder / "secret-base.csv"
    write_simulated(source, ground.sizes.trained_rows, seed=3)
    with source.open(newline="") as read, place.open("w", newline="") as written:
        rows = list(csv.DictReader(read))
        person = {**rows[0], "CLIENTNUM": PERSON, "Credit_Limit": str(VALUE)}
        refused = {**rows[1], "CLIENTNUM": PERSON[::-1], "Education_Level": TEXT}
        writer = csv.DictWriter(written, list(rows[0]))
        writer.writeheader()
        writer.writerows([*rows, person, refused])
    return place


def _ask_everything(server: Served, ground: Ground, table: Path, seen: Seen) -> None:
    good = {**ground.customers()[0], VALUE_COLUMN: VALUE, "customer_id": PERSON}
    bad = {**good, TEXT_COLUMN: TEXT}
    worse: list[dict[str, Any]] = [
        bad,
        {**good, VALUE_COLUMN: str(VALUE)},
        {**good, VALUE_COLUMN: -VALUE},
        {**good, "customer_id": [PERSON]},
        {**good, "customer_age": TEXT},
        {**good, "customer_age": VALUE},
        {**good, "customer_id": PERSON * 40},
        {VALUE_COLUMN: VALUE},
        {"customer_id": PERSON},
    ]
    heard = {"customer_id": PERSON, "heard": "other", "note": TEXT}
    bodies: dict[str, list[object]] = {
        "/predict": [good, *worse, [good], TEXT],
        "/explain": [good, *worse],
        "/predict?reasons=3": [good, *worse[:2]],
        f"/predict?reasons={TEXT}": [good],
        "/predict-batch": [{"customers": [good, *worse]}, {"customers": TEXT}, {"customers": [good], TEXT_COLUMN: TEXT}, good],
        "/predict-batch?reasons=2": [{"customers": [good, bad]}],
        "/outcomes": [
            {"outcomes": [{"customer_id": one, "outcome": said} for one, said in ((PERSON, 1), (PERSON, TEXT), (PERSON[::-1], 0))]},
            {"outcomes": [{"customer_id": PERSON, "outcome": 0, "observed_at": TEXT}]},
            {"outcomes": TEXT},
            {"outcomes": [{"customer_id": PERSON, "outcome": 0}, {"customer_id": PERSON, "outcome": 1}]},
        ],
        "/feedback": [
            heard,
            {**heard, "heard": TEXT},
            {**heard, "at": TEXT},
            {**heard, "prediction_id": PERSON},
            {**heard, "note": TEXT * 9_999},
        ],
    }
    for path, several in bodies.items():
        for body in several:
            _asked(server, seen, path, json.dumps(body).encode(), "application/json")
        sample = json.dumps(several[0])
        for broken in (sample[:-1], sample.replace(":", ":NaN,", 1), sample + TEXT, f'{{"customer_id": "{PERSON}", "customer_id": 1}}'):
            _asked(server, seen, path, broken.encode(), "application/json")
        _asked(server, seen, path, sample.encode(), "text/plain")
    for path in (f"/customers/{PERSON}", f"/predict/{TEXT}", f"/?id={PERSON}", f"/metrics?x={TEXT}", f"/{VALUE}"):
        _asked(server, seen, path, None, "")
    _asked(server, seen, f"/{PERSON}", b"{}", "application/json")
    _asked(server, seen, "/predict", json.dumps(good).encode(), "application/json", {"Idempotency-Key": "k1"})
    _asked(server, seen, "/predict", json.dumps({**good, VALUE_COLUMN: 2 * VALUE}).encode(), "application/json", {"Idempotency-Key": "k1"})
    _asked(server, seen, "/predict", json.dumps(good).encode(), "application/json", {"Idempotency-Key": f"{TEXT}\x7f"})
    _uploads(server, table, seen)


def _uploads(server: Served, table: Path, seen: Seen) -> None:
    content = table.read_bytes()
    lines = content.splitlines(keepends=True)
    header, refused, person = lines[0], lines[-1], lines[-2]
    spoilt = [content, header + refused, content + f'"{TEXT}'.encode(), header.replace(b"Gender", TEXT.encode()) + person]
    spoilt += [
        content[: len(content) // 2],
        b"PAR1" + content,
        content.replace(b",", b"\0", 3),
        header + (person + refused) * 3 + TEXT.encode(),
    ]
    for one in spoilt:
        form = b'--x-x\r\nContent-Disposition: form-data; name="file"; filename="t.csv"\r\n\r\n' + one + b"\r\n--x-x--\r\n"
        _asked(server, seen, "/predict-csv", form, "multipart/form-data; boundary=x-x")
    _asked(server, seen, "/predict-csv", content, "multipart/form-data; boundary=x-x")
    _asked(server, seen, "/predict-csv", content, "text/csv")


def _asked(server: Served, seen: Seen, path: str, body: bytes | None, kind: str, headers: dict[str, str] | None = None) -> None:
    """Ask; a refusal is looked through. An answer of 200 is the caller's own, who sent the person."""
    given = {} if body is None else {"Content-Type": kind, **(headers or {})}
    status, said = _call(server, "GET" if body is None else "POST", path, body, given)
    seen.requests += 1
    if status == 0 or status >= 500:
        seen.hits.append(f"{path.split('?')[0]} answered {status or 'nothing'}")
    if status != 200 or body is None:
        seen.look(f"the {status} of {path.split('?')[0].replace(TEXT, '…').replace(PERSON, '…')}", said)
    elif path.startswith(("/predict-batch", "/outcomes")):
        seen.look(f"what {path} rejects", json.dumps(json.loads(said.split(b"\n", 1)[0]).get("rejected", [])).encode())


def _call(server: Served, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, b"\n".join([response.read(), *(f"{name}: {value}".encode() for name, value in response.getheaders())])
    except (OSError, http.client.HTTPException) as error:
        return 0, type(error).__name__.encode()
    finally:
        connection.close()


def _commands(ground: Ground, home: Home, table: Path, seen: Seen) -> None:
    folder = ground.folder
    wrong = folder / "wrong.csv"
    wrong.write_bytes(table.read_bytes() + f'{PERSON},"{TEXT}'.encode())
    outcomes = folder / "outcomes.csv"
    outcomes.write_text(f"customer_id,outcome\n{PERSON},1\n{PERSON},{TEXT}\n")
    at = ("--home", home.root)
    for words in (
        ("train", table, "--spec", "bank", "--budget", "quick", "--algorithms", "logistic_regression,lightgbm", *at),
        ("score", table, folder / "secret-scored.csv", *at),
        ("score", wrong, folder / "secret-wrong.csv", *at),
        ("outcomes", outcomes, *at),
    ):
        for as_json in ((), ("--json",)) if words[0] != "train" else ((),):
            done = tidegate(*words, *as_json, environment=QUIET)
            seen.hits += [] if done.returncode in (0, 2) else [f"`tidegate {words[0]}` ended with {done.returncode}"]
            seen.look(f"what `tidegate {words[0]}` says", (done.stdout + done.stderr).encode())
    for kept in folder.glob("secret-*.quarantine.csv"):
        seen.look("a quarantine file beside a scored one", kept.read_bytes())


def _look_through(home: Home, seen: Seen) -> None:
    """Everything below the home but what is there to hold rows: the ledger's `row` and `note`."""
    for path in sorted(home.root.rglob("*")):
        if path.is_file() and not path.name.startswith("ledger.db"):
            content = path.read_bytes()
            seen.look(str(path.relative_to(home.root)), content)
            if path.suffix == ".npz":
                seen.look(f"{path.relative_to(home.root)}, unpacked", _unpacked(content))
    for path in home.root.glob("ledger.db*"):
        seen.look(path.name, path.read_bytes(), ("id",))
    with closing(Outsider(f"sqlite:///{home.ledger}")) as outsider:
        if not outsider.execute('SELECT 1 FROM predictions WHERE "row" LIKE ? LIMIT 1', (f"%{VALUE}%",)).fetchall():
            seen.hits.append("the ledger has no row of the person, so nothing was tried")
        for name in ("events", "outcomes", "campaigns", "assignments"):
            rows = outsider.execute(f"SELECT * FROM {name}").fetchall()
            seen.look(f"the ledger's {name}", json.dumps(rows, default=str).encode())


def _unpacked(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"\n".join(archive.read(name) for name in archive.namelist())
