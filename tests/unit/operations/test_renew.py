"""A renewal from what monitoring found to a champion, a canary, a question or a refusal; nothing is ever half-promoted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from conftest import TrainedHome
from renewals import DRIFTED, SEEN, keep_batch, monitored, record_labels, simulated
from tidegate.customers.history import History
from tidegate.customers.kept_rows import HOLDOUT, TRAIN, read_kept
from tidegate.customers.spec import load_spec
from tidegate.errors import AlreadyDecided, HomeRefused, InputRefused, NotEnoughData, NotFound, RegistryUnavailable
from tidegate.home import RENEWAL_LOCK, Home, exclusive
from tidegate.ledger.events import list_events, verify_events
from tidegate.ledger.experiments import CANARY_STOPPED, running_experiment, stop_experiment
from tidegate.ledger.exposures import Counts, write_counts
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.operations import champion as champion_verbs
from tidegate.operations import renew as verb
from tidegate.operations.history import history
from tidegate.operations.renew import Renewed, conclude, renew
from tidegate.operations.renewal_list import renewal_lines, renewal_list
from tidegate.registry import appoint
from tidegate.renewal import renew as flow
from tidegate.settings import read_settings
from tidegate.storage.files import Folder
from tidegate.storage.pointer import read_pointer
from tidegate.training.order import Order

LATER = SEEN + timedelta(days=40)
BANK = load_spec("bank")


@dataclass
class Desk:
    """A home that asks for a renewal, and somebody at it at a time of their own."""

    home: Home
    ledger: Ledger
    now: datetime = LATER

    def renew(self, reason: str = "", dry_run: bool = False, **settings: Any) -> Renewed:
        chosen = read_settings(**{"renewal_budget": "quick", "renewal_algorithms": "logistic_regression", **settings})
        return renew(self.home, chosen, self.ledger, reason, dry_run, "ada", lambda text, share: None, lambda: self.now)

    def conclude(self, number: int, approve: bool, reason: str, who: str, **settings: Any) -> Renewed:
        return conclude(self.home, read_settings(**settings), self.ledger, number, approve, reason, who, self.now)

    @property
    def told(self) -> list[str]:
        return [said["key"] for said in self.events("alert raised")[::-1]]

    @property
    def champion(self) -> str:
        pointer = read_pointer(Folder(self.home.storage))
        assert pointer is not None
        return pointer.version

    def events(self, what: str) -> list[dict[str, Any]]:
        return [json.loads(event.evidence) for event in list_events(self.ledger, what)]


def opened(home: Home) -> Ledger:
    return open_ledger(sqlite_url(home.ledger))


@pytest.fixture(scope="module")
def changed(trained: TrainedHome, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, History]:
    """After a concept drift, with labels and an audit, and a challenger that a dry run has trained: the tests do not train again."""
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(trained.home.root, folder / "home")
    home = Home(folder / "home")
    customers = simulated(folder, 5_000, 99, 1.0)
    assert customers.ids is not None
    keep_batch(home, "prod_batch_02", customers)
    monitored(home, "prod_batch_02", DRIFTED)
    home.secrets.mkdir(mode=0o700, exist_ok=True)
    (home.secrets / "customer.key").write_bytes(bytes(range(32)))
    ledger = opened(home)
    record_labels(home, ledger, customers.ids, customers.label)
    tried = Desk(home, ledger).renew(dry_run=True)
    close_ledger(ledger)
    assert (tried.challenger, tried.dry_run) == ("2", True)
    return home, customers


@pytest.fixture
def desk(changed: tuple[Home, History], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A copy of its own; nothing trains, because the challenger is there."""
    monkeypatch.setattr(champion_verbs, "told_registry", lambda home: "")
    shutil.copytree(changed[0].root, tmp_path / "home")
    home = Home(tmp_path / "home")
    ledger = opened(home)
    yield Desk(home, ledger)
    close_ledger(ledger)


@pytest.fixture
def audited(desk: Desk, changed: tuple[Home, History]) -> Desk:
    """With an audit sample. What is learned from is another table then, so the challenger of before is given out for this one's."""
    customers = changed[1]
    assert customers.ids is not None
    record_labels(desk.home, desk.ledger, customers.ids[:300], customers.label[:300], audit=True)
    return desk


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    said = desk.events("trained")[0]
    monkeypatch.setattr(flow, "_trained_on", lambda *_: (said["version"], said["digest"]))


