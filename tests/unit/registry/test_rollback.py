from __future__ import annotations

import pytest

from tidegate.registry.rollback import earlier_champions
from tidegate.registry.trail import PROMOTED, ROLLED_BACK, Entry


def trail(moves: str) -> list[Entry]:
    """Promotions as "3", rollbacks as "<3", oldest first."""
    kinds = [(ROLLED_BACK if move[0] == "<" else PROMOTED, move.lstrip("<")) for move in moves.split()]
    return [Entry(number, "", "ada", what, version, "0" * 64, None, {}) for number, (what, version) in enumerate(kinds, 1)]


@pytest.mark.parametrize(
    ("moves", "present", "expected"),
    [
        ("1", "1", []),
        ("1 2", "2", ["1"]),
        ("1 2 3", "3", ["2", "1"]),
        ("1 2 3 <2", "2", ["1"]),
        ("1 2 3 <2 <1", "1", []),
        ("1 2 3 <2 4", "4", ["2", "1"]),
        ("1 2 3 <2 3", "3", ["2", "1"]),
        ("1 2 3 2", "2", ["3", "1"]),
        ("1 2 3 2 <3", "3", ["1"]),
        ("1 2 1", "1", ["2"]),
        ("1 2 1 <2", "2", []),
        ("1 2 2", "2", ["1"]),
    ],
)
def test_rollbacks_walk_back_and_never_to_a_version_that_was_just_left(moves: str, present: str, expected: list[str]) -> None:
    assert [entry.version for entry in earlier_champions(trail(moves), present)] == expected


@pytest.mark.parametrize(
    ("moves", "present", "expected"),
    [
        ("1 2 3", "2", ["1"]),
        ("1 2 3 <2", "3", ["2", "1"]),
        ("1 2", "9", ["2", "1"]),
        ("", "1", []),
        ("<2 3", "3", ["2"]),
    ],
    ids=["promotion not enacted", "rollback not enacted", "pointer of another hand", "no events", "trail without its beginning"],
)
def test_the_pointer_counts_where_it_and_the_events_disagree(moves: str, present: str, expected: list[str]) -> None:
    assert [entry.version for entry in earlier_champions(trail(moves), present)] == expected


def test_as_many_rollbacks_as_there_are_versions_visit_each_of_them_once() -> None:
    moves, present, seen = "1 2 3 2 4 1 5", "5", []
    while earlier := earlier_champions(trail(moves), present):
        present = earlier[0].version
        moves += f" <{present}"
        seen.append(present)
    assert seen == ["1", "4", "2", "3"]
