"""`tidegate history`: what became of the versions of this home, and by whose word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tidegate.errors import BundleRefused, InputRefused, StorageUnavailable
from tidegate.home import Home
from tidegate.ledger.store import Ledger
from tidegate.registry.trail import PROMOTED, REFUSED, ROLLED_BACK, TRAINED, Entry, appointments, read_trail
from tidegate.storage.objects import open_storage
from tidegate.storage.pointer import Pointer, read_pointer

_HEADER = ("when (UTC)", "who", "what", "version", "reason")


@dataclass(frozen=True)
class Reign:
    """A version while it was champion: since when, until when (None: it is), by whose word, and what that rested on."""

    version: str
    since: str
    until: str | None
    by: str
    evidence: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {"version": self.version, "from": self.since, "to": self.until, "by": self.by, "evidence": self.evidence}


@dataclass(frozen=True)
class History:
    """Events about versions, newest first, and all champions in turn (`reigns`), the present one first.

    `champion` is whom the pointer names; None where there is none or where it cannot be read (`warning` says so).
    """

    champion: Pointer | None
    entries: tuple[Entry, ...]
    warning: str
    reigns: tuple[Reign, ...] = ()

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        reigning = _reigning(self)
        return {
            "champion": None if self.champion is None else asdict(self.champion),
            "events": [_event(entry, entry is reigning) for entry in self.entries],
            "champions": [one.document() for one in self.reigns],
            "warnings": [self.warning] if self.warning else [],
        }

    def table(self) -> str:
        """For a person; the event that made the present champion is marked."""
        if not self.entries:
            return "Nothing was trained or promoted in this home yet."
        reigning = _reigning(self)
        rows = [_HEADER, *(_row(entry, entry is reigning) for entry in self.entries)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def history(home: Home, ledger: Ledger, limit: int) -> History:
    """The newest `limit` events about versions. Raises InputRefused for a limit below 1, and LedgerUnavailable."""
    if limit < 1:
        raise InputRefused(f"--limit is {limit}.", "Give a whole number from 1.")
    champion, warning = None, ""
    try:
        champion = read_pointer(open_storage(home))
    except (BundleRefused, StorageUnavailable) as error:
        # who looks here wants to know which version to promote; the events say it
        warning = str(error)
    return History(champion, tuple(read_trail(ledger, limit=limit)), warning, reigns(appointments(ledger)))


def reigns(made: Sequence[Entry]) -> tuple[Reign, ...]:
    """Who was champion when, the latest first, from all appointments, oldest first."""
    until = [*(entry.at for entry in made[1:]), None][: len(made)]
    return tuple(
        Reign(
            entry.version,
            entry.at,
            end,
            entry.who,
            {"what": entry.what, "reason": _reason(entry), "gates": entry.evidence.get("gates", [])},
        )
        for entry, end in zip(made, until, strict=True)
    )[::-1]


def _reigning(found: History) -> Entry | None:
    """The event that made the present champion, where it is among those shown."""
    if found.champion is None:
        return None
    made = (entry for entry in found.entries if entry.what in (PROMOTED, ROLLED_BACK))
    return next((entry for entry in made if (entry.version, entry.digest) == (found.champion.version, found.champion.digest)), None)


def _event(entry: Entry, reigning: bool) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "at": entry.at,
        "who": entry.who,
        "what": entry.what,
        "version": entry.version,
        "digest": entry.digest,
        "from": entry.previous,
        "reason": _reason(entry),
        "stage": entry.evidence.get("stage"),
        "champion": reigning,
    }


def _row(entry: Entry, reigning: bool) -> tuple[str, ...]:
    stage = entry.evidence.get("stage")
    what = f"{entry.what} ({stage})" if entry.what == TRAINED and stage else entry.what
    version = f"{entry.version} ← champion" if reigning else entry.version
    cells = (f"{entry.at[:10]} {entry.at[11:19]}", entry.who, what, version, _reason(entry))
    # an account or a reason must not be able to move the cursor of whoever reads this
    return tuple("".join(character if character.isprintable() else "?" for character in cell) for cell in cells)


def _reason(entry: Entry) -> str:
    """A person's words; for what happened without a person, what it rested on."""
    said = entry.evidence
    if entry.what == REFUSED:
        return f"{said.get('cause', '')} ({said['reason']})" if said.get("reason") else str(said.get("cause", ""))
    if entry.what == TRAINED:
        return ", ".join(str(said[name]) for name in ("algorithm", "budget") if name in said)
    if entry.what == PROMOTED and "reason" not in said:
        gates = [str(gate["name"]) for gate in said.get("gates", ())]
        return f"first champion; gates passed: {', '.join(gates)}" if gates else "first champion"
    return str(said.get("reason", ""))