def test_a_dry_run_shows_who_and_why_and_promotes_nothing(desk: Desk) -> None:
    before = [event.sequence for event in list_events(desk.ledger)]
    tried = desk.renew(dry_run=True)
    assert (tried.decision, desk.champion) == ("held", "1")
    assert [event.sequence for event in list_events(desk.ledger)] == before
    assert tried.replay is not None
    document = json.loads(json.dumps(tried.document(), allow_nan=False))
    assert document["replay"]["customers"] == 5_000
    assert document["replay"]["newly_flagged"] > 100
    assert document["replay"]["columns"]
    assert sum(one["customers"] for one in document["replay"]["groups"] if one["column"] == "gender") == 5_000
    assert "nothing was promoted" in tried.summary()


@pytest.mark.usefixtures("at_hand")
def test_an_audit_that_agrees_promotes_with_the_evidence_on_record(audited: Desk) -> None:
    done = audited.renew()
    assert (done.decision, done.champion, audited.champion) == ("promoted", "1", "2")
    assert all(gate.passed for gate in done.gates)
    promoted, decided = audited.events("promoted")[0], audited.events("renewal decided")[0]
    assert promoted["renewal"] == decided["renewal"] == done.renewal
    assert {gate["name"] for gate in promoted["gates"]} >= {"audit_pr_auc_gain", "audit_shows_changed_world", "replay_errors"}
    reigns = history(audited.home, audited.ledger, 20).document()["champions"]
    assert [(one["version"], one["to"], one["by"]) for one in reigns] == [("2", None, "ada"), ("1", reigns[0]["from"], "test")]
    assert reigns[0]["evidence"]["gates"] == promoted["gates"]
    again = audited.renew()
    assert (again.decision, again.alarm) == ("not_needed", False)
    assert verify_events(audited.ledger) == "ok"


@pytest.mark.usefixtures("at_hand")
def test_the_new_reference_holds_out_whom_nobody_learned_from(audited: Desk) -> None:
    audited.renew()
    pointer = read_pointer(Folder(audited.home.storage))
    assert pointer is not None
    kept = read_kept(audited.home.reference / f"{pointer.digest}.parquet", BANK)
    held, learned = ({*kept.ids[kept.part == part]} for part in (HOLDOUT, TRAIN))
    assert len(held) > 700
    assert json.loads(kept.about["batches"]) == ["prod_batch_02-01234567"]
    old = read_kept(next(path for path in audited.home.reference.iterdir() if pointer.digest not in path.name), BANK)
    assert not held & {*old.ids}  # the holdout of the old world is retired: the audit showed that it is gone
    assert not learned & {*old.ids[old.part == HOLDOUT]}
    assert np.isfinite(kept.probability).all()


