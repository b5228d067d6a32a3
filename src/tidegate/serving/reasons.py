"""`?reasons=k` and `/explain`: reasons beside a recorded prediction, from the version that scored it.

All of it runs in one thread of its own, some rows at a time: the event loop answers others meanwhile, and one customer's reasons wait for a
step of a batch, not for the batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from fastapi import Request

from tidegate.bundle.memory import give_back
from tidegate.bundle.reasons.customers import Explained, Reason, explain_rows, reasons_of
from tidegate.bundle.reasons.sources import sources_of
from tidegate.bundle.scorer import Scorer
from tidegate.customers.rows import Rows
from tidegate.errors import SettingRefused, TooLarge
from tidegate.ledger.predictions import Prediction
from tidegate.serving.service import Service

MOST_REASONS = 50_000  # in one answer, which is then some 15 MB
MOST_WORK = 1e8  # of `Explainer.work`: one to four seconds of a processor for one request
STEP_WORK, STEP_ROWS = 2e6, 256
Document = dict[str, Any]
Result = TypeVar("Result")


def reasons_asked(request: Request, scorer: Scorer) -> int:
    """k of `?reasons=k`, 0 without it. Raises SettingRefused for anything but a whole number up to the number of sources."""
    if not request.scope["query_string"]:
        return 0
    given = request.query_params.getlist("reasons")
    if not given:
        return 0
    most = source_count(scorer)
    # The length first: Python refuses to read a number of thousands of digits.
    if len(given) == 1 and len(given[0]) <= 9 and given[0].isascii() and given[0].isdigit() and int(given[0]) <= most:
        return int(given[0])
    sentence = f"The parameter reasons is not one whole number from 0 to {most}, this model's columns and ratios."
    raise SettingRefused(sentence, "Send ?reasons=3, for example.")


def source_count(scorer: Scorer) -> int:
    """How many reasons a customer has: the model's raw columns and ratios."""
    return len(sources_of(scorer.contract))


async def require_room(service: Service, scorer: Scorer, customers: int, most: int) -> None:
    """Raises TooLarge where reasons of so many customers would keep others waiting. Called before anything is scored."""
    explainer = await _aside(service, scorer.explainer)
    largest = max(1, min(MOST_REASONS // most, int(MOST_WORK / max(explainer.work, 1))))
    if customers > largest:
        sentence = f"This model gives {most} reasons for at most {largest:,} customers at once, and the body holds {customers:,}."
        raise TooLarge(sentence, "Send fewer, ask without reasons, or use `tidegate score --reasons`.")


async def explained_by_arm(
    service: Service,
    scorers: Sequence[Scorer],
    recorded: Sequence[Prediction],
    customers: Sequence[Mapping[str, Any]],
    rows: Rows,
    most: int,
) -> list[Document]:
    """`explained`, each prediction by the one of the scorers that made it; the first one says why the others have no reasons."""
    found = await explained(service, scorers[0], recorded, customers, rows, most)
    for scorer in scorers[1:]:
        places = [place for place, one in enumerate(recorded) if one.bundle_digest == scorer.digest]
        if not places:
            continue
        theirs = [recorded[place] for place in places], [customers[place] for place in places], rows.take(np.array(places))
        for place, document in zip(places, await explained(service, scorer, *theirs, most), strict=True):
            found[place] = document
    return found


async def explained(
    service: Service, scorer: Scorer, recorded: Sequence[Prediction], customers: Sequence[Mapping[str, Any]], rows: Rows, most: int
) -> list[Document]:
    """`reasons`, `reasons_space` and `base` for each recorded prediction of `customers` (their typed `rows`).

    A key that comes back has brought the same customers, so the reasons of the recorded row are computed from these. Where another bundle
    scored it than the one at hand there are none, and `reasons_missing` says so: another version's reasons would be about another answer.
    """
    explainer = await _aside(service, scorer.explainer)
    step = max(1, min(STEP_ROWS, int(STEP_WORK / max(explainer.work, 1))))
    found: list[Document] = []
    for start in range(0, len(recorded), step):
        part = range(start, min(start + step, len(recorded)))
        if any(recorded[row].bundle_digest == scorer.digest for row in part):
            found += await _aside(service, partial(_documents, scorer, [customers[row] for row in part], rows, part, most))
        else:
            found += [{}] * len(part)
    if len(recorded) > step:
        await _aside(service, give_back)
    return [one if line.bundle_digest == scorer.digest else _missing(line, scorer) for line, one in zip(recorded, found, strict=True)]


def _documents(scorer: Scorer, customers: Sequence[Mapping[str, Any]], rows: Rows, part: range, most: int) -> list[Document]:
    known = explain_rows(scorer, rows.take(np.array(part)))
    return [_document(known, reasons_of(known, row, customer, most)) for row, customer in enumerate(customers)]


def _document(known: Explained, reasons: Sequence[Reason]) -> Document:
    return {"reasons_space": known.space, "base": known.base, "reasons": [_reason(one) for one in reasons]}


def _reason(reason: Reason) -> Document:
    source = reason.source
    return {
        "column": source.name,
        "columns": source.columns,
        "label": source.label,
        "unit": source.unit,
        "value": reason.value,
        "contribution": reason.contribution,
        "direction": reason.direction,
        "sentence": reason.sentence,
    }


def _missing(recorded: Prediction, scorer: Scorer) -> Document:
    sentence = (
        f"Version {recorded.model_version} scored this customer when the key was first sent, and version {scorer.version} serves now. "
        "Reasons come from the version that scored: send the customer with a new key to be scored and explained by the one that serves."
    )
    return {"reasons_space": None, "base": None, "reasons": None, "reasons_missing": sentence}


async def _aside(service: Service, work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(service.explaining, work)
