from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tidegate.bundle.champion import open_champion
from tidegate.bundle.golden import synthetic_rows
from tidegate.bundle.scorer import Scorer, score
from tidegate.customers.cells import rows_from_objects
from tidegate.errors import InputRefused, LedgerUnavailable
from tidegate.home import Home
from tidegate.ledger.connections import writing
from tidegate.ledger.predictions import Prediction, insert_predictions
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.operations import verify as verification
from tidegate.operations.verify import Verified, verify
from tidegate.storage.files import Folder

COUNT = 60


def recorded(scorer: Scorer) -> list[Prediction]:
    """Predictions as the service records them: scored in one batch, a minute apart."""
    objects = synthetic_rows(scorer.contract.spec, seed=5, count=COUNT)
    probabilities = score(scorer, rows_from_objects(scorer.contract, objects)).tolist()
    threshold = scorer.manifest.threshold
    return [
        Prediction(
            f"p{number:03d}", None, None, None, scorer.version, scorer.digest, "champion", probability, threshold,
            int(probability >= threshold), json.dumps(row), "predict", f"2026-11-23T00:{number:02d}:00.000000+00:00",
        )
        for number, (row, probability) in enumerate(zip(objects, probabilities, strict=True))
    ]  # fmt: skip


class Desk:
    def __init__(self, home: Home, ledger: Ledger) -> None:
        self.home, self.ledger = home, ledger
        self.predictions = recorded(open_champion(Folder(home.storage)))

    def record(self, predictions: list[Prediction]) -> None:
        with writing(self.ledger.engine) as connection:
            insert_predictions(connection, predictions)

    def verify(self, **asked: Any) -> Verified:
        return verify(self.home, self.ledger, **asked)


@pytest.fixture
def desk(own_home: Home) -> Iterator[Desk]:
    ledger = open_ledger(sqlite_url(own_home.ledger))
    yield Desk(own_home, ledger)
    close_ledger(ledger)


def test_a_sample_agrees_bit_for_bit_with_what_was_answered(desk: Desk) -> None:
    desk.record(desk.predictions)
    found = desk.verify(sample=25)
    assert found.sound
    document = found.document()
    assert {name: document[name] for name in ("bundle", "ledger", "events", "replay")} == dict.fromkeys(
        ("bundle", "ledger", "events", "replay"), "ok"
    )
    assert (document["replayed"], document["differing"], document["missing"]) == (25, 0, 0)
    assert "25 predictions: 25 scored again, 0 differ" in found.summary()


def test_without_a_sample_nothing_more_is_said(desk: Desk) -> None:
    desk.record(desk.predictions)
    found = desk.verify()
    assert found.document() == {"bundle": "ok", "ledger": "ok", "events": "ok"}
    assert found.summary() == "bundle: ok\nledger: ok\nevents: ok"


def test_an_empty_ledger_is_sound_and_says_that_it_had_none(desk: Desk) -> None:
    found = desk.verify(sample=10)
    assert found.sound
    assert found.document()["replayed"] == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda one: {"probability": math.nextafter(one.probability, 2.0)}, "probability"),
        (lambda one: {"threshold": math.nextafter(one.threshold, 2.0)}, "threshold"),
        (lambda one: {"prediction": 1 - one.prediction}, "decision"),
        (lambda one: {"row": one.row.replace('"customer_age": ', '"customer_age": 1')}, "breaks the contract"),
        (lambda one: {"row": "{}"}, "cannot be read"),
        (lambda one: {"row": "[" * 100_000}, "cannot be read"),
        (lambda one: {"row": "7"}, "cannot be read"),
    ],
    ids=["one bit of a probability", "one bit of a threshold", "decision", "impossible value", "no fields", "too deep", "no object"],
)
def test_one_changed_prediction_is_found_and_named(desk: Desk, change: Any, says: str) -> None:
    bad = replace(desk.predictions[17], **change(desk.predictions[17]))
    desk.record([*desk.predictions[:17], bad, *desk.predictions[18:]])
    found = desk.verify(sample=COUNT)
    document = found.document()
    assert not found.sound
    assert (document["replayed"], document["differing"], document["missing"]) == (COUNT, 1, 0)
    assert document["differing_predictions"][0]["prediction_id"] == "p017"
    assert says in document["differing_predictions"][0]["reason"]
    assert document["replay"].startswith("Of 60 predictions, 1 differ")
    assert "p017" in found.summary()


def test_a_bundle_that_is_gone_or_another_is_named_and_the_others_are_scored(desk: Desk) -> None:
    half = COUNT // 2
    strangers = [replace(one, model_version="../1") for one in desk.predictions[half : half + 5]]
    others = [replace(one, bundle_digest="0" * 64) for one in desk.predictions[half + 5 :]]
    desk.record([*desk.predictions[:half], *strangers, *others])
    shutil.copytree(desk.home.storage / "bundles" / "1", desk.home.storage / "1")
    found = desk.verify(sample=COUNT)
    document = found.document()
    assert not found.sound
    assert (document["replayed"], document["differing"], document["missing"]) == (half, 0, half)
    assert [(each["model_version"], each["predictions"]) for each in document["missing_bundles"]] == [("../1", 5), ("1", half - 5)]
    shutil.rmtree(desk.home.storage / "bundles" / "1")
    assert desk.verify(sample=COUNT).document()["missing"] == COUNT


def test_a_version_whose_bundle_was_exchanged_scores_nothing_again(desk: Desk) -> None:
    moved = desk.home.storage / "bundles" / "2"
    shutil.copytree(desk.home.storage / "bundles" / "1", moved)
    manifest = json.loads((moved / "manifest.json").read_bytes())
    (moved / "manifest.json").write_text(json.dumps({**manifest, "threshold": 0.999}))
    desk.record(desk.predictions[:10])
    desk.record([replace(one, prediction_id=f"q{number}", model_version="2") for number, one in enumerate(desk.predictions[:10])])
    document = desk.verify(sample=20).document()
    assert (document["replayed"], document["differing"], document["missing"]) == (10, 0, 10)


def test_one_prediction_is_shown_as_it_was_recorded_and_as_it_is_now(desk: Desk) -> None:
    desk.record(desk.predictions)
    one = desk.predictions[3]
    found = desk.verify(prediction="p003")
    shown = found.document()["prediction"]
    assert found.sound
    assert (shown["probability"], shown["replayed_probability"], shown["same"]) == (one.probability, one.probability, True)
    assert shown["row"] == json.loads(one.row)
    assert repr(one.probability) in found.summary()


@pytest.mark.parametrize(
    ("asked", "says"),
    [({"prediction": "none"}, "no prediction"), ({"sample": 0}, "--sample is 0"), ({"sample": 1, "prediction": "p001"}, "exclude")],
)
def test_what_cannot_be_asked_is_refused(desk: Desk, asked: dict[str, Any], says: str) -> None:
    with pytest.raises(InputRefused, match=says):
        desk.verify(**asked)


def test_a_ledger_that_cannot_be_read_is_not_ok(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> list[Prediction]:
        raise LedgerUnavailable("The ledger's database is damaged.")

    monkeypatch.setattr(verification, "sample_predictions", failing)
    found = desk.verify(sample=5)
    assert not found.sound
    assert found.document()["replay"] == "The ledger's database is damaged."
