"""Python's collector of garbage, which walks everything that lives each time many objects were made."""

from __future__ import annotations

import gc


def settle() -> None:
    """Leave what lives by now, modules and routes, out of every later collection: reading many rows then costs half as much."""
    gc.collect()
    gc.freeze()
