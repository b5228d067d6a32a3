"""From the champion pointer to a scorer that was verified first."""

from __future__ import annotations

from tidegate.bundle.check import check_bundle
from tidegate.bundle.memory import give_back
from tidegate.bundle.scorer import Scorer, open_scorer
from tidegate.errors import NoChampion
from tidegate.storage.files import Storage
from tidegate.storage.pointer import Pointer, read_pointer


def champion_pointer(storage: Storage) -> Pointer:
    """The pointer. Raises NoChampion where nothing was promoted yet."""
    pointer = read_pointer(storage)
    if pointer is None:
        raise NoChampion("This home has no champion yet.", "Train one: tidegate train DATA --label COLUMN.")
    return pointer


def open_champion(storage: Storage) -> Scorer:
    """The champion's scorer, checked in a child process first. Raises NoChampion or BundleRefused."""
    pointer = champion_pointer(storage)
    return open_version(storage, pointer.version, pointer.digest)


def open_version(storage: Storage, version: str, digest: str) -> Scorer:
    """The scorer of a stored version, checked in a child process first. Raises BundleRefused."""
    folder = storage.root / "bundles" / version
    check_bundle(folder, digest)
    scorer = open_scorer(folder, version, digest)
    give_back()
    return scorer
