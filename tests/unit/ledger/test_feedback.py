"""Feedback: once for a key, beside its prediction, with its event or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from databases import Outsider
from tidegate.errors import KeyReused, LedgerUnavailable, RowRefused
from tidegate.ledger import feedback as feedback_module
from tidegate.ledger.campaigns import Assignment, record_campaign
from tidegate.ledger.connections import writing
from tidegate.ledger.events import list_events, verify_events
from tidegate.ledger.feedback import HEARD, Feedback, feedback_on, record_feedback
from tidegate.ledger.predictions import Prediction, insert_predictions
from tidegate.ledger.store import Ledger
from tidegate.ledger.times import time_text

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANA = f"{1:032x}"
Make = Callable[..., Prediction]


def heard(name: str = "f1", **changes: object) -> Feedback:
    values = {"feedback_id": name, "idempotency_key": None, "request_digest": None, "prediction_id": None, "customer": None}
    values |= {"heard": "will_leave", "note": None, "at": time_text(NOON), "recorded_at": time_text(NOON)}
    return Feedback(**{**values, **changes})  # type: ignore[arg-type]


def record(ledger: Ledger, feedback: Feedback) -> Feedback:
    return record_feedback(ledger, feedback, "ana", {"route": "/feedback"}, NOON)


def predict(ledger: Ledger, *predictions: Prediction) -> None:
    with writing(ledger.engine) as connection:
        insert_predictions(connection, predictions)


def rows(outsider: Outsider) -> int:
    return int(outsider.execute("SELECT count(*) FROM feedback").fetchone()[0])


def test_what_is_heard_of_a_prediction_stands_beside_it(ledger: Ledger, make: Make) -> None:
    predict(ledger, make(1), make(2), make(3, customer=None))
    note = "Says: “I’ll move in May” 🙂\n=1+1"
    later = record(ledger, heard("f1", prediction_id="id-00000001", note=note))
    earlier = record(ledger, heard("f2", prediction_id="id-00000001", at=time_text(NOON - timedelta(days=1)), heard="not_reached"))
    assert later == heard("f1", prediction_id="id-00000001", customer=ANA, note=note)
    assert feedback_on(ledger, "id-00000001") == [earlier, later]
    assert feedback_on(ledger, "id-00000002") == []
    assert record(ledger, heard("f3", prediction_id="id-00000003")).customer is None


def test_what_is_heard_of_a_customer_goes_to_the_last_prediction_before_it(ledger: Ledger, make: Make) -> None:
    days = [NOON + timedelta(days=number) for number in range(3)]
    predict(ledger, *(make(number, customer=ANA, created_at=time_text(day)) for number, day in enumerate(days)))
    at_noon = record(ledger, heard("f1", customer=ANA, at=time_text(days[1])))
    assert (at_noon.prediction_id, at_noon.customer) == ("id-00000001", ANA)
    assert record(ledger, heard("f2", customer=ANA, at=time_text(days[2] - timedelta(microseconds=1)))).prediction_id == "id-00000001"
    assert record(ledger, heard("f3", customer=ANA, at=time_text(NOON + timedelta(days=9)))).prediction_id == "id-00000002"
    before_all = record(ledger, heard("f4", customer=ANA, at=time_text(NOON - timedelta(days=1))))
    assert (before_all.prediction_id, before_all.customer) == (None, ANA)


def test_a_customer_known_from_a_campaign_alone_is_known(ledger: Ledger) -> None:
    record_campaign(ledger, "spring", {}, [Assignment(ANA, "treated", 1, 0.5, 100.0, 10.0, "1")], "ana", NOON)
    assert record(ledger, heard(customer=ANA)).prediction_id is None


def test_nobody_and_nothing_unknown_is_recorded(ledger: Ledger, outsider: Outsider, make: Make) -> None:
    predict(ledger, make(1))
    with pytest.raises(RowRefused, match="unknown prediction"):
        record(ledger, heard(prediction_id="id-00000009"))
    with pytest.raises(RowRefused, match="unknown customer"):
        record(ledger, heard(customer=f"{9:032x}"))
    assert rows(outsider) == 0
    assert list_events(ledger) == []


def test_a_repeated_key_is_one_row_one_event_and_the_first_answer(ledger: Ledger, outsider: Outsider, make: Make) -> None:
    predict(ledger, make(1))
    first = record(ledger, heard("f1", customer=ANA, idempotency_key="k", request_digest="d"))
    # the second comes later, and after another prediction: what was answered first still holds
    predict(ledger, make(2, customer=ANA, created_at=time_text(NOON - timedelta(seconds=1))))
    assert record(ledger, heard("f2", customer=ANA, idempotency_key="k", request_digest="d")) == first
    with pytest.raises(KeyReused, match="key was already used"):
        record(ledger, heard("f3", customer=ANA, idempotency_key="k", request_digest="other"))
    assert record(ledger, heard("f4", customer=ANA, idempotency_key="m", request_digest="d")).feedback_id == "f4"
    assert record(ledger, heard("f5", customer=ANA)).feedback_id == "f5"
    assert record(ledger, heard("f6", customer=ANA)).feedback_id == "f6"
    assert rows(outsider) == 4
    assert [event.evidence for event in list_events(ledger, "recorded feedback")] == ['{"added":1,"route":"/feedback"}'] * 4
    assert verify_events(ledger) == "ok"


def test_a_failing_event_takes_the_feedback_with_it(
    ledger: Ledger, outsider: Outsider, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise LedgerUnavailable("no")

    predict(ledger, make(1))
    monkeypatch.setattr(feedback_module, "add_event", fail)
    with pytest.raises(LedgerUnavailable):
        record(ledger, heard(customer=ANA))
    assert rows(outsider) == 0


def test_one_key_from_many_threads_at_once_is_one_row(ledger: Ledger, outsider: Outsider, make: Make) -> None:
    predict(ledger, make(1))
    start, answers = threading.Barrier(8), []

    def send(number: int) -> None:
        mine = heard(f"f{number}", customer=ANA, idempotency_key="k", request_digest="d")
        start.wait()
        answers.append(record(ledger, mine).feedback_id)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8
    assert len(set(answers)) == 1
    assert rows(outsider) == 1
    assert len(list_events(ledger)) == 1


def test_the_note_can_be_emptied_by_itself(ledger: Ledger, outsider: Outsider, make: Make) -> None:
    predict(ledger, make(1))
    record(ledger, heard(customer=ANA, note="Jane said so"))
    columns = outsider.execute("SELECT * FROM feedback").fetchone()
    assert sum("Jane" in str(cell) for cell in columns) == 1
    outsider.execute("UPDATE feedback SET note = NULL WHERE customer = ?", (ANA,))
    assert feedback_on(ledger, "id-00000001") == [heard(customer=ANA, prediction_id="id-00000001")]
    assert verify_events(ledger) == "ok"


def test_the_words_are_few_and_all_storable(ledger: Ledger, make: Make) -> None:
    predict(ledger, make(1))
    for word in HEARD:
        record(ledger, replace(heard(f"f-{word}", customer=ANA), heard=word))
    assert {one.heard for one in feedback_on(ledger, "id-00000001")} == set(HEARD)
