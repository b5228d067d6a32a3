"""What a process is made of is not walked by every later collection."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tidegate.serving.garbage import settle


@pytest.fixture(autouse=True)
def _thawed() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_lives_is_left_out_and_what_comes_later_is_not() -> None:
    lived = [["module"]]
    settle()
    assert gc.get_freeze_count() > 1_000
    later = [lived]
    walked = {id(one) for one in gc.get_objects()}
    assert id(lived) not in walked
    assert id(later) in walked
