"""A home that asks for a renewal: a champion, a monitored batch after a change of the world, labels and an audit sample."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet

from tidegate.bundle.champion import open_champion
from tidegate.bundle.scorer import score
from tidegate.customers.history import History, load_history
from tidegate.customers.kept_rows import BATCH, UNKNOWN_LABEL, KeptRows, write_kept
from tidegate.customers.simulation.scenario import PLAIN, ConceptDrift, Scenario
from tidegate.customers.simulation.simulate import simulate_table
from tidegate.customers.spec import load_spec
from tidegate.home import Home
from tidegate.ledger.customer_key import customer_hash, load_or_create_key
from tidegate.ledger.outcomes import Outcome, record_outcomes
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text
from tidegate.storage.objects import open_storage

SEEN = datetime(2026, 9, 1, tzinfo=UTC)
DRIFTED = ["total_trans_ct", "total_trans_amt", "customer_age", "credit_limit"]


def simulated(folder: Path, rows: int, seed: int, strength: float) -> History:
    """Labelled customers, after a concept drift of this strength."""
    path = folder / f"simulated-{seed}-{strength}.parquet"
    scenario = Scenario(concept_drift=ConceptDrift(strength)) if strength else PLAIN
    pyarrow.parquet.write_table(simulate_table(rows, seed, scenario).table, path)
    return load_history(path, load_spec("bank"), folder / "quarantine.csv", 0.2)


def keep_batch(home: Home, name: str, customers: History, seen_at: datetime = SEEN, labelled: bool = False) -> None:
    """The batch as monitoring keeps it, scored by the champion; its labels are in the ledger unless `labelled`."""
    champion = open_champion(open_storage(home))
    label = customers.label if labelled else np.full(len(customers.label), UNKNOWN_LABEL, np.int8)
    assert customers.ids is not None
    about = {"version": champion.version, "digest": champion.digest, "seen_at": seen_at.isoformat()}
    part = np.array([BATCH] * len(label), object)
    kept = KeptRows(customers.rows, customers.ids, label, part, score(champion, customers.rows), about)
    write_kept(home.batches / f"{name}-01234567.parquet", load_spec("bank"), kept)


def monitored(home: Home, name: str, drifted: list[str], at: datetime | None = None, **more: object) -> None:
    """What monitoring found, as the file says it."""
    folder = home.reports / name
    folder.mkdir(parents=True, exist_ok=True)
    digest = open_champion(open_storage(home)).digest
    at = at or SEEN + timedelta(days=1)
    found = {"batch": name, "at": at.isoformat(), "digest": digest, "rows": 1, "drifted_features": drifted, **more}
    (folder / "drift_tests.json").write_text(json.dumps(found))


def record_labels(home: Home, ledger: Ledger, ids: np.ndarray, label: np.ndarray, audit: bool = False, now: datetime | None = None) -> None:
    """Outcomes in the middle of the horizon; those of an audit beside the ordinary ones."""
    key = load_or_create_key(_secrets(home) / "customer.key")
    observed = time_text(SEEN + timedelta(days=10))
    made = [Outcome(customer_hash(key, one), observed, int(left), "file:test", observed) for one, left in zip(ids, label, strict=True)]
    record_outcomes(ledger, made, "test", {}, now or SEEN + timedelta(days=11), audit)


def _secrets(home: Home) -> Path:
    home.secrets.mkdir(mode=0o700, exist_ok=True)
    return home.secrets
