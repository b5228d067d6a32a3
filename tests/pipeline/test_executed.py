"""The Jenkinsfile with real verbs on a small simulated bank. What needs an engine is recorded here."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from pipelines import CREDENTIALS, TOP, Execution, checkout, execute

pytestmark = pytest.mark.pipeline

MOVED = ("Customer_Age", "Total_Trans_Amt", "Total_Trans_Ct", "Months_Inactive_12_mon", "Contacts_Count_12_mon")
# In place of the whole suite, which this test is part of; and of what needs an engine.
INSTEAD = [
    {"match": "make test", "run": ".venv/bin/pytest tests/unit/test_disk.py"},
    *({"match": verb, "status": 0} for verb in ("make image", "make push", "make release", "make health", "make smoke")),
]


def environment(folder: Path, workspace: Path) -> dict[str, str]:
    return {
        "PYTHONPATH": str(workspace / "src"),
        "TIDEGATE_HOME": str(folder / "home"),
        "TIDEGATE_REPORTS_TO": str(folder / "published"),
        "TIDEGATE_SIMULATED_ROWS": "2500",
        "TIDEGATE_RENEWAL_BUDGET": "quick",
        "TIDEGATE_RENEWAL_ALGORITHMS": "logistic_regression",
        "ALGORITHMS": "logistic_regression",
    }


def without_labels(path: Path) -> None:
    """Nobody knows yet who of them left, so a renewal has to wait."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = [name for name in rows[0] if name != "Attrition_Flag"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pipeline")


@pytest.fixture(scope="module")
def workspace(folder: Path) -> Path:
    if not (TOP / "build" / "tools" / "ready").exists():
        pytest.skip("build/tools is not here: make test-pipeline makes it")
    (folder / "workspace").mkdir()
    return checkout(folder / "workspace")


@pytest.fixture(scope="module")
def drifted(folder: Path, workspace: Path) -> Execution:
    """A first build: a simulated bank's model, and a batch of customers who moved."""
    batch = folder / "moved.csv"
    words = [word for column in MOVED for word in ("--drift", f"{column}:1.5")]
    command = [sys.executable, "-m", "tidegate", "simulate", str(batch), "--rows", "2000", "--seed", "9", *words]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(workspace / "src")})
    without_labels(batch)
    credentials = {**CREDENTIALS, "ledger-url": {"kind": "text", "value": f"sqlite:///{folder / 'ledger.db'}"}}
    given = {"BATCH": str(batch), "BUDGET": "quick"}
    return execute(workspace, patience=450, params=given, environment=environment(folder, workspace), credentials=credentials, sh=INSTEAD)


def test_the_whole_build_runs_and_a_renewal_that_waits_for_labels_makes_it_unstable(drifted: Execution) -> None:
    assert drifted.result == "UNSTABLE", drifted.printed[-4000:]
    assert drifted.stages["Model/Renew"] == "UNSTABLE"
    codes = {call["script"]: call["status"] for call in drifted.calls}
    assert (codes["deploy/pipeline/verb monitor"], codes["deploy/pipeline/verb renew"]) == (3, 3)
    assert {code for script, code in codes.items() if "verb" not in script} == {0}
    assert drifted.ran("make smoke")


def test_what_the_stages_leave(drifted: Execution, folder: Path, workspace: Path) -> None:
    out = workspace / "build" / "delivery"
    said = json.loads((out / "report.json").read_text())
    assert said["result"] == "UNSTABLE"
    assert said["monitor"]["health"] == "FAIL"
    assert said["register"]["model_version"] == "1"
    assert said["renew"]["decision"] == "refused"
    assert said["components"]["locked"] > 50
    assert (folder / "ledger.db").exists()  # what the credential named is what was used
    with tarfile.open(out / "reports.tar.gz") as archive:
        assert sum(name.endswith("/drift_tests.json") for name in archive.getnames()) == 1
    published = folder / "published" / "reports"
    assert published.is_symlink()
    assert (published / "index.html").read_bytes() == (folder / "home" / "reports" / "index.html").read_bytes()
    page = (out / "report.html").read_text()
    assert "UNSTABLE" in page
    assert "<script" not in page
    assert {"build/delivery/reports.tar.gz", "build/delivery/report.html", "build/delivery/sbom/locked.cdx.json"} <= set(drifted.archived)


def test_a_second_build_without_drift_is_a_success(drifted: Execution, folder: Path, workspace: Path) -> None:
    recorded = [
        {"match": "make register", "status": 0},
        {"match": "make sbom", "run": "mkdir -p build/delivery/sbom; touch build/delivery/sbom/a.json"},
    ]
    credentials = {**CREDENTIALS, "ledger-url": {"kind": "text", "value": f"sqlite:///{folder / 'ledger.db'}"}}
    # The newest file of the inbox is the simulated one, from the bank that the model knows.
    done = execute(workspace, patience=300, environment=environment(folder, workspace), credentials=credentials, sh=[*recorded, *INSTEAD])
    assert done.result == "SUCCESS", done.printed[-4000:]
    assert done.stages["Model/Renew"] == "SKIPPED"


def test_a_batch_that_is_not_there_is_red(drifted: Execution, folder: Path, workspace: Path) -> None:
    recorded = [{"match": verb, "status": 0} for verb in ("make environment", "make register")]
    given = {"BATCH": str(folder / "nowhere.csv")}
    done = execute(workspace, patience=200, params=given, environment=environment(folder, workspace), sh=[*recorded, *INSTEAD])
    assert (done.result, done.stages["Model/Drift monitoring"]) == ("FAILURE", "FAILURE")
    assert "make monitor ended with 2" in done.printed
    assert not done.ran("make push")


def test_a_secret_in_the_tree_is_red(workspace: Path) -> None:
    planted = workspace / "src" / "tidegate" / "planted.py"
    planted.write_text('AWS = "AKIA' + "Q3EGRMVHKD7J5W2X" + '"\n')
    recorded = [
        {"match": verb, "status": 0}
        for verb in ("make environment", "verb", "make reports", "make register", "make sbom", "make build-report")
    ]
    for name in ("build/delivery/reports.tar.gz", "build/delivery/sbom/a.json"):
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).touch()
    try:
        done = execute(workspace, patience=200, sh=[*recorded, *INSTEAD])
    finally:
        planted.unlink()
    assert (done.result, done.stages["Secrets scan"]) == ("FAILURE", "FAILURE"), done.printed
    assert "src/tidegate/planted.py:1: AWS Access Key" in done.printed
    assert "AKIA" not in done.printed
    assert not done.ran("make push")
