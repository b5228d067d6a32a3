"""Score recorded predictions again, from the recorded row and the bundle that scored it, and compare bit for bit."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from tidegate.bundle.check import check_bundle
from tidegate.bundle.local import local_bundle, stored_versions
from tidegate.bundle.scorer import Scorer, open_scorer, score
from tidegate.customers.cells import rows_from_objects
from tidegate.customers.contract import breaches
from tidegate.errors import BundleRefused
from tidegate.home import Home
from tidegate.ledger.predictions import Prediction
from tidegate.storage.objects import open_storage

_bundle_of = attrgetter("model_version", "bundle_digest")


@dataclass(frozen=True)
class Replay:
    """One prediction scored again. `probability` is None where it could not be; `fault` is empty where every bit agrees.

    `missing` says that the bundle which scored it is not there any more, or is no longer what it was.
    """

    recorded: Prediction
    probability: float | None
    fault: str
    missing: bool = False


def replay(home: Home, predictions: Sequence[Prediction]) -> list[Replay]:
    """Each prediction scored again; grouped by bundle, so that each is opened once. Raises StorageUnavailable."""
    storage = open_storage(home)
    versions = frozenset(stored_versions(storage))
    found: list[Replay] = []
    for (version, digest), equal in groupby(sorted(predictions, key=_bundle_of), _bundle_of):
        group = list(equal)
        try:
            if version not in versions:
                raise BundleRefused(f"The bundle of version {version} is not in storage.")
            folder = local_bundle(storage, version, digest)
            check_bundle(folder, digest)
            scorer = open_scorer(folder, version, digest)
        except BundleRefused as error:
            found += [Replay(one, None, error.detail, missing=True) for one in group]
        else:
            found += [_again(scorer, one) for one in group]
    return found


def _again(scorer: Scorer, recorded: Prediction) -> Replay:
    try:
        rows = rows_from_objects(scorer.contract, [json.loads(recorded.row)])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Replay(recorded, None, "The recorded row cannot be read.")
    if breaches(scorer.contract, rows):
        return Replay(recorded, None, "The recorded row breaks the contract of the bundle that scored it.")
    probability, threshold = float(score(scorer, rows)[0]), scorer.manifest.threshold
    parts = {
        "probability": _bits(probability) == _bits(recorded.probability),
        "threshold": _bits(threshold) == _bits(recorded.threshold),
        "decision": int(probability >= threshold) == recorded.prediction,
    }
    differing = [name for name, same in parts.items() if not same]
    return Replay(recorded, probability, f"It differs in {' and '.join(differing)}." if differing else "")


def _bits(number: float) -> bytes:
    """The eight bytes of a double: 0.0 and −0.0 differ, as do two numbers that print alike."""
    return struct.pack("<d", number)
