"""A backup while everything runs, everything removed, and the same again from the backup: rows, hashes, objects, the model, the keys."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from platform_bank import bank_bodies
from platform_stack import API, OPERATE, Stack, rows

pytestmark = pytest.mark.platform

OBJECTS = """
import boto3, hashlib, json, sys
from botocore.config import Config
client = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
found = {}
for bucket in ("models", "mlflow"):
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for one in page.get("Contents", []):
            body = client.get_object(Bucket=bucket, Key=one["Key"])
            found[bucket + "/" + one["Key"]] = [hashlib.sha256(body["Body"].read()).hexdigest(), body["Metadata"]]
print(json.dumps(found))
"""


def digest_of_ledger(stack: Stack) -> str:
    """Of every prediction and outcome, in order, as the database writes them."""
    told = stack.sql("ledger", "SELECT p::text FROM predictions p ORDER BY prediction_id") + stack.sql(
        "ledger", "SELECT o::text FROM outcomes o ORDER BY 1"
    )
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def objects(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stack.compose("run", "--rm", "-T", "--no-deps", "setup", "python", "-c", OBJECTS).splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def before(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What there is, and a backup of it in `backup`."""
    bodies = bank_bodies(stack, tmp_path_factory.mktemp("bank"), 200, 51)
    with stack.client(API, "score") as client:
        client.post("/predict-batch", json={"customers": bodies}).raise_for_status()
    folder = tmp_path_factory.mktemp("backups") / "today"
    with stack.client(OPERATE, "operate") as desk, stack.client(OPERATE, "erase") as eraser:
        kept = {
            "ledger": rows(stack, "ledger"), "mlflow": rows(stack, "mlflow"), "digest": digest_of_ledger(stack), "objects": objects(stack),
            "models": desk.get("/models").raise_for_status().json(), "backup": folder, "forgotten": bodies[0]["customer_id"],
        }  # fmt: skip
        said = stack.make("backup", f"TO={folder}")
        assert "encrypt it" in said.stdout.decode()
        eraser.delete(f"/customers/{kept['forgotten']}", params={"reason": "asked for it after the backup"}).raise_for_status()
    register = folder.with_name("erasures.jsonl")
    register.write_text(stack.inside("worker", "cat", "/srv/tidegate/home/secrets/erasures.jsonl"))
    return {**kept, "register": register}


def test_a_backup_is_whole_and_its_owner_s_alone(stack: Stack, before: dict[str, Any]) -> None:
    folder: Path = before["backup"]
    assert folder.stat().st_mode & 0o777 == 0o700
    sums = (folder / "SHA256SUMS").read_text()
    assert {line.split("  ./", 1)[1] for line in sums.splitlines()} == {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != "SHA256SUMS"
    }
    assert stack.make("backup", f"TO={folder}", check=False).returncode == 2, "a folder that is there is not written over"
    assert not folder.with_name("today.part").exists()


def test_a_platform_that_is_there_is_not_restored_over_and_a_damaged_backup_not_at_all(stack: Stack, before: dict[str, Any]) -> None:
    done = stack.make("restore", f"FROM={before['backup']}", check=False)
    assert done.returncode == 2
    assert "There is a platform already" in done.stderr.decode()
    damaged = before["backup"].with_name("damaged")
    shutil.copytree(before["backup"], damaged)
    with (damaged / "models.tar").open("r+b") as file:
        file.seek(2_000)
        file.write(b"\xff")
    done = stack.make("restore", f"FROM={damaged}", check=False)
    assert done.returncode == 2
    assert "is damaged" in done.stderr.decode()


def test_after_everything_is_gone_the_backup_brings_it_back(stack: Stack, before: dict[str, Any]) -> None:
    stack.make("down", "VOLUMES=1")
    shutil.rmtree(stack.secrets)
    # As if a version before Grafana had taken it: what is needed since is made.
    (before["backup"] / "secrets" / "grafana_password").unlink()
    sums = (before["backup"] / "SHA256SUMS").read_text().splitlines(keepends=True)
    (before["backup"] / "SHA256SUMS").write_text("".join(line for line in sums if "grafana_password" not in line))
    stack.make("restore", f"FROM={before['backup']}")
    assert (stack.secrets / "grafana_password").stat().st_size > 16
    found = rows(stack, "ledger")
    # The trail has one event more, which says that it was restored; the backup's own was written after the copy.
    assert found.pop("events") == before["ledger"]["events"] + 1
    assert found == {table: count for table, count in before["ledger"].items() if table != "events"}
    assert digest_of_ledger(stack) == before["digest"]
    assert rows(stack, "mlflow") == before["mlflow"]
    assert objects(stack) == before["objects"]
    with stack.client(OPERATE, "operate") as desk:
        assert desk.get("/models").raise_for_status().json() == before["models"]
        said = desk.get("/verify", params={"sample": 100}).raise_for_status().json()
        assert said["events"] == "ok", said
        assert desk.get(f"/customers/{before['forgotten']}").status_code == 200, "who was erased after the backup is in it"


def test_with_the_register_that_was_kept_elsewhere_who_was_erased_since_stays_erased(stack: Stack, before: dict[str, Any]) -> None:
    stack.make("down", "VOLUMES=1")
    stack.make("restore", f"FROM={before['backup']}", f"ERASURES={before['register']}")
    with stack.client(OPERATE, "operate") as desk:
        assert desk.get(f"/customers/{before['forgotten']}").status_code == 404
        assert desk.get("/verify").raise_for_status().json()["events"] == "ok"
    assert rows(stack, "ledger")["predictions"] < before["ledger"]["predictions"]
