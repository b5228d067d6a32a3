"""`tidegate verify`: is what this home holds what it was when it was written?"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from tidegate.bundle.champion import open_champion
from tidegate.bundle.golden import check_golden
from tidegate.errors import TidegateError
from tidegate.home import Home
from tidegate.ledger.events import verify_events
from tidegate.ledger.store import Ledger, check_ledger
from tidegate.storage.files import Storage

OK = "ok"


@dataclass(frozen=True)
class Verified:
    """Each part: `ok`, or the reason why not."""

    bundle: str
    ledger: str
    events: str

    def document(self) -> dict[str, str]:
        """For `--json`."""
        return asdict(self)

    @property
    def sound(self) -> bool:
        """Whether every part is ok."""
        return {self.bundle, self.ledger, self.events} == {OK}


def verify(home: Home, ledger: Ledger) -> Verified:
    """Check the champion's digests and golden rows, the ledger's integrity and the chain of events."""
    return Verified(_bundle(home), check_ledger(ledger), _events(ledger))


def _bundle(home: Home) -> str:
    try:
        scorer = open_champion(Storage(home.storage))
        check_golden(home.storage / "bundles" / scorer.version, scorer)
    except TidegateError as error:
        return error.detail
    return OK


def _events(ledger: Ledger) -> str:
    try:
        return verify_events(ledger)
    except TidegateError as error:
        return error.detail
