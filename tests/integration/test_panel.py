"""Months of history for the same customers, from the simulator to a champion."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from tidegate.customers.simulation.scenario import Scenario
from tidegate.customers.simulation.write import write_simulated
from tidegate.customers.spec import load_spec
from tidegate.home import open_home
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.training.candidates import named
from tidegate.training.order import BUDGETS, Order
from tidegate.training.train import train


def test_a_panel_is_judged_on_the_latest_months_of_customers_that_train_nowhere(tmp_path: Path) -> None:
    done = write_simulated(tmp_path / "panel.csv", 900, 4, None, Scenario(months=6, base_rate=0.1))
    home = open_home(tmp_path / "home")
    ledger = open_ledger(sqlite_url(home.ledger))
    spec = load_spec(str(done["spec"]))
    order = Order(tmp_path / "panel.csv", spec, 42, 42, BUDGETS["quick"], 0.2, named("lightgbm"), "test", datetime.now(UTC))
    result = train(order, home, ledger, lambda text, share: None, lambda: datetime.now(UTC))
    close_ledger(ledger)
    history, split = result.history, result.split
    assert history.times is not None
    assert history.groups is not None
    assert history.times[split.train].max() < history.times[split.holdout].min()
    assert not set(history.groups[split.train]) & set(history.groups[split.holdout])
    assert len(np.unique(history.times)) == 6
    assert result.stage == "champion"
    assert spec.time not in [column.name for column in spec.feature_columns]
