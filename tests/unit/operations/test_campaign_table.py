"""A scored file as a campaign reads it: what scoring refused has no score, and is left out and counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tidegate.customers.spec import Money, load_spec
from tidegate.errors import TableRefused
from tidegate.operations.campaign_table import ScoredTable, read_scored

HEAD = "CLIENTNUM,churn_probability,churn_prediction,model_version,refused\n"
PRICES = Money(customer_value=400, contact_cost=5, acceptance_rate=0.4)


def read(path: Path, text: str) -> ScoredTable:
    path.write_text(HEAD + text, encoding="utf-8")
    return read_scored(path, load_spec("bank"), PRICES, lambda _: None)


def test_rows_that_scoring_refused_are_left_out_and_counted(tmp_path: Path) -> None:
    found = read(tmp_path / "scored.csv", '7,0.25,0,1,\n,,,,"gender: level"\n8,0.75,1,2,\n8,,,,"customer_age: limit"\n')
    assert found.ids == ["7", "8"]
    assert found.candidates.probability.tolist() == [0.25, 0.75]
    assert found.versions == ["1", "2"]
    assert found.refused == 2


def test_a_score_that_is_missing_without_a_refusal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableRefused, match="churn_probability of row 2 is not a number from 0 to 1"):
        read(tmp_path / "scored.csv", "7,0.25,0,1,\n8,,,1,\n")


def test_a_file_of_refused_rows_alone_says_so(tmp_path: Path) -> None:
    with pytest.raises(TableRefused, match="2 rows, all of them refused by scoring"):
        read(tmp_path / "scored.csv", '7,,,,"gender: level"\n8,,,,"gender: level"\n')