@pytest.mark.usefixtures("at_hand")
def test_one_that_was_killed_after_its_promotion_says_so_later(audited: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(verb, "record_decision", interrupted)
        with pytest.raises(KeyboardInterrupt):
            audited.renew()
    assert (audited.champion, audited.events("renewal decided")) == ("2", [])
    done = audited.renew()
    assert (done.decision, done.challenger, done.champion, done.alarm) == ("promoted", "2", "1", False)
    (decided,) = audited.events("renewal decided")
    assert (decided["batch"], decided["renewal"]) == ("prod_batch_02", audited.events("promoted")[0]["renewal"])
    assert audited.renew().decision != "promoted"


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("at_hand")
def test_a_promotion_that_was_killed_before_the_pointer_moved_is_one_reign(audited: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(appoint, "move_pointer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            audited.renew()
    assert (audited.champion, len(audited.events("promoted"))) == ("1", 2)
    assert audited.renew().decision == "promoted"
    reigns = history(audited.home, audited.ledger, 20).document()["champions"]
    assert [one["version"] for one in reigns] == ["2", "1"]


def test_an_approval_that_was_killed_after_its_promotion_is_repeated(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    number = desk.renew().renewal
    assert number is not None
    with monkeypatch.context() as killed:
        killed.setattr(verb, "record_conclusion", interrupted)
        with pytest.raises(KeyboardInterrupt):
            desk.conclude(number, True, "checked", "ada")
    assert desk.champion == "2"
    with pytest.raises(AlreadyDecided, match="Version 2 is the champion already"):
        desk.conclude(number, False, "second thoughts", "ada")
    assert desk.conclude(number, True, "checked", "ada").decision == "promoted"
    with pytest.raises(AlreadyDecided, match="is held"):
        desk.conclude(number, False, "too late", "ada")


def test_without_an_audit_it_is_held_and_a_person_decides(desk: Desk) -> None:
    held = desk.renew()
    assert (held.decision, held.alarm, desk.champion) == ("held", True, "1")
    assert any("audit_positives" in reason for reason in held.reasons)
    assert desk.events("renewal held")[0]["renewal"] == held.renewal
    assert held.renewal is not None
    with pytest.raises(NotFound, match=f"Held: {held.renewal}"):
        desk.conclude(999, True, "looks fine", "bob")
    with pytest.raises(InputRefused, match="reason"):
        desk.conclude(held.renewal, True, " ", "bob")
    done = desk.conclude(held.renewal, True, "checked by hand", "bob")
    assert (done.decision, desk.champion) == ("promoted", "2")
    said = desk.events("promoted")[0]
    assert said["reason"] == "checked by hand"
    assert said["held_because"] == list(held.reasons)
    with pytest.raises(AlreadyDecided, match="None is held"):
        desk.conclude(held.renewal, False, "too late", "bob")


def test_a_held_one_that_is_refused_leaves_the_champion(desk: Desk) -> None:
    held = desk.renew()
    assert held.renewal is not None
    assert desk.conclude(held.renewal, False, "labels are odd", "bob").decision == "refused"
    assert desk.champion == "1"
    assert desk.renew().decision == "not_needed"


@pytest.mark.usefixtures("at_hand")
def test_one_wrong_label_in_the_audit_holds_it(audited: Desk, changed: tuple[Home, History]) -> None:
    customers = changed[1]
    assert customers.ids is not None
    record_labels(audited.home, audited.ledger, customers.ids[300:301], 1 - customers.label[300:301], audit=True)
    done = audited.renew()
    assert (done.decision, audited.champion) == ("held", "1")
    assert [reason.split(":")[0] for reason in done.reasons] == ["Gate labels_agree_with_audit"]


def test_nothing_monitored_little_drift_broken_data_and_unripe_labels(desk: Desk) -> None:
    desk.now = SEEN + timedelta(days=20)
    unripe = desk.renew()
    assert (unripe.decision, unripe.challenger) == ("refused", None)
    assert "wait for labels" in unripe.reasons[0]
    assert unripe.document()["waits_for_labels"] is True
    assert not desk.events("renewal started")
    monitored(desk.home, "prod_batch_03", DRIFTED[:2], SEEN + timedelta(days=2))
    assert desk.renew().decision == "not_needed"
    monitored(desk.home, "prod_batch_04", DRIFTED, SEEN + timedelta(days=3), data_stability="FAIL")
    broken = desk.renew()
    assert (broken.decision, broken.waits_for_labels) == ("refused", False)
    (desk.home.reports / "prod_batch_04" / "drift_tests.json").write_text("{")
    assert desk.renew().decision == "not_needed"
    shutil.rmtree(desk.home.reports)
    with pytest.raises(InputRefused, match="tidegate monitor"):
        desk.renew()


def test_what_was_found_of_another_champion_asks_for_nothing(desk: Desk) -> None:
    monitored(desk.home, "prod_batch_02", DRIFTED, digest="0" * 64)
    done = desk.renew()
    assert (done.decision, done.champion) == ("not_needed", "1")
    assert "compared with another version" in done.reasons[0]


def test_what_another_budget_trained_is_not_taken_for_this_ones(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def noticed(order: Order, *_: object) -> None:
        raise HomeRefused(order.effort.budget, "")

    monkeypatch.setattr(flow, "train", noticed)
    with pytest.raises(HomeRefused, match="standard"):
        desk.renew(renewal_budget="standard")


def test_old_customers_count_as_much_as_is_set(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    learned: list[int] = []

    def ending(order: Order, *_: Any) -> None:
        learned.append(pyarrow.parquet.read_metadata(order.data).num_rows)
        raise NotEnoughData("This was to be seen.")

    monkeypatch.setattr(flow, "train", ending)
    monkeypatch.setattr(flow, "_trained_on", lambda *_: None)
    for weight in (1, 0.5, 0.25):
        with pytest.raises(NotEnoughData):
            desk.renew(renewal_window="all", renewal_old_weight=weight)
    all_of_them, half, quarter = learned
    assert all_of_them - half > 300
    assert abs((half - quarter) - (all_of_them - half) / 2) <= 1


def test_two_renewals_at_once_one_refuses(desk: Desk) -> None:
    with exclusive(desk.home, "a test", RENEWAL_LOCK), pytest.raises(HomeRefused, match="a renewal cannot start"):
        desk.renew()
    assert desk.champion == "1"


def test_a_renewal_that_was_interrupted_goes_on_with_what_it_trained(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr(flow, "_verdict", killed)
        with pytest.raises(KeyboardInterrupt):
            desk.renew()
    assert desk.champion == "1"
    assert not desk.events("renewal decided")
    monkeypatch.setattr(flow, "train", None)  # would be noticed
    assert desk.renew().challenger == "2"
    assert not list(desk.home.scratch.iterdir())


def test_a_registry_that_is_down_promotes_nothing(audited: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise RegistryUnavailable("The tracking server does not answer.", "Start it.")

    monkeypatch.setattr(flow, "train", away)
    before = read_pointer(Folder(audited.home.storage))
    with pytest.raises(RegistryUnavailable, match="does not answer"):
        audited.renew()
    assert read_pointer(Folder(audited.home.storage)) == before
    assert not audited.events("renewal decided")


@pytest.mark.usefixtures("at_hand")
def test_where_customers_come_it_goes_through_a_canary(audited: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "recent_predictions", lambda *_: {"champion": (700, 500)})
    done = audited.renew()
    assert (done.decision, audited.champion, done.alarm) == ("canary", "1", False)
    running = running_experiment(audited.ledger)
    assert running is not None
    assert (running.mode, running.treatment_version) == ("canary", "2")
    audited.now += timedelta(minutes=59)
    assert audited.renew().decision == "canary"
    audited.now += timedelta(minutes=2)
    assert audited.renew().decision == "canary"  # nobody has come yet
    write_counts(audited.ledger, running.number, "one", [Counts("treatment", 300, 0, 300, (0,), (0,))], audited.now)
    over = audited.renew()
    assert (over.decision, audited.champion) == ("promoted", "2")
    assert running_experiment(audited.ledger) is None
    assert audited.renew().decision == "not_needed"


@pytest.mark.usefixtures("at_hand")
def test_a_canary_that_was_stopped_is_refused(audited: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "recent_predictions", lambda *_: {"champion": (700, 500)})
    audited.renew()
    running = running_experiment(audited.ledger)
    assert running is not None
    stop_experiment(audited.ledger, running.number, "errors: 4 %", "scoring API", audited.now, CANARY_STOPPED, {})
    done = audited.renew()
    assert (done.decision, done.alarm, audited.champion) == ("refused", True, "1")
    assert "errors: 4 %" in done.reasons[0]
    assert audited.renew().decision == "not_needed"


def test_what_was_decided_is_told_by_whoever_decides_it(desk: Desk) -> None:
    held = desk.renew()
    assert desk.told == [f"renewal:{held.renewal}:held"]
    assert held.renewal is not None
    desk.conclude(held.renewal, False, "labels are odd", "bob")
    assert desk.told == [f"renewal:{held.renewal}:held", f"renewal:{held.renewal}:refused"]
    assert desk.events("alert raised")[0]["detail"] == "labels are odd"
    assert desk.renew().decision == "not_needed"
    assert len(desk.told) == 2


def test_a_try_tells_nobody(desk: Desk) -> None:
    desk.renew(dry_run=True)
    assert desk.told == []


@pytest.mark.usefixtures("at_hand")
def test_one_that_was_killed_before_it_told_is_told_by_the_next(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(verb, "tell", interrupted)
        with pytest.raises(KeyboardInterrupt):
            desk.renew()
    assert desk.told == []
    desk.now += timedelta(minutes=15)
    assert desk.renew().decision == "not_needed"
    (held,) = desk.events("renewal held")
    assert desk.told == [f"renewal:{held['renewal']}:held"]


def test_channels_that_cannot_be_read_do_not_undo_a_decision(desk: Desk, tmp_path: Path) -> None:
    held = desk.renew(alert_channels_file=tmp_path / "none")
    assert held.decision == "held"
    assert held.renewal is not None
    assert "Nobody was told of it: TIDEGATE_ALERT_CHANNELS_FILE" in held.warnings[-1]
    done = desk.conclude(held.renewal, True, "checked", "bob", alert_channels_file=tmp_path / "none")
    assert (done.decision, desk.champion) == ("promoted", "2")
    assert done.warnings[-1].startswith("Nobody was told of it")


@pytest.mark.usefixtures("at_hand")
def test_a_later_one_takes_the_place_of_one_that_is_held(desk: Desk) -> None:
    first, second = desk.renew().renewal, desk.renew("again").renewal
    assert first is not None
    assert second is not None
    with pytest.raises(AlreadyDecided, match=rf"Renewal {second} has taken the place of renewal {first}. Held: {second}\."):
        desk.conclude(first, True, "the first", "bob")
    found = renewal_list(desk.ledger, 20)
    assert [(one["renewal"], one["waiting"], one["superseded_by"]) for one in found] == [(second, True, None), (first, False, second)]
    assert f"held, superseded by renewal {second}" in renewal_lines(found)
    assert desk.conclude(second, True, "checked", "bob").decision == "promoted"
    assert [one["waiting"] for one in renewal_list(desk.ledger, 20)] == [False, False]
