"""An answer is kept as long as it was dear."""

from __future__ import annotations

from tidegate.operations.desk.kept import Kept


class Clock:
    """Time that passes by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_dear_answer_is_given_again_for_twenty_times_as_long_and_a_cheap_one_is_made_anew() -> None:
    clock, made = Clock(), []
    kept = Kept(clock)

    def make(seconds: float) -> int:
        clock.now += seconds
        made.append(clock.now)
        return len(made)

    assert kept.get("a", lambda: make(2)) == 1
    clock.now += 39
    assert kept.get("a", lambda: make(2)) == 1
    assert kept.get("b", lambda: make(0)) == 2
    assert kept.get("b", lambda: make(0)) == 3
    clock.now += 2
    assert kept.get("a", lambda: make(2)) == 4


def test_few_are_kept() -> None:
    clock = Clock()
    kept = Kept(clock)

    def make() -> float:
        clock.now += 100
        return clock.now

    for key in range(9):
        kept.get(key, make)
    last, made_before = kept.get(8, make), clock.now
    assert (last, clock.now) == (900, made_before)
    assert kept.get(0, make) > last
