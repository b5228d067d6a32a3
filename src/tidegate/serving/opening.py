"""From a home to an application: what a serving process opens, and closes when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from tidegate.access.file import required_keys_file
from tidegate.access.keyring import Keyring
from tidegate.bundle.champion import open_last_champion
from tidegate.home import Home
from tidegate.ledger.batch_customers import BatchCustomers
from tidegate.ledger.commit import GroupCommit
from tidegate.ledger.customer_key import load_or_create_key
from tidegate.ledger.store import close_ledger, open_ledger
from tidegate.serving.api import create_app
from tidegate.serving.follow import follow_champion
from tidegate.serving.front.logs import form_of, start_logging
from tidegate.serving.front.request_log import RequestLog
from tidegate.serving.metrics import Metrics
from tidegate.serving.service import Service
from tidegate.serving.trial.follow import follow_experiment, learn
from tidegate.settings import Settings
from tidegate.storage.objects import Storage, open_storage

HANGING_SECONDS = 10  # beyond the longest wait for a lock


@dataclass(frozen=True)
class Opening:
    """What a serving process is told; it can be handed to another. `metrics`: the folder in which several processes count together."""

    home: Home
    settings: Settings
    ledger_url: str
    scratch: Path
    metrics: Path | None = None


@contextmanager
def opened(opening: Opening) -> Iterator[tuple[FastAPI, str]]:
    """The application and the version that it serves first; afterwards the ledger is written out and closed.

    Raises NoChampion, BundleRefused, StorageUnavailable where no verified champion is kept either, LedgerUnavailable, or HomeRefused
    where the API keys are damaged.
    """
    home, settings = opening.home, opening.settings
    with closing(start_logging(settings)) as lines:
        storage = open_storage(home)
        keyring, scorer = Keyring(required_keys_file(home, settings.api_keys_file)), open_last_champion(storage)
        ledger = open_ledger(opening.ledger_url, HANGING_SECONDS)
        commit = GroupCommit(ledger, patience_seconds=settings.ledger_seconds)
        try:
            home.secrets.mkdir(mode=0o700, exist_ok=True)
            key = load_or_create_key(home.secrets / "customer.key")
            log = RequestLog(lines.write, form_of(settings), settings.access_log)
            batches = BatchCustomers(home.batches, key)
            service = Service(scorer, ledger, commit, key, settings, Metrics(opening.metrics), opening.scratch, batches=batches)
            # Before the first answer: a restart must not move a customer for the second that following takes.
            learn(service, ledger, storage)
            yield create_app(service, partial(_follow, storage=storage), keyring, log), scorer.version
        finally:
            commit.close()
            close_ledger(ledger)


async def _follow(service: Service, storage: Storage) -> None:
    await asyncio.gather(follow_champion(service, storage), follow_experiment(service, storage))
