"""What is learned from: a table, or a simulated bank; never one instead of the other unsaid."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.errors import InputRefused
from tidegate.home import Home
from tidegate.operations.learn import learn
from tidegate.operations.training_words import TrainingRequest
from tidegate.settings import Settings


@pytest.mark.parametrize("given", [{"label": "churned", "spec": None}, {"label": None, "spec": "mine.toml"}])
def test_a_label_or_spec_without_a_table_is_refused(home: Home, given: dict[str, Any]) -> None:
    with pytest.raises(InputRefused, match="and no table"):
        learn(home, Settings(home=home.root), TrainingRequest(None, budget="quick", **given), lambda text, share: None)
    assert not (home.root / "data").exists()
