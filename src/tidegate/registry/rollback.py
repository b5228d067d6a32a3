"""Where a rollback goes: a pure decision on the trail of promotions."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.registry.trail import ROLLED_BACK, Entry


def earlier_champions(entries: Sequence[Entry], present: str) -> list[Entry]:
    """Champions before the present one to which rollbacks go in turn, the nearest first; each version at most once.

    `entries` are the events of promotions and rollbacks, oldest first; `present` is the version that the pointer names, which counts
    where the two disagree (a process killed between event and pointer, a restored storage).

    Who rolls back at 3 a.m. wants the last change undone and, if that was not it, the one before: never the version just left.
    So a promotion puts its version on top of a pile, wherever it was in it, and a rollback takes the top off for good, until someone
    promotes that version again. Champions 1, 2, 3: the first rollback leads to 2, the second to 1, the third is refused. A
    promotion of an old version is a change like any other: 1, 2, 3, 2 leads to 3 (what served before that), then to 1.
    """
    pile: list[Entry] = []
    for entry in entries:
        places = [place for place, held in enumerate(pile) if held.version == entry.version]
        if entry.what == ROLLED_BACK and places:
            del pile[places[0] + 1 :]
            continue
        pile = [held for held in pile if held.version != entry.version] + [entry]
    versions = [held.version for held in pile]
    below = pile[: versions.index(present)] if present in versions else pile
    return below[::-1]
