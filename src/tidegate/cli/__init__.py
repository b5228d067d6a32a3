"""The command line: each verb reads its options, calls one function and prints what it returned.

Heavy libraries are imported inside the verbs, so that `tidegate --help` stays light.
"""

from __future__ import annotations

from tidegate.cli.entry import app, main

__all__ = ["app", "main"]
