"""The trials can fail: evidence of a lost, doubled or changed row, a missing fsync or a wrong replay turns their verdicts red."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from trials.evidence import Stored, once
from trials.files import Seen as SeenFiles
from trials.files import judge as judge_files
from trials.generated import Seen, accepted_violations, spoilt
from trials.generated import judge as judge_cases
from trials.syncs import judge, order_of
from trials.traffic import Answer
from trials.verdict import MISSED, REACHED, SKIPPED, judged, skipped, table

ANSWERS = [Answer(f"k{number}", f"p{number}", 0.1 * number, "1") for number in range(4)]
STORED = [Stored(one.key, one.prediction_id, one.probability, one.version) for one in ANSWERS]


def test_every_answer_stored_once_is_no_fault_and_unanswered_rows_are_none_either() -> None:
    again = [*ANSWERS, ANSWERS[0]]
    assert once(again, [*STORED, Stored("k9", "p9", 0.5, "1"), Stored(None, "p10", 0.5, "1"), Stored(None, "p11", 0.5, "1")]) == []


@pytest.mark.parametrize(
    ("answers", "stored", "fault"),
    [
        (ANSWERS, STORED[1:], "p0 was acknowledged and is not in the ledger"),
        (ANSWERS, [*STORED, STORED[2]], "p2 stored 2 times"),
        (ANSWERS, [*STORED, replace(STORED[2], prediction_id="p9")], "k2 stored 2 times"),
        (ANSWERS, [replace(STORED[0], probability=math.nextafter(0.0, 1.0)), *STORED[1:]], "p0 is in the ledger with another"),
        (ANSWERS, [replace(STORED[0], probability=-0.0), *STORED[1:]], "p0 is in the ledger with another"),
        (ANSWERS, [replace(STORED[0], version="2"), *STORED[1:]], "p0 is in the ledger with another"),
        (ANSWERS, [replace(STORED[0], key="k9"), *STORED[1:]], "p0 is in the ledger with another"),
        ([*ANSWERS, replace(ANSWERS[0], prediction_id="p1", key="k0")], STORED, "the key k0 was answered with two predictions"),
    ],
)
def test_a_lost_a_doubled_and_a_changed_row_are_faults(answers: list[Answer], stored: list[Stored], fault: str) -> None:
    assert any(fault in one for one in once(answers, stored))


READ = '71 10.1 read(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, "POST /predict HT"..., 65536) = 700'
SYNC = "72 10.2 fdatasync(5</home/ledger.db-wal>) = 0"
TOLD = '71 10.3 write(9<TCP:[127.0.0.1:1->127.0.0.1:2]>, "HTTP/1.1 200 OK\\r"..., 500) = 500'
SPLIT = [
    "71 10.1 read(9<TCP:[127.0.0.1:1->127.0.0.1:2]>,  <unfinished ...>",
    '71 10.1 <... read resumed>"POST /predict HT"..., 65536) = 700',
    "72 10.2 fdatasync(5</home/ledger.db-wal> <unfinished ...>",
    "72 10.2 <... fdatasync resumed>)        = 0",
    TOLD,
]


@pytest.mark.parametrize(
    ("lines", "too_early"),
    [
        ([READ, SYNC, TOLD] * 2, 0),
        (SPLIT, 0),
        ([READ, TOLD, SYNC], 1),
        ([SYNC, READ, TOLD], 1),
        ([READ, SYNC, TOLD, READ, TOLD], 1),
        ([READ, SYNC.replace("ledger.db-wal", "other"), TOLD], 1),
        ([READ, SYNC.replace("= 0", "= -1 EIO"), TOLD], 1),
        ([*SPLIT[:3], TOLD, SPLIT[3]], 1),  # acknowledged while the disk was still at work
        ([SPLIT[2], READ, SPLIT[3], TOLD], 1),  # begun before the request had come: it may not hold it
    ],
)
def test_an_acknowledgement_without_a_synchronised_ledger_before_it_is_seen(lines: list[str], too_early: int) -> None:
    found = order_of(lines)
    assert found.acknowledged == sum(line == TOLD for line in lines)
    assert found.too_early == too_early
    row = judge("test", "wanted", found, 1, found.acknowledged)
    assert row.verdict == (MISSED if too_early else REACHED)


def test_a_trace_that_lost_an_acknowledgement_proves_nothing() -> None:
    assert judge("test", "wanted", order_of([READ, SYNC, TOLD]), 1, 2).verdict == MISSED


CUSTOMER = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"], "additionalProperties": False}
MANY = {"type": "object", "properties": {"customers": {"type": "array", "items": CUSTOMER, "maxItems": 3}}, "required": ["customers"]}
DOCUMENT = {
    "paths": {
        path: {"post": {"requestBody": {"content": {"application/json": {"schema": schema}}}}}
        for path, schema in (("/predict", CUSTOMER), ("/predict-batch", MANY))
    }
}


def test_an_accepted_violation_is_seen_and_a_rejected_item_is_none() -> None:
    def found(path: str, sent: bytes, status: int = 200, answered: bytes = b'{"rejected": []}') -> int:
        return len(accepted_violations(DOCUMENT, path, status, sent, answered))

    assert found("/predict", b'{"age": 4}') == 0
    assert found("/predict", b'{"age": "4"}') == 1
    assert found("/predict", b"{'age'}") == 1
    assert found("/predict", b'{"age": "4"}', 422) == 0
    assert found("/predict-batch", b'{"customers": [{"age": 4}, {"age": "4"}]}', answered=b'{"rejected": [{"index": 1}]}') == 0
    assert found("/predict-batch", b'{"customers": [{"age": 4}, {"age": "4"}]}', answered=b'{"rejected": [{"index": 0}]}') == 1
    assert found("/predict-batch", b'{"customers": [{"age": 4}, {"age": 4}, {"age": 4}, {"age": 4}]}') == 1


def test_what_is_sent_again_with_a_fault_breaks_the_document() -> None:
    wrong = [json.dumps(one).encode() for one in spoilt({"age": 4})]
    assert all(accepted_violations(DOCUMENT, "/predict", 200, one, b"{}") for one in wrong)
    assert len(set(wrong)) == 4


def test_generated_cases_miss_their_figure_for_one_fault_for_few_answers_and_for_few_cases() -> None:
    seen = Seen()
    seen.statuses.update({200: 20, 422: 80})
    assert judge_cases(seen, 100).verdict == REACHED
    assert judge_cases(seen, 101).verdict == MISSED
    seen.statuses[200] -= 1
    seen.statuses[422] += 1
    assert judge_cases(seen, 100).verdict == MISSED
    seen.statuses.update({200: 100})
    seen.fault("5xx", "POST /predict")
    assert judge_cases(seen, 100).verdict == MISSED


def test_a_file_that_costs_too_much_memory_is_a_fault() -> None:
    seen = SeenFiles()
    seen.grew("upload", 199.9, "a table")
    assert judge_files(seen, 1).verdict == REACHED
    seen.grew("upload", 200.0, "a bomb")
    assert judge_files(seen, 2).verdict == MISSED


def test_a_row_says_what_is_wrong_and_a_table_holds_every_row() -> None:
    row = judged("kills", "none lost", "4 lost", ["a", "b", "c", "d"])
    assert (row.verdict, row.measured) == (MISSED, "4 lost; a; b; c and 1 more")
    printed = table([row, skipped("syncs", "one", "strace is not installed")]).splitlines()
    assert len(printed) == 4
    assert SKIPPED in printed[3]
