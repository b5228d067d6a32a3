"""The overview in each of its states: no champion, fresh, in trouble, an API down, a key asked for, a key of another role."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from unit.ui.visits import away, fake, texts, visit

SERVES = {"/ready": {"status": "ready", "model_version": "3"}}
FRESH: dict[str, Any] = {
    "/models": {"champion": {"version": "3", "digest": "d", "since": "2026-09-24T02:24:00+00:00"}, "models": []},
    "/models/3": {
        "version": "3",
        "algorithm": "lightgbm",
        "created_at": "2026-09-24T02:20:00+00:00",
        "card": {"model": {"meaning": "Customers"}, "metrics": {"pr_auc": {"value": 0.8125, "low": 0.75, "high": 0.875}}},
    },
    "/alerts": {"open": [], "undelivered": []},
    "/renewals": {"renewals": [], "jobs": []},
    "/experiments": {"experiments": []},
    "/monitoring": {"batches": [], "jobs": []},
    "/traffic": {"hours": [{"at": "2026-11-24T13:00:00+00:00", "predictions": 0}]},
}
BATCH = {
    "folder": "b",
    "batch": "november",
    "at": "2026-11-23T02:03:00+00:00",
    "health": "FAIL",
    "rows": 4000,
    "quarantined": 100,
    "drifted_features": ["a", "b"],
    "estimated_roc_auc": 0.875,
    "realised_roc_auc": None,
}


def page() -> None:
    from tidegate.ui import session
    from tidegate.ui.pages import overview

    session.show_key()
    overview.show()


def with_(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(FRESH), **{f"/{path}": answer for path, answer in changes.items()}}


def test_without_a_champion_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    said = texts(visit(monkeypatch, page, fake(SERVES), fake(with_(models={"champion": None, "models": []}))))
    assert "tidegate train" in said
    assert "PR-AUC" not in said


def test_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    said = texts(visit(monkeypatch, page, fake(SERVES), fake(FRESH)))
    for part in ("Nothing.", "Version: 3", "Service: ready", "PR-AUC: 0.812", "0.750 to 0.875", "24 Sept 2026, 02:24 UTC", "None runs."):
        assert part in said, part
    assert "The service scored nobody" in said
    assert "No batch was monitored yet" in said
    assert "Recall: –" in said


def test_in_french(monkeypatch: pytest.MonkeyPatch) -> None:
    said = texts(visit(monkeypatch, page, fake(SERVES), fake(FRESH), "fr"))
    for part in ("Vue d’ensemble", "Rien.", "PR-AUC: 0,812", "de 0,750 à 0,875", "24 sept. 2026"):
        assert part in said, part


def test_what_waits_and_what_is_wrong_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {
        "renewal": 7,
        "challenger": "4",
        "champion": "3",
        "batch": "november",
        "decided_at": BATCH["at"],
        "reasons": [],
        "gates": [],
        "waiting": True,
        "concluded": None,
        "superseded_by": None,
    }
    alert = {"kind": "drift", "severity": "critical", "title": "Drift in 4 features", "detail": "Batch november.", "since": BATCH["at"]}
    running = {
        "experiment": 2,
        "mode": "ab",
        "treatment_version": "4",
        "control_version": "3",
        "share": 20,
        "phases": [],
        "horizon_days": 30,
        "started_at": BATCH["at"],
        "started_by": "ana",
        "stopped_at": None,
        "stopped_by": None,
        "stop_reason": None,
    }
    changes: dict[str, Any] = {
        "renewals": {"renewals": [{**held, "decision": "held"}, {**held, "decision": "canary", "renewal": 8}], "jobs": []},
        "alerts": {"open": [alert], "undelivered": [{}]},
        "experiments": {"experiments": [{**running, "stopped_at": BATCH["at"], "experiment": 1}, running]},
        "monitoring": {"batches": [BATCH], "jobs": []},
        "traffic": {"hours": [{"at": "2026-11-24T13:00:00+00:00", "predictions": 1200}]},
    }
    test = visit(monkeypatch, page, fake({"/ready": {"model_version": "2"}}), fake(with_(**changes)))
    said = texts(test)
    for part in (
        "Renewal 7 is held: version 4",
        "Drift in 4 features",
        "have not reached their channel yet: 1.",
        "Experiment 2 (A/B): version 4 beside version 3",
    ):
        assert part in said, part
    for part in ("Health: ✕ FAIL", "Drifted features: 2", "ROC-AUC, estimated: 0.875", "4,000 rows, 2.5% quarantined", "24 hours: 1,200"):
        assert part in said, part
    assert "Renewal 8" not in said
    assert "Nothing." not in said
    assert "Service: on version 2" in said


def test_scoring_down_is_said_and_the_rest_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    said = texts(visit(monkeypatch, page, away(), fake(FRESH)))
    assert "Service: down" in said
    assert "Version: 3" in said


def test_operate_down_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(monkeypatch, page, fake(SERVES), away())
    assert [one.value for one in test.error] == [
        "The operate API does not answer. Start it, or wait a moment and try again; what you typed stays."
    ]


def test_a_part_that_fails_does_not_take_the_others_along(monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(monkeypatch, page, fake(SERVES), fake(with_(traffic=(503, "The ledger does not answer."))))
    assert [one.value for one in test.error] == ["Refused: The ledger does not answer."]
    assert "Version: 3" in texts(test)
    assert "Nothing." in texts(test)


def test_a_key_is_asked_for_used_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(monkeypatch, page, fake(SERVES), fake(with_(models=(401, "This route needs an API key."))))
    assert [one.value for one in test.warning] == ["An API key is needed: give it at the side."]
    (field,) = test.sidebar.text_input
    assert field.proto.type == field.proto.PASSWORD
    field.input("tg_secret")
    test.sidebar.button[0].click().run()
    assert test.session_state["tidegate.key"] == "tg_secret"
    assert "tg_secret" not in str(test.main) + str(test.sidebar)
    assert [one.value[:31] for one in test.warning] == ["The API does not know this key,"]


def test_a_key_of_another_role_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(monkeypatch, page, fake(SERVES), fake(with_(models=(403, "It needs the role operate."))))
    assert [one.value for one in test.warning] == ["Your key may not do this: It needs the role operate."]
