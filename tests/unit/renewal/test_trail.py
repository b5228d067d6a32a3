"""Which renewals wait for a person, read from the trail alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidegate.renewal.trail import Decided, superseded

DECISIONS = st.sampled_from(["held", "promoted", "refused", "canary"])


def decided(number: int, decision: str) -> Decided:
    return Decided(number, decision, "2", "d", "1", "c", (), (), "b", "at", "then")


def over(*made: str, done: dict[int, str] | None = None) -> dict[int, int]:
    newest_first = [decided(number, decision) for number, decision in enumerate(made, 1)][::-1]
    return superseded(newest_first, {number: {"decision": became} for number, became in (done or {}).items()})


def test_one_that_is_held_waits_until_a_later_one_is_held_or_promoted() -> None:
    assert over("held") == {}
    assert over("held", "refused") == {}
    assert over("held", "canary") == {}
    assert over("held", "held", "held") == {1: 2, 2: 3}
    assert over("held", "refused", "promoted") == {1: 3}
    assert over("held", "canary", done={2: "promoted"}) == {1: 2}
    assert over("held", "canary", done={2: "refused"}) == {}
    assert over("held", "held", done={2: "promoted"}) == {1: 2}


def test_what_a_person_has_concluded_stays_as_it_was() -> None:
    assert over("held", "promoted", done={1: "refused"}) == {}


@given(st.lists(DECISIONS, max_size=12))
def test_at_most_one_is_held_for_a_person(made: list[str]) -> None:
    found = over(*made)
    waiting = [number for number, decision in enumerate(made, 1) if decision == "held" and number not in found]
    assert len(waiting) <= 1
    assert all(taker > number for number, taker in found.items())
    if waiting:
        assert "promoted" not in made[waiting[0] :]
