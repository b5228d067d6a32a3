"""A process that ends with the one that started it, also where that is killed outright and can tell nobody.

A child looks who its parent is: whom the kernel gives it to instead has another number. The kernel's own signal (prctl(2),
PR_SET_PDEATHSIG) would come as soon as the thread ends that started the child, which a server's threads do all the time.
"""

from __future__ import annotations

import os
import signal
import threading
import time

LOOK_SECONDS = 0.5
_VARIABLE = "TIDEGATE_PARENT"


def as_parent() -> dict[str, str]:
    """What the environment of a child holds that shall end with this process."""
    return {_VARIABLE: str(os.getpid())}


def end_with_parent() -> None:
    """Where `as_parent` is in the environment: SIGTERM to this process once that parent is gone. What it starts itself is told nothing."""
    named = os.environ.pop(_VARIABLE, "")
    if named.isdecimal():
        end_with(int(named))


def end_with(parent: int) -> None:
    """SIGTERM to this process once the process of this number is not its parent; at once where it is not by now."""
    threading.Thread(target=_look, args=(parent,), name="parent", daemon=True).start()


def _look(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
