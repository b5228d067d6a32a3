"""Memory that opening a model took and freed, given back to the system.

glibc keeps freed memory for the next request of the same kind, which for a server that opens a model once never comes: 22 MiB of an
ensemble of three, 31 MiB of a random forest.
"""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Return what is free to the system, in a millisecond or two; nothing where the C library has no `malloc_trim`."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
