"""`tidegate verify`: is what this home holds what it was when it was written?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tidegate.bundle.champion import open_champion
from tidegate.bundle.golden import check_golden
from tidegate.bundle.local import bundle_place
from tidegate.errors import InputRefused, TidegateError
from tidegate.home import Home
from tidegate.ledger.events import verify_events
from tidegate.ledger.predictions import Prediction, find_by_id, sample_predictions
from tidegate.ledger.store import Ledger, check_ledger
from tidegate.operations.replay import Replay, replay
from tidegate.operations.replay_words import replay_document, replay_state, replay_text
from tidegate.storage.objects import open_storage

OK = "ok"


@dataclass(frozen=True)
class Verified:
    """Each part: `ok`, or the reason why not. `replays` is None where no prediction was scored again, or none could be read."""

    bundle: str
    ledger: str
    events: str
    replay: str | None = None
    replays: tuple[Replay, ...] | None = None
    one: bool = False

    def parts(self) -> dict[str, str]:
        """What was checked, and how it is."""
        asked = {} if self.replay is None else {"replay": self.replay}
        return {"bundle": self.bundle, "ledger": self.ledger, "events": self.events, **asked}

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {**self.parts(), **({} if self.replays is None else replay_document(self.replays, self.one))}

    def summary(self) -> str:
        """A line a part for a person, and what was scored again."""
        lines = [f"{part}: {state}" for part, state in self.parts().items()]
        return "\n".join([*lines, *(() if self.replays is None else replay_text(self.replays, self.one))])

    @property
    def sound(self) -> bool:
        """Whether every part is ok."""
        return set(self.parts().values()) == {OK}


def verify(home: Home, ledger: Ledger, sample: int | None = None, prediction: str | None = None) -> Verified:
    """Check the champion's digests and golden rows, the ledger's integrity and the chain of events; score predictions again where asked.

    `sample` is how many, spread over the ledger's life; `prediction` names one instead. Raises InputRefused where both are given, the
    sample is below 1, or there is no such prediction.
    """
    if sample is not None and prediction is not None:
        raise InputRefused("--sample and --prediction exclude each other.", "Give one of them.")
    if sample is not None and sample < 1:
        raise InputRefused(f"--sample is {sample}.", "Give a whole number from 1.")
    parts = (_bundle(home), check_ledger(ledger), _events(ledger))
    if sample is None and prediction is None:
        return Verified(*parts)
    try:
        chosen = sample_predictions(ledger, sample) if sample is not None else [_found(ledger, str(prediction))]
        replays = tuple(replay(home, chosen))
    except InputRefused:
        raise
    except TidegateError as error:
        return Verified(*parts, replay=error.detail)
    return Verified(*parts, replay_state(replays), replays, one=sample is None)


def _found(ledger: Ledger, prediction_id: str) -> Prediction:
    found = find_by_id(ledger, prediction_id)
    if found is None:
        raise InputRefused("The ledger holds no prediction with this id.", "Give the prediction_id of an answer.")
    return found


def _bundle(home: Home) -> str:
    try:
        storage = open_storage(home)
        scorer = open_champion(storage)
        check_golden(bundle_place(storage, scorer.version, scorer.digest), scorer)
    except TidegateError as error:
        return error.detail
    return OK


def _events(ledger: Ledger) -> str:
    try:
        return verify_events(ledger)
    except TidegateError as error:
        return error.detail
