"""Monitoring and renewal where a bank runs them: batches in a bucket (SeaweedFS), the ledger on PostgreSQL, both with passwords."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest

from commands import tidegate
from conftest import TrainedHome
from databases import Postgres
from object_stores import BUCKET, SeaweedFS
from tidegate.customers.simulation.scenario import Drift, Scenario
from tidegate.customers.simulation.write import write_simulated
from tidegate.home import Home

pytestmark = pytest.mark.servers

MOVED = ("Total_Trans_Ct", "Credit_Limit", "Customer_Age", "Total_Revolving_Bal", "Total_Trans_Amt")
DRIFTED = Scenario(drift=tuple(Drift(name, 0.8) for name in MOVED))


def asked(code: int, home: Home, environment: dict[str, str], *words: object) -> dict[str, Any]:
    done = tidegate(*words, "--home", home.root, "--json", environment=environment)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def batch(folder: Path, name: str, seed: int, scenario: Scenario | None = None) -> tuple[bytes, pa.Table]:
    """A batch without labels as CSV, and the whole table."""
    path = folder / name
    write_simulated(path, 600, seed, **({"scenario": scenario} if scenario else {}))
    table = pyarrow.csv.read_csv(path)
    pyarrow.csv.write_csv(table.drop_columns(["Attrition_Flag"]), path)
    return path.read_bytes(), table


def test_batches_of_a_bucket_with_outcomes_on_postgres(trained: TrainedHome, store: SeaweedFS, postgres: Postgres, tmp_path: Path) -> None:
    shutil.copytree(trained.home.root, tmp_path / "home")
    home, client = Home(tmp_path / "home"), store.client()
    environment = store.environment("unused")
    environment.pop("TIDEGATE_STORAGE_URL")
    environment |= {"TIDEGATE_INBOX_URL": f"s3://{BUCKET}/inbox", "TIDEGATE_LEDGER_URL": postgres.place()}

    empty = tidegate("monitor", "--home", home.root, environment=environment)
    assert empty.returncode == 2
    assert f"There is no batch in s3://{BUCKET}/inbox" in empty.stderr
    assert not asked(0, home, environment, "watch", "--once", "--no-renew")["alarm"]
    client.put_object(Bucket=BUCKET, Key="inbox/prod_batch_2020-01-01.csv", Body=b"a,b\n1,2\n")
    assert asked(3, home, environment, "watch", "--once", "--no-renew")["alarm"]
    assert {one["key"] for one in asked(0, home, environment, "alerts")["open"]} == {"data_quality:prod_batch_2020-01-01.csv"}

    seen = datetime.now(UTC) - timedelta(days=40)
    name = f"prod_batch_{seen:%Y-%m-%d}.csv"
    content, table = batch(tmp_path, name, 11)
    client.put_object(Bucket=BUCKET, Key=f"inbox/{name}", Body=content)
    client.put_object(Bucket=BUCKET, Key="inbox/notes.csv", Body=b"no batch")
    first = asked(0, home, environment, "monitor", "--no-pictures")
    assert (first["rows"], first["health"], first["realised"], first["again"]) == (600, "PASS", None, False)
    assert asked(0, home, environment, "alerts")["open"] == []
    assert asked(0, home, environment, "monitor", "--no-pictures")["again"]

    outcomes = tmp_path / "outcomes.csv"
    at = (seen + timedelta(days=10)).isoformat()
    words = zip(table["CLIENTNUM"].to_pylist(), table["Attrition_Flag"].to_pylist(), strict=True)
    rows = [f"{one},{int(said == 'Attrited Customer')},{at}" for one, said in words]
    outcomes.write_text("\n".join(["customer_id,outcome,observed_at", *rows]) + "\n")
    assert asked(0, home, environment, "outcomes", outcomes)["recorded"] == 600
    judged = asked(0, home, environment, "monitor", "--no-pictures")
    assert (judged["realised"]["rows"], judged["again"]) == (600, True)

    later = f"prod_batch_{seen + timedelta(days=20):%Y-%m-%d}.csv"
    client.put_object(Bucket=BUCKET, Key=f"inbox/{later}", Body=batch(tmp_path, later, 12, DRIFTED)[0])
    drifted = asked(3, home, environment, "monitor", "--no-pictures")
    assert (drifted["batch"], drifted["health"]) == (Path(later).stem, "FAIL")
    assert len(drifted["drifted_features"]) > 3
    assert "drift" in {one["kind"] for one in asked(0, home, environment, "alerts")["open"]}
    renewed = asked(3, home, environment, "renew")
    assert (renewed["decision"], renewed["challenger"]) == ("refused", None)
    assert "wait for labels" in renewed["reasons"][0]
