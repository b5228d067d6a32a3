"""Reasons as a caller gets them, from a service in a process where no training library can be imported."""

from __future__ import annotations

import csv
import json
import math
import re
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands import running
from ports import free_port
from tidegate.bundle.golden import synthetic_rows
from tidegate.customers.spec import load_spec
from tidegate.home import Home

TOP = Path(__file__).parents[2]
# What learns, tunes, tracks or draws. `onnxruntime` runs a model and is what the scorer needs.
TRAINING = {
    "catboost",
    "empulse",
    "fairlearn",
    "imblearn",
    "lightgbm",
    "matplotlib",
    "mlflow",
    "onnx",
    "optuna",
    "pandas",
    "polars",
    "scipy",
    "shap",
    "sklearn",
    "xgboost",
}
DISTRIBUTIONS = TRAINING | {"imbalanced-learn", "mlflow-skinny", "scikit-learn", "skl2onnx", "xgboost-cpu"}
ALONE = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {sorted(TRAINING)} or name in ("tidegate.training", "tidegate.registry"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from tidegate.cli import main
main()
"""


@pytest.fixture
def url(own_home: Home) -> Iterator[str]:
    with running("serve", "--home", own_home.root, "--port", free_port(), program=("-c", ALONE)) as (_, ready):
        yield ready["url"]


def post(url: str, body: object, key: str = "") -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_service_without_training_libraries_gives_reasons_and_files_agree(url: str, own_home: Home, tmp_path: Path) -> None:
    many = synthetic_rows(load_spec("bank"), seed=21, count=20)
    status, batch = post(f"{url}/predict-batch?reasons=3", {"customers": many})
    assert status == 200
    for customer, in_batch in zip(many, batch["predictions"], strict=True):
        status, one = post(f"{url}/predict?reasons=3", customer)
        assert status == 200
        assert one["reasons"] == in_batch["reasons"]
        assert len(one["reasons"]) == 3
    status, why = post(f"{url}/explain", many[0], key="k")
    assert status == 200
    churn = why["probabilities"]["churn"]
    assert why["base"] + math.fsum(why["contributions"].values()) == pytest.approx(math.log(churn / (1 - churn)), abs=1e-9)
    assert post(f"{url}/explain", many[0], key="k") == (200, why)
    status, refused = post(f"{url}/predict?reasons=many", many[0])
    assert (status, set(refused)) == (422, {"error", "detail", "id"})
    with (tmp_path / "in.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(many[0]))
        writer.writeheader()
        writer.writerows(many)
    words = ["score", tmp_path / "in.csv", tmp_path / "out.csv", "--reasons", "3", "--home", own_home.root, "--json"]
    command = [sys.executable, "-c", ALONE, *map(str, words)]
    scored = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert scored.returncode == 0, scored.stderr
    with (tmp_path / "out.csv").open(newline="") as file:
        for line, one in zip(csv.DictReader(file), batch["predictions"], strict=True):
            assert [line[f"reason_{number}"] for number in (1, 2, 3)] == [reason["sentence"] for reason in one["reasons"]]


def test_the_serve_extra_names_no_training_library() -> None:
    extra = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["optional-dependencies"]["serve"]
    locked = re.findall(r"^([A-Za-z0-9._-]+)==", (TOP / "locks" / "serve.txt").read_text(), flags=re.MULTILINE)
    named = {re.split(r"[<>=\[;~! ]", line, maxsplit=1)[0].lower() for line in [*extra, *locked]}
    assert "onnxruntime" in named
    assert not named & DISTRIBUTIONS
