"""The registry's alias `champion` follows the champion pointer, which is the truth: late where the registry is away, never first."""

from __future__ import annotations

from tidegate.registry.store import Registry, aliases, digest_of, set_alias
from tidegate.storage.objects import Storage
from tidegate.storage.pointer import read_pointer

CHAMPION = "champion"


def align_alias(registry: Registry, storage: Storage) -> bool:
    """Let the alias name the version that the pointer names; False where this registry does not hold it with the pointer's digest.

    Done before, it changes nothing. A version of another table, or one that is known here by its number only, is not named: the
    alias would promise another model. Raises RegistryUnavailable, and BundleRefused where the pointer is damaged.
    """
    pointer = read_pointer(storage)
    if pointer is None or digest_of(registry, pointer.version) != pointer.digest:
        return False
    if aliases(registry).get(CHAMPION) != pointer.version:
        set_alias(registry, CHAMPION, pointer.version)
    return True
