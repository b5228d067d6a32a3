"""The tutorial, done by the letter on a table that no part of Tidegate knows."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"


def telecom(path: Path, rows: int = 1_200) -> None:
    """Customers of a telephone company; those on monthly contracts with high charges leave."""
    generator = np.random.default_rng(3)
    tenure = generator.integers(0, 73, rows)
    monthly = np.round(generator.uniform(18, 120, rows), 2)
    contract = generator.choice(["Month-to-month", "One year", "Two year"], rows, p=[0.55, 0.2, 0.25])
    risk = -1.5 + 1.8 * (contract == "Month-to-month") + 0.02 * (monthly - 60) - 0.04 * (tenure - 20)
    left = generator.random(rows) < 1 / (1 + np.exp(-risk))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["customerID", "gender", "SeniorCitizen", "tenure", "Contract", "MonthlyCharges", "TotalCharges", "Churn"])
        for row in range(rows):
            total = f"{tenure[row] * monthly[row]:.2f}" if tenure[row] else " "
            gender = "Female" if row % 2 else "Male"
            churn = "Yes" if left[row] else "No"
            writer.writerow([f"C{row:05d}-X", gender, int(row % 7 == 0), tenure[row], contract[row], monthly[row], total, churn])


def commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def test_every_command_of_the_tutorial_works(tmp_path: Path) -> None:
    telecom(tmp_path / "telecom.csv")
    serving = [command for command in commands() if " serve" in command or " run " in command]
    assert len(serving) == 2
    environment = {**os.environ, "TIDEGATE_HOME": str(tmp_path / "home")}
    for command in commands():
        words = command.split()
        assert words[0] == "tidegate"
        if command in serving:
            continue  # they serve until stopped: tests of the command line do that
        call = [sys.executable, "-m", *words]
        answer = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert answer.returncode == 0, f"{command}: {answer.stderr}"
    spec = (tmp_path / "telecom.toml").read_text(encoding="utf-8")
    assert 'positive = "Yes"' in spec
    with (tmp_path / "scored.csv").open(newline="") as file:
        scored = list(csv.DictReader(file))
    assert len(scored) == 1_200
    assert {"churn_probability", "churn_prediction", "model_version"} <= set(scored[0])
    left = [float(row["churn_probability"]) for row in scored if row["Churn"] == "Yes"]
    stayed = [float(row["churn_probability"]) for row in scored if row["Churn"] == "No"]
    assert np.mean(left) > np.mean(stayed) + 0.1
    told = json.loads((tmp_path / "home" / "storage" / "champion.json").read_text())
    assert told["version"] == "1"
