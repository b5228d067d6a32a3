"""What the tests of campaigns share: a scored table, prices, and the command line called in this process."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tidegate.home import Home

PRICES = """
[money]
currency = "EUR"
customer_value_column = "credit_limit"
contact_cost = 4
incentive_cost = 40
acceptance_rate = 0.5
"""
SHIPPED = Path(__file__).parents[1] / "src" / "tidegate" / "specs" / "bank.toml"
Say = Callable[..., tuple[int, str, str]]


def table(count: int = 400) -> dict[str, list[Any]]:
    generator = np.random.default_rng(0)
    return {
        "CLIENTNUM": [f"K{number}" for number in range(count)],
        "Credit_Limit": generator.uniform(500, 2_000, count).round(1).tolist(),
        "churn_probability": generator.uniform(0.2, 1, count).tolist(),
        "model_version": ["7"] * count,
    }


def write(path: Path, columns: dict[str, list[Any]]) -> Path:
    made = pa.table(columns)
    pyarrow.parquet.write_table(made, path) if path.suffix == ".parquet" else pyarrow.csv.write_csv(made, path)
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def ledger_rows(home: Home, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(home.ledger) as connection:
        return connection.execute(query).fetchall()


def refused(answer: tuple[int, str, str], says: str) -> None:
    code, out, err = answer
    assert code == 2, (code, out, err)
    assert out == ""
    assert err.startswith("tidegate: ")
    assert len(err.strip().splitlines()) == 1
    assert says in err
