"""The page about campaigns, done by the letter, as processes; what customers do afterwards is drawn from the simulator's truth."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from tidegate.home import Home

TOP = Path(__file__).parents[2]
PAGE = (TOP / "docs" / "campaigns.md").read_text(encoding="utf-8")
ACCEPTANCE = 0.35


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def happen(folder: Path) -> float:
    """Write `left.csv`: would-be leavers who were contacted stay with the acceptance rate. Returns the true uplift."""
    truth = {row["CLIENTNUM"]: float(row["churn_probability"]) for row in read(folder / "customers.truth.csv")}
    generator = np.random.default_rng(1)
    chosen = [(row["CLIENTNUM"], row["arm"]) for name in ("plan.csv", "plan.control.csv") for row in read(folder / name)]
    with (folder / "left.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["CLIENTNUM", "Attrition_Flag"])
        for one, arm in chosen:
            leaves = generator.random() < truth[one] and not (arm == "treated" and generator.random() < ACCEPTANCE)
            writer.writerow([one, "Attrited Customer" if leaves else "Existing Customer"])
    return ACCEPTANCE * float(np.mean([truth[one] for one, _ in chosen]))


def test_every_command_of_the_page_works_and_the_proof_holds_the_truth(own_home: Home, tmp_path: Path) -> None:
    environment = {**os.environ, "TIDEGATE_HOME": str(own_home.root)}

    def call(command: str) -> str:
        words = [sys.executable, "-m", *command.split()]
        answer = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert answer.returncode == 0, f"{command}: {answer.stderr}"
        return answer.stdout

    (prices,) = blocks("toml")
    (tmp_path / "priced.toml").write_text((TOP / "src/tidegate/specs/bank.toml").read_text() + "\n" + prices)
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert [command.split()[1] for command in commands] == ["simulate", "score", "campaign", "outcomes", "campaign"]
    for command in commands[:3]:
        call(command)
    uplift = happen(tmp_path)
    assert "outcomes recorded from" in call(commands[3])
    assert "proved" in call(commands[4])
    proof = json.loads(call(f"{commands[4]} --json"))
    assert proof["uplift"]["low"] <= uplift <= proof["uplift"]["high"]
    assert proof["treated"]["observed"] == proof["treated"]["assigned"]
    assert json.loads(call("tidegate verify --json")) == {"bundle": "ok", "ledger": "ok", "events": "ok"}
