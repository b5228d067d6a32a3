"""Who is learned from and who is judged on: nobody is ever both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from renewals import SEEN, keep_batch, record_labels, simulated
from tidegate.bundle.champion import champion_pointer
from tidegate.customers.history import load_history
from tidegate.customers.kept_rows import HOLDOUT, TRAIN, read_kept, write_kept
from tidegate.customers.spec import load_spec
from tidegate.home import Home
from tidegate.ledger.campaigns import Assignment, record_campaign
from tidegate.ledger.customer_key import customer_hash, load_or_create_key
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.renewal.rows import BATCHES, Material, Terms, gather, joined
from tidegate.renewal.table import write_table
from tidegate.storage.objects import open_storage

BANK = load_spec("bank")
LATER = SEEN + timedelta(days=40)


@pytest.fixture
def ledger(own_home: Home) -> Iterator[Ledger]:
    opened = open_ledger(sqlite_url(own_home.ledger))
    yield opened
    close_ledger(opened)


def gathered(home: Home, ledger: Ledger, terms: Terms | None = None, days: int = 40) -> Material:
    home.secrets.mkdir(mode=0o700, exist_ok=True)
    key = load_or_create_key(home.secrets / "customer.key")
    digest = champion_pointer(open_storage(home)).digest
    return gather(home, ledger, BANK, digest, key, terms or Terms(30), SEEN + timedelta(days=days))


def test_each_customer_is_on_one_side_whatever_batch_they_come_in(own_home: Home, ledger: Ledger, tmp_path: Path) -> None:
    new = simulated(tmp_path, 600, 3, 0.0)
    keep_batch(own_home, "first", new)
    keep_batch(own_home, "second", new, SEEN + timedelta(days=1))
    assert new.ids is not None
    record_labels(own_home, ledger, new.ids, new.label)
    record_labels(own_home, ledger, new.ids[:50], new.label[:50], audit=True)
    found = gathered(own_home, ledger)
    sides = [{*one.ids} for one in (found.old, found.fresh)], [{*one.ids} for one in (found.holdout, found.reserved, found.audit)]
    for learned in sides[0]:
        assert not learned & set().union(*sides[1])
    assert {*found.audit.ids} == {*new.ids[:50]}
    assert not {*found.audit.ids} & {*found.reserved.ids}
    assert 0.12 < len(found.reserved) / (len(found.reserved) + len(found.fresh)) < 0.28
    again = gathered(own_home, ledger)
    assert again.reserved.ids.tolist() == found.reserved.ids.tolist()


def test_a_customer_of_the_holdout_is_learned_from_in_no_batch(own_home: Home, ledger: Ledger, tmp_path: Path, trained) -> None:
    history = load_history(trained.data, BANK, tmp_path / "q.csv", 0.2)
    keep_batch(own_home, "same", history, labelled=True)
    found = gathered(own_home, ledger)
    assert {*found.holdout.ids} <= {*found.reserved.ids}
    assert not {*found.fresh.ids} & {*found.holdout.ids}
    assert not {*found.old.ids} & {*found.reserved.ids}


def test_labels_that_have_not_matured_or_never_came_are_not_stayed(own_home: Home, ledger: Ledger, tmp_path: Path) -> None:
    new = simulated(tmp_path, 400, 4, 0.0)
    keep_batch(own_home, "new", new)
    assert new.ids is not None
    record_labels(own_home, ledger, new.ids[:100], new.label[:100])
    early = gathered(own_home, ledger, days=29)
    assert (len(early.fresh), len(early.reserved), early.batches) == (0, 0, ())
    assert early.counts["not matured or not labelled"] == 400
    late = gathered(own_home, ledger)
    assert len(late.fresh) + len(late.reserved) == 100
    assert late.batches == ("new-01234567",)


def test_treated_customers_are_left_out_or_kept_and_always_counted(own_home: Home, ledger: Ledger, tmp_path: Path) -> None:
    new = simulated(tmp_path, 300, 5, 0.0)
    keep_batch(own_home, "new", new, labelled=True)
    assert new.ids is not None
    gathered(own_home, ledger)
    key = load_or_create_key(own_home.secrets / "customer.key")
    arms = [("treated", one) for one in new.ids[:40]] + [("control", one) for one in new.ids[40:60]]
    made = [Assignment(customer_hash(key, one), arm, place + 1, 0.5, 1.0, 1.0, "1") for place, (arm, one) in enumerate(arms)]  # type: ignore[arg-type]
    record_campaign(ledger, "autumn", {}, made, "ada", SEEN)
    left_out, kept = gathered(own_home, ledger), gathered(own_home, ledger, Terms(30, treated="keep"))
    assert len(left_out.fresh) + len(left_out.reserved) == 260
    assert len(kept.fresh) + len(kept.reserved) == 300
    assert left_out.counts["treated"] == kept.counts["treated"] == 40


def test_a_batch_is_taken_once_and_only_while_it_is_young_enough(own_home: Home, ledger: Ledger, tmp_path: Path) -> None:
    keep_batch(own_home, "old", simulated(tmp_path, 200, 6, 0.0), SEEN - timedelta(days=100), labelled=True)
    keep_batch(own_home, "new", simulated(tmp_path, 200, 7, 0.0), labelled=True)
    assert len(gathered(own_home, ledger).batches) == 2
    assert gathered(own_home, ledger, Terms(30, months=3)).batches == ("new-01234567",)
    path = own_home.reference / f"{champion_pointer(open_storage(own_home)).digest}.parquet"
    kept = read_kept(path, BANK)
    write_kept(path, BANK, replace(kept, about={**kept.about, BATCHES: json.dumps(["old-01234567"])}))
    again = gathered(own_home, ledger)
    assert len(again.fresh) + len(again.reserved) == 200
    assert again.batches == ("new-01234567", "old-01234567")


def test_a_damaged_batch_is_left_out_with_a_warning(own_home: Home, ledger: Ledger, tmp_path: Path) -> None:
    keep_batch(own_home, "new", simulated(tmp_path, 200, 8, 0.0), labelled=True)
    (own_home.batches / "torn-01234567.parquet").write_bytes(b"PAR1")
    found = gathered(own_home, ledger)
    assert len(found.warnings) == 1
    assert "torn-01234567" in found.warnings[0]
    assert found.batches == ("new-01234567",)


def test_the_table_of_a_renewal_is_read_back_as_the_customers_it_was_made_of(own_home: Home, ledger: Ledger, tmp_path: Path) -> None:
    keep_batch(own_home, "new", simulated(tmp_path, 200, 9, 0.0), labelled=True)
    found = gathered(own_home, ledger)
    made = joined([found.old, found.fresh], BANK)
    paths = [tmp_path / name for name in ("a.parquet", "b.parquet")]
    for path in paths:
        write_table(path, BANK, made, 1)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    history = load_history(paths[0], BANK, tmp_path / "q.csv", 0.0)
    assert history.rows.numbers.tobytes() == made.rows.numbers.tobytes()
    assert (history.rows.codes == made.rows.codes).all()
    assert history.label.tolist() == made.label.tolist()
    assert history.ids is not None
    assert history.ids.tolist() == made.ids.tolist()
    reference = read_kept(next(own_home.reference.glob("*.parquet")), BANK)
    assert set(reference.part) == {TRAIN, HOLDOUT}
    assert np.isin(found.old.ids, reference.ids[reference.part == TRAIN]).all()
