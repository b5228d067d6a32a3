"""Every algorithm can win, be packed without a pickle, pass its gates and score."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tidegate.bundle.champion import open_champion
from tidegate.bundle.scorer import score
from tidegate.customers.simulation.write import write_simulated
from tidegate.customers.spec import load_spec
from tidegate.home import open_home
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.storage.files import Folder
from tidegate.training.candidates import CANDIDATES, YARDSTICK
from tidegate.training.order import BUDGETS, Order
from tidegate.training.train import train

OTHERS = [candidate for candidate in CANDIDATES if candidate.name != YARDSTICK]


@pytest.mark.parametrize("candidate", [None, *OTHERS], ids=lambda one: one.name if one else YARDSTICK)
def test_an_algorithm_alone_becomes_champion(candidate: object, tmp_path: Path) -> None:
    data = tmp_path / "bank.csv"
    write_simulated(data, 1_200, seed=11)
    home = open_home(tmp_path / "home")
    ledger = open_ledger(sqlite_url(home.ledger))
    chosen = tuple(one for one in CANDIDATES if one.name == YARDSTICK or one is candidate)
    result = train(
        Order(data, load_spec("bank"), 1, 1, BUDGETS["quick"], 0.2, chosen, "test", datetime.now(UTC)),
        home,
        ledger,
        lambda text, share: None,
        lambda: datetime.now(UTC),
    )
    close_ledger(ledger)
    assert result.contest.winner.algorithm == (candidate or chosen[0]).name
    assert result.stage == "champion"
    assert {path.suffix for path in result.bundle.iterdir()} <= {".json", ".onnx", ".toml", ".npz", ".html"}
    served = score(open_champion(Folder(home.storage)), result.history.rows.take(result.split.holdout))
    assert np.abs(served - result.contest.winner.probability).max() <= 1e-6
