"""The page of experiments in each of its states, in both languages; what it does asks first, and what was typed stays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from tidegate.home import open_home
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.operations.desk import experiments
from tidegate.operations.desk.api import create_operate_app
from tidegate.operations.desk.desk import Desk
from tidegate.operations.desk.jobs import Jobs
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings
from unit.operations.desk.test_experiment_routes import NOW as PRESENT
from unit.operations.desk.test_experiment_routes import filled
from unit.ui.visits import away, fake, texts, visit

STARTED, NOW = "2026-10-01T08:00:00.000000+00:00", "2026-11-24T13:00:00.000000+00:00"
EXPERIMENT: dict[str, Any] = {
    "experiment": 2,
    "mode": "ab",
    "treatment_version": "4",
    "treatment_digest": "t",
    "control_version": "3",
    "control_digest": "c",
    "share": 50.0,
    "phases": [
        {"phase": 2, "share": 20.0, "since": STARTED, "who": "ana"},
        {"phase": 3, "share": 50.0, "since": "2026-10-08T08:00:00.000000+00:00", "who": "ana"},
    ],
    "horizon_days": 30,
    "started_at": STARTED,
    "started_by": "ana (operate API)",
    "stopped_at": None,
    "stopped_by": None,
    "stop_reason": None,
    "running": True,
}
ENDED = {
    **EXPERIMENT,
    "experiment": 1,
    "mode": "canary",
    "share": 10.0,
    "stopped_at": "2026-09-02T09:30:00.000000+00:00",
    "stopped_by": "scoring API",
    "stop_reason": "scores: The scores of the treatment are 0.77 away from the champion's, where 0.25 may be.",
    "running": False,
}
ARM: dict[str, Any] = {
    "version": "3",
    "customers": 1240,
    "matured": 900,
    "left": 150,
    "false_positives": 41,
    "false_negatives": 36,
    "feedback": {"agreed_to_stay": 7, "prediction_wrong": 2},
    "answers": 1300,
    "errors": 13,
    "error_rate": 0.0099,
    "latency_ms": {"p50": 3.9, "p95": 15.3, "p99": 22.9},
}
NOTHING = {
    **ARM,
    **dict.fromkeys(("customers", "matured", "left", "false_positives", "false_negatives", "answers", "errors"), 0),
    "feedback": {},
    "error_rate": None,
    "latency_ms": {"p50": None, "p95": None, "p99": None},
}


def between(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def measured(control: float, difference: float, half: float, word: str, level: float = 0.975) -> dict[str, Any]:
    arms = {"control": between(control, 0.03), "treatment": between(control + difference, 0.04)}
    return {**arms, "difference": between(difference, half), "level": level, "word": word}


MEASURES = {
    "roc_auc": measured(0.885, -0.312, 0.06, "treatment worse"),
    "pr_auc": measured(0.679, -0.05, 0.09, "not enough evidence"),
    "false_positive_rate": measured(0.073, -0.072, 0.018, "treatment better", 0.95),
    "false_negative_rate": measured(0.372, 0.01, 0.077, "not enough evidence", 0.95),
}
STATUS: dict[str, Any] = {
    **EXPERIMENT,
    "at": NOW,
    "verdict": "treatment worse",
    "fewest": 20,
    "arms": {"control": ARM, "treatment": {**ARM, "version": "4", "customers": 1225}},
    "measures": MEASURES,
    "error_rate_difference": between(0.0025, 0.004),
    "feedback_wrong_difference": None,
    "sample_ratio": {"p": 0.42, "as_meant": True},
    "shadow": None,
}
EMPTY = {
    **STATUS,
    "verdict": "not enough evidence",
    "arms": {"control": NOTHING, "treatment": {**NOTHING, "version": "4"}},
    "measures": {},
    "error_rate_difference": None,
    "sample_ratio": None,
}


def point(day: int, half: float, word: str = "not enough evidence") -> dict[str, Any]:
    known = {"matured": 10 * day, "left": day}
    then = {"difference": between(-0.3, half), "level": 0.975, "word": word}
    return {
        "at": f"2026-11-{day:02d}T08:00:00.000000+00:00",
        "control": known,
        "treatment": known,
        "verdict": word,
        "measures": {"roc_auc": then, "pr_auc": then} if day > 3 else {},
    }


TIMELINE: dict[str, Any] = {
    "experiment": 2,
    "at": NOW,
    "begins_at": "2026-10-31T08:00:00.000000+00:00",
    "points": [point(2, 1), point(7, 0.5), point(12, 0.2, "treatment worse"), point(24, 0.1, "treatment worse")],
}
MODELS = {"champion": {"version": "3", "digest": "c", "since": STARTED}, "models": []}
OTHERS = [{"version": "5", "champion": False}, {"version": "4", "champion": False, "damaged": "x"}, {"version": "3", "champion": True}]
NONE_YET: dict[str, Any] = {"/experiments": {"experiments": []}, "/models": {**MODELS, "models": OTHERS}}


def runs(status: Mapping[str, Any] | tuple[int, str] = STATUS, timeline: Any = TIMELINE, **about: Any) -> dict[str, Any]:
    """The API while an experiment runs, or the last one has ended."""
    shown = {**EXPERIMENT, **about}
    answer = status if isinstance(status, tuple) else {**status, **about}
    return {
        "/experiments": {"experiments": [shown]},
        "/experiments/status": answer,
        "/experiments/timeline": timeline,
        "/models": {**MODELS, "models": OTHERS},
    }


def page() -> None:
    from tidegate.ui import session
    from tidegate.ui.pages import experiment

    session.show_key()
    experiment.show()


def shown(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], language: str = "en") -> AppTest:
    return visit(monkeypatch, page, away(), fake(answers), language)


def everything(test: AppTest) -> str:
    tables = [str(cell) for table in [*test.table, *test.dataframe] for row in table.value.to_numpy() for cell in row]
    return "\n".join([texts(test), *tables]).replace("\\", "").replace("\u00a0", " ")


def pressed(test: AppTest, label: str) -> AppTest:
    next(one for one in test.button if one.label == label).click().run()
    assert not test.exception, test.exception
    return test


class Acting:
    """An API that keeps what it was told, and refuses it, or does it: from then on it answers `then`."""

    def __init__(self, answers: dict[str, Any], refusal: tuple[int, str] | None = None, then: dict[str, Any] | None = None) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.answers, self.refusal, self.then = answers, refusal, then or answers

    def client(self) -> httpx.Client:
        def handle(request: httpx.Request) -> httpx.Response:
            if request.method == "GET":
                return httpx.Response(200, json=self.answers[request.url.path])
            self.told.append((request.url.path, json.loads(request.content)))
            if self.refusal:
                return httpx.Response(self.refusal[0], json={"error": "x", "detail": self.refusal[1], "id": "1"})
            self.answers = self.then
            return httpx.Response(200, json=EXPERIMENT)

        return httpx.Client(transport=httpx.MockTransport(handle), base_url="http://api")


def test_none_yet_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    test = shown(monkeypatch, NONE_YET)
    said = texts(test)
    assert "No experiment has run here yet." in said
    assert "Start an experiment" in said
    assert [one.options for one in test.selectbox] == [["5"]]
    assert [one.label for one in test.button] == ["Start…"]


def test_without_another_version_or_a_champion_there_is_nothing_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = shown(monkeypatch, {**NONE_YET, "/models": {**MODELS, "models": OTHERS[2:]}})
    assert "no other version to try beside version 3" in texts(alone)
    nobody = shown(monkeypatch, {**NONE_YET, "/models": {"champion": None, "models": []}})
    assert "There is no champion yet." in texts(nobody)
    assert not [*alone.button, *nobody.button]


def test_running_without_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = {**TIMELINE, "points": [point(2, 1)]}
    said = everything(shown(monkeypatch, runs(EMPTY, nothing)))
    for part in (
        "Not enough evidence yet.",
        "it does 30 days after its prediction, here from 31 Oct 2026, 08:00 UTC on",
        "Nothing to compare yet",
        "Nothing to draw yet. Outcomes count from 31 Oct 2026, 08:00 UTC on; as of 24 Nov 2026, 13:00 UTC.",
        "Split of the customers: there are none yet.",
    ):
        assert part in said, part
    few = {**EMPTY, "arms": {"control": {**ARM, "matured": 30, "left": 12}, "treatment": {**ARM, "matured": 25, "left": 4}}}
    lacking = "Each arm needs 20 customers who left and 20 who stayed. So far, control: 12 left, 18 stayed; treatment: 4 left, 21 stayed."
    assert lacking in everything(shown(monkeypatch, runs(few, nothing)))


def test_running_with_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    test = shown(monkeypatch, runs())
    said = everything(test)
    for part in (
        "Experiment 2: version 4 beside version 3",
        "Mode: A/B",
        "Share of the customers: 50%",
        "Share: 20% since 1 Oct 2026, 08:00 UTC, 50% since 8 Oct 2026, 08:00 UTC.",
        "Version 4 tells leavers from stayers worse than version 3.",
        "Stop the experiment, below.",
        "p = 0.420, as meant",
        "As of 24 Nov 2026, 13:00 UTC",
        "-0.312 (-0.372 to -0.252)",
        "0.885 (0.855 to 0.915)",
        "treatment − control +0.25 (-0.15 to +0.65) percentage points",
        "Above the line the treatment is better",
        "3 of 4 looks",
    ):
        assert part in said, part
    facts = test.dataframe[0].value.set_index("Customers and answers")
    assert facts.loc["Customers"].tolist() == ["1,240", "1,225"]
    assert facts.loc["Latency P95 (ms)"].tolist() == ["15.3", "15.3"]
    assert facts.loc["Error rate"].tolist() == ["0.99%", "0.99%"]
    assert facts.loc["Feedback: prediction wrong"].tolist() == ["2", "2"]


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("treatment better", "Version 4 tells leavers from stayers better than version 3.** Promote it"),
        ("the measures disagree", "The measures disagree"),
        ("not enough evidence", "Neither ROC-AUC nor PR-AUC shows a clear difference"),
    ],
)
def test_each_verdict_is_a_sentence(monkeypatch: pytest.MonkeyPatch, verdict: str, said: str) -> None:
    found = everything(shown(monkeypatch, runs({**STATUS, "verdict": verdict})))
    assert said in found
    assert "Not to be trusted" not in found


def test_a_split_not_as_meant_comes_before_any_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = "not to be trusted: customers were not split as meant"
    said = everything(shown(monkeypatch, runs({**STATUS, "verdict": wrong, "sample_ratio": {"p": 1e-9, "as_meant": False}})))
    assert "Not to be trusted: the customers were not split as meant." in said
    assert "p < 0.001, NOT as meant. Look for a server" in said
    assert "tells leavers from stayers" not in said


def test_a_stopped_canary_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = {name: ENDED[name] for name in ("mode", "stopped_at", "stopped_by", "stop_reason", "running")}
    test = shown(monkeypatch, runs(EMPTY, {**TIMELINE, "points": []}, **ended))
    (why,) = (one.value.replace("\\", "") for one in test.error)
    assert why.startswith("The service stopped this canary by itself. **The scores of the treatment are 0.77 away")
    assert test.table[-1].value.iloc[0]["How it ended"].startswith("The scores of the treatment were too far")
    assert "Start an experiment" in texts(test)
    french = shown(monkeypatch, runs(EMPTY, {**TIMELINE, "points": []}, **ended), "fr")
    assert "Les scores du traitement étaient trop éloignés" in everything(french)


def test_an_end_by_a_person_or_a_promotion(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = {"stopped_at": NOW, "stopped_by": "bob", "running": False}
    said = everything(shown(monkeypatch, runs(stop_reason="[enough](x)", **ended)))
    assert "Reason: [enough](x)" in said
    assert "Stop the experiment, below." not in said
    promoted = shown(monkeypatch, runs(stop_reason="Version 4 is the champion now.", **ended), "fr")
    assert "La version 4 est désormais le champion." in everything(promoted)


def test_a_reason_is_no_markdown(monkeypatch: pytest.MonkeyPatch) -> None:
    test = shown(monkeypatch, runs(stop_reason="[a](javascript:x)", stopped_at=NOW, stopped_by="bob", running=False))
    (ended,) = (one.value for one in test.info)
    assert r"\[a\]\(javascript\:x\)" in ended
    assert r"\[a\]\(javascript\:x\)" in test.table[-1].value.iloc[0]["How it ended"]


def test_a_shadow(monkeypatch: pytest.MonkeyPatch) -> None:
    status = {**STATUS, "mode": "shadow", "sample_ratio": None, "shadow": {"predictions": 2000, "scored": 1500}}
    test = shown(monkeypatch, runs(status, mode="shadow"))
    said = everything(test)
    assert "Shadow scores: 1,500 of 2,000 predictions (75.0%)." in said
    assert "Split of the customers" not in said
    assert test.dataframe[0].value.set_index("Customers and answers").loc["Customers"].tolist() == ["1,240", "–"]
    assert "nobody gets its answers" in said
    everybody = texts(shown(monkeypatch, runs(status, mode="shadow", share=100.0)))
    assert "the share cannot rise" in everybody


def test_a_past_one_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    answers = {**runs(), "/experiments": {"experiments": [EXPERIMENT, ENDED]}}

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url.raw_path.decode()))
        return httpx.Response(200, json=answers[request.url.path])

    operate = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://api")
    test = visit(monkeypatch, page, away(), operate)
    assert len(test.table[-1].value) == 2
    asked.clear()
    test.selectbox[0].set_value(1).run()
    assert "/experiments/status?number=1" in asked
    assert "Experiment 1: version 4 beside version 3" in texts(test)
    assert "Change experiment 2" in texts(test)


def test_a_start_asks_first_then_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Acting(NONE_YET, then=runs())
    test = visit(monkeypatch, page, away(), api.client())
    test.radio[0].set_value("canary").run()
    next(one for one in test.number_input if one.key == "experiment.share.canary").set_value(7.5).run()
    next(one for one in test.number_input if one.key == "experiment.days").set_value(14).run()
    pressed(test, "Start…")
    (sentence,) = (one.value for one in test.warning)
    assert "Version 5 answers 7.5% of the customers from now on" in sentence
    assert "Outcomes count 14 days after their prediction." in sentence
    assert api.told == []
    pressed(test, "Yes, do that")
    assert api.told == [
        ("/experiments", {"treatment": "5", "mode": "canary", "share": 7.5, "horizon_days": 14, "seen_running": 0}),
    ]
    assert next(one.value for one in test.success) == "Experiment 2 runs: version 4 beside version 3."


def test_a_no_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Acting(NONE_YET)
    test = pressed(visit(monkeypatch, page, away(), api.client()), "Start…")
    pressed(test, "No, change nothing")
    assert (api.told, [*test.warning]) == ([], [])


def test_a_share_is_raised_for_the_one_that_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Acting(runs())
    test = visit(monkeypatch, page, away(), api.client())
    next(one for one in test.number_input if one.key == "experiment.raise.share").set_value(80.0).run()
    pressed(test, "Raise the share…")
    assert "Experiment 2 takes 80% of the customers from now on." in texts(test)
    pressed(test, "Yes, do that")
    assert api.told == [("/experiments", {"treatment": "4", "mode": "ab", "share": 80.0, "seen_running": 2})]


def test_a_stop_needs_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Acting(runs())
    test = pressed(visit(monkeypatch, page, away(), api.client()), "Stop…")
    assert "Nothing was done: say why" in texts(test)
    reason = next(one for one in test.text_input if one.key == "experiment.reason")
    reason.set_value("worse").run()
    pressed(test, "Stop…")
    assert "Experiment 2 ends for good, and version 3 answers everyone again" in texts(test)
    pressed(test, "Yes, do that")
    assert api.told == [("/experiments/stop", {"reason": "worse", "seen_running": 2})]
    assert next(one for one in test.text_input if one.key == "experiment.reason").value == ""


@pytest.mark.parametrize(
    "refusal",
    [
        (422, "There is no version 5 in this home. There are: 3."),
        (422, "Experiment 7 (ab) is running."),
        (409, "Experiment 7 runs by now."),
    ],
)
def test_a_refusal_is_a_sentence_and_what_was_typed_stays(monkeypatch: pytest.MonkeyPatch, refusal: tuple[int, str]) -> None:
    api = Acting(NONE_YET, refusal)
    test = visit(monkeypatch, page, away(), api.client())
    next(one for one in test.number_input if one.key == "experiment.share.ab").set_value(33.0).run()
    pressed(pressed(test, "Start…"), "Yes, do that")
    assert [one.value for one in test.error] == [f"Refused: {refusal[1]}"]
    test.run()
    assert next(one for one in test.number_input if one.key == "experiment.share.ab").value == 33.0
    assert [one.label for one in test.button] == ["Start…"]


def test_where_the_api_goes_away_one_sentence_says_so_and_what_was_typed_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    from tidegate.ui import session

    test = shown(monkeypatch, runs())
    next(one for one in test.text_input if one.key == "experiment.reason").set_value("worse").run()
    pressed(test, "Stop…")
    monkeypatch.setattr(session, "_connected", lambda _: away())
    pressed(test, "Yes, do that")
    gone = [one.value for one in test.error if "does not answer" in one.value]
    assert len(gone) == 1
    assert next(one for one in test.text_input if one.key == "experiment.reason").value == "worse"
    assert "-0.312" in everything(test)
    assert "ends for good" in texts(test)


def test_who_was_faster_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Acting(NONE_YET)
    test = pressed(visit(monkeypatch, page, away(), api.client()), "Start…")
    api.answers = runs()
    test.run()
    assert "Somebody was faster" in texts(test)
    assert api.told == []


def test_api_down(monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(monkeypatch, page, away(), away())
    assert [one.value for one in test.error] == [
        "The operate API does not answer. Start it, or wait a moment and try again; what you typed stays."
    ]


def test_no_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    test = shown(monkeypatch, {"/experiments": (403, "It needs the role operate.")})
    assert [one.value for one in test.warning] == ["Your key may not do this: It needs the role operate."]
    key = shown(monkeypatch, {"/experiments": (401, "This route needs an API key.")})
    assert [one.value for one in key.warning] == ["An API key is needed: give it at the side."]


def test_a_status_that_is_refused_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    test = shown(monkeypatch, runs((503, "The ledger does not answer.")))
    assert [one.value for one in test.error] == ["Refused: The ledger does not answer."]
    assert "Change experiment 2" in texts(test)


def test_in_french(monkeypatch: pytest.MonkeyPatch) -> None:
    said = everything(shown(monkeypatch, runs(), "fr"))
    for part in (
        "Expérience 2 : la version 4 à côté de la version 3",
        "La version 4 distingue moins bien que la version 3",
        "p = 0,420, comme prévu",
        "-0,312 (de -0,372 à -0,252)",
        "Latence P95 (ms)",
        "1\u202f240",
        "Modifier l’expérience 2",
    ):
        assert part in said, part
    assert "treatment" not in said


def test_the_page_reads_what_the_real_api_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    ledger = open_ledger(sqlite_url(home.ledger))
    desk = Desk(home, Settings(home=home.root), ledger, Jobs(), Metrics(), tmp_path)
    filled(desk)
    monkeypatch.setattr(experiments, "now", lambda: PRESENT)
    with TestClient(create_operate_app(desk)) as client:
        test = visit(monkeypatch, page, away(), client)
        said = everything(test)
        for part in ("Experiment 1: version 2 beside version 1", "Not enough evidence yet.", " of 14 looks", "p = 1.000", "200\n200"):
            assert part in said, part
        next(one for one in test.text_input if one.key == "experiment.reason").set_value("seen enough").run()
        pressed(pressed(test, "Stop…"), "Yes, do that")
        assert "Reason: seen enough" in everything(test)
    close_ledger(ledger)
