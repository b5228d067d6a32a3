"""Customers of the simulated bank as the platform's scoring API takes them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from platform_stack import Stack
from tidegate.customers.names import snake_case
from tidegate.customers.simulation.scenario import PLAIN, Scenario
from tidegate.customers.simulation.write import write_simulated

ID = "CLIENTNUM"
_READERS = {"integer": int, "number": float, "category": str}


def bank_rows(folder: Path, rows: int, seed: int, scenario: Scenario = PLAIN) -> list[dict[str, str]]:
    """As the bank's file has them."""
    path = folder / f"bank-{seed}.csv"
    write_simulated(path, rows, seed, scenario=scenario)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def as_bodies(stack: Stack, rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    """As `/predict` takes them: the columns that `/features` names, and the id."""
    with stack.client("api", "score") as client:
        columns = client.get("/features").raise_for_status().json()["columns"]
    told = [{snake_case(name): value for name, value in row.items()} for row in rows]
    return [
        {one["name"]: _READERS[one["kind"]](row[one["name"]]) for one in columns} | {"customer_id": row[snake_case(ID)]} for row in told
    ]


def bank_bodies(stack: Stack, folder: Path, rows: int, seed: int) -> list[dict[str, Any]]:
    return as_bodies(stack, bank_rows(folder, rows, seed))
