"""Tell the registry who is champion, without letting it stop anything: the pointer is what servers follow."""

from __future__ import annotations

from tidegate.bundle.local import local_bundle
from tidegate.bundle.manifest import read_manifest
from tidegate.errors import TidegateError
from tidegate.home import Home
from tidegate.registry.alias import align_alias
from tidegate.registry.store import open_registry
from tidegate.storage.objects import open_storage
from tidegate.storage.pointer import read_pointer

CURRENT, BEHIND, NOT_ASKED = "current", "behind", "not asked"
LATER = "`tidegate deliver`, or the next `train` or `promote`, brings it up to date."


def told_registry(home: Home) -> str:
    """Empty where the registry's alias names the champion now (or there is none to name), else one sentence why not."""
    try:
        storage = open_storage(home)
        pointer = read_pointer(storage)
        if pointer is None:
            return ""
        model = read_manifest(local_bundle(storage, pointer.version, pointer.digest)).name
        if align_alias(open_registry(home, model), storage):
            return ""
        why = f"It does not hold version {pointer.version} with this digest."
    except TidegateError as error:
        why = error.detail
    except ModuleNotFoundError as error:
        why = f"The library {error.name} is not installed here."
    return f"The registry's alias champion is behind: {why} Servers follow the pointer all the same. {LATER}"
