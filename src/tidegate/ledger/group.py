"""One transaction for many submissions, with the rule of idempotency keys."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from tidegate.errors import KeyReused, LedgerUnavailable
from tidegate.ledger.connections import ATTEMPTS, writing
from tidegate.ledger.failures import UnstorableRow
from tidegate.ledger.predictions import Prediction, find_keys, insert_predictions
from tidegate.ledger.store import Ledger

Outcome = list[Prediction] | KeyReused | LedgerUnavailable


def record_group(ledger: Ledger, submissions: Sequence[Sequence[Prediction]]) -> list[Outcome]:
    """Write the submissions in one durable transaction and answer what became of each, in order.

    A submission ends as the predictions now in the ledger (for a known key with the same request digest, the stored
    one), as `KeyReused` (a known key with another digest; nothing of it is written), or as `LedgerUnavailable` (nothing
    of it was acknowledged). A row the database refuses fails only its own submission.
    """
    refusal = None
    for _attempt in range(ATTEMPTS):
        try:
            with writing(ledger.engine) as connection:
                return _record(connection, submissions)
        except UnstorableRow as error:
            refusal = error
        except LedgerUnavailable as error:
            return [error] * len(submissions)
    if len(submissions) > 1:
        return [record_group(ledger, [submission])[0] for submission in submissions]
    return [refusal] if refusal else []


def _record(connection: sa.Connection, submissions: Sequence[Sequence[Prediction]]) -> list[Outcome]:
    keys = {prediction.idempotency_key for submission in submissions for prediction in submission if prediction.idempotency_key is not None}
    known = find_keys(connection, sorted(keys)) if keys else {}
    outcomes: list[Outcome] = []
    fresh: list[Prediction] = []
    for submission in submissions:
        try:
            outcomes.append(_settle(submission, known, fresh))
        except KeyReused as error:
            outcomes.append(error)
    insert_predictions(connection, fresh)
    return outcomes


def _settle(submission: Sequence[Prediction], known: dict[str, Prediction], fresh: list[Prediction]) -> list[Prediction]:
    """Answer each prediction with itself or the one known under its key; add the new ones to `known` and `fresh`."""
    answers: list[Prediction] = []
    new: list[Prediction] = []
    new_keys: dict[str, Prediction] = {}
    for prediction in submission:
        key = prediction.idempotency_key
        stored = None if key is None else known.get(key) or new_keys.get(key)
        if stored is None:
            new.append(prediction)
            if key is not None:
                new_keys[key] = prediction
        elif stored.request_digest != prediction.request_digest:
            raise KeyReused(
                "The idempotency key was already used for another request.", "Send a new key, or repeat the first request unchanged."
            )
        answers.append(stored or prediction)
    known.update(new_keys)
    fresh.extend(new)
    return answers
