from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tidegate.bundle.manifest import file_digest, read_manifest
from tidegate.errors import BundleRefused, HomeFull, HomeRefused, LedgerUnavailable, RegistryUnavailable
from tidegate.home import Home, open_home
from tidegate.ledger.events import list_events
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.operations.deliver import deliver_all
from tidegate.registry import deliver as delivery
from tidegate.registry import outbox, promote
from tidegate.registry.deliver import Delivered, deliver, deliver_waiting
from tidegate.registry.outbox import RunRecord, waiting
from tidegate.registry.store import Registry, open_registry
from tidegate.settings import read_settings
from tidegate.storage.files import Folder
from tidegate.storage.pointer import Pointer, read_pointer, write_pointer
from unit.registry.parcels import NOW, STARTED_MS, held, made_run, put_parcel

LATER = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    home: Home
    registry: Registry
    ledger: Ledger

    def put(self, scratch: Path, **given: Any) -> Path:
        return put_parcel(self.home, scratch, model=self.registry.name, **given)

    def deliver(self, path: Path, client: Any = None) -> Delivered:
        registry = self.registry if client is None else replace(self.registry, client=client)
        return deliver(self.home, registry, self.ledger, path, NOW)

    def held(self) -> dict[str, Any]:
        return held(self.home, self.registry, self.ledger)


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """MLflow's database, made once: its migrations cost seconds."""
    return open_registry(open_home(tmp_path_factory.mktemp("tracked") / "home"), "template")


@contextmanager
def fresh(root: Path, tracked: Registry) -> Iterator[Place]:
    """A new home whose table has an experiment and a model of its own in the one database."""
    home = open_home(root)
    name = f"bank_{root.parent.name}".replace("[", "_").replace("]", "_").replace(".", "_")
    experiment = tracked.client.create_experiment(name, artifact_location=(home.tracking / "artifacts").as_uri())
    ledger = open_ledger(sqlite_url(home.ledger))
    yield Place(home, replace(tracked, name=name, experiment=experiment), ledger)
    close_ledger(ledger)


@pytest.fixture
def place(tmp_path: Path, tracked: Registry) -> Iterator[Place]:
    with fresh(tmp_path / "home", tracked) as made:
        yield made


@pytest.fixture
def own(tmp_path: Path, tracked: Registry) -> Iterator[Place]:
    """A home with a database of its own, for what opens the registry itself."""
    home = open_home(tmp_path / "home")
    home.tracking.mkdir()
    shutil.copy(tracked.uri.removeprefix("sqlite:///"), home.tracking / "mlflow.db")
    ledger = open_ledger(sqlite_url(home.ledger))
    yield Place(home, open_registry(home, "bank"), ledger)
    close_ledger(ledger)


def delivered_once(folder: Path, tracked: Registry, **given: Any) -> dict[str, Any]:
    with fresh(folder / "home", tracked) as place:
        place.deliver(place.put(folder / "scratch", **given))
        return place.held()


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, tracked: Registry) -> dict[str, Any]:
    """What one delivery without any trouble leaves."""
    return delivered_once(tmp_path_factory.mktemp("uninterrupted"), tracked)


class Interrupted:
    """A client that breaks at one of its calls: before the server hears of it, or when its answer is on the way."""

    def __init__(self, client: Any, at: int, when: str, error: BaseException) -> None:
        self._client, self._at, self._when, self._error = client, at, when, error
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            self.calls.append(name)
            broken = len(self.calls) == self._at
            if broken and self._when == "before":
                raise self._error
            answer = getattr(self._client, name)(*given, **named)
            if broken:
                raise self._error
            return answer

        return call


def test_a_delivery_leaves_runs_version_bundle_events_champion_and_evaluation(place: Place, tmp_path: Path) -> None:
    delivered = place.deliver(place.put(tmp_path / "s"))
    assert (delivered.version, delivered.stage) == ("1", "champion")
    assert delivered.pointer == read_pointer(Folder(place.home.storage))
    found = place.held()
    shape = [(position, parent, name, status) for _, position, parent, name, status, *_ in found["runs"]]
    assert shape == [
        ("0", None, "training", "FINISHED"),
        ("0.0", "0", "catboost search", "FINISHED"),
        ("0.0.0", "0.0", "catboost trial 7", "FINISHED"),
        ("0.1", "0", "logistic", "FINISHED"),
    ]
    won = found["runs"][2]
    assert won[6] == (STARTED_MS, STARTED_MS + 5_000)
    assert won[7] == [("depth", "4"), ("rate", "0.05")]
    assert won[8] == [("out_of_fold_pr_auc", [0.98]), ("roc_auc", [0.9])]
    assert set(won[9]) == {"bundle/manifest.json", "bundle/spec.toml", "evaluation/roc.csv", "evaluation/deep/gain.csv"}
    assert found["aliases"] == {"champion": "1"}
    assert [(who, what) for who, what, _ in found["events"]] == [("ada", "promoted"), ("ada", "trained")]
    trained = found["events"][1][2]
    assert {"data", "version", "digest", "stage", "parcel"} == set(trained)
    assert found["evaluations"] == ["1", "1/model_comparison_final.csv"]
    assert found["outbox"] == []


def two_runs(figures: Path) -> RunRecord:
    return made_run("training", figures, made_run("catboost", figures, bundle=True))


def stopped_by_the_connection(place: Place, path: Path, client: Interrupted) -> str | None:
    try:
        place.deliver(path, client)
    except RegistryUnavailable as error:
        return str(error)
    return None


def test_a_connection_lost_at_any_call_is_made_good_by_delivering_again(tmp_path: Path, tracked: Registry) -> None:
    expected = delivered_once(tmp_path / "all", tracked, runs=two_runs)
    stopped = 0
    for when in ("before", "after"):
        for at in range(1, 100):
            folder = tmp_path / f"{when}{at}"
            with fresh(folder / "home", tracked) as place:
                path = place.put(folder / "scratch", runs=two_runs)
                client = Interrupted(place.registry.client, at, when, ConnectionError("lost"))
                said = stopped_by_the_connection(place, path, client)
                if said is None:
                    assert len(client.calls) == at - 1, "the interruption was swallowed"
                    break
                assert all(part in said for part in ("Nothing is lost", str(path), "tidegate deliver"))
                assert waiting(place.home) == [path]
                place.deliver(path)
                assert place.held() == expected, (when, at, client.calls[-1])
                stopped += 1
    assert stopped > 25


STEPS = [
    (delivery, "send_runs"),
    (delivery, "register_once"),
    (delivery, "store_bundle"),
    (promote, "put_if_match"),
    (delivery, "append_event"),
    (promote, "append_event"),
    (promote, "move_pointer"),
    (promote, "set_alias"),
    (delivery, "keep_evaluation"),
    (outbox, "put_whole"),
    (delivery, "remove"),
    (outbox.shutil, "rmtree"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("module", "name"), STEPS, ids=[f"{module.__name__.split('.')[-1]}.{name}" for module, name in STEPS])
def test_a_delivery_stopped_at_any_step_is_made_good_by_delivering_again(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: dict[str, Any], module: Any, name: str, when: str
) -> None:
    path = place.put(tmp_path / "s")
    step = getattr(module, name)

    def stopped(*given: Any, **named: Any) -> Any:
        if when == "after":
            step(*given, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, name, stopped)
        with pytest.raises(KeyboardInterrupt):
            place.deliver(path)
    if path in waiting(place.home):
        place.deliver(path)
    found = place.held()
    assert {**found, "outbox": []} == uninterrupted
    assert all(left.startswith(".") for left in found["outbox"])


def test_an_answer_that_was_lost_and_asked_for_again_makes_nothing_twice(
    place: Place, tmp_path: Path, uninterrupted: dict[str, Any]
) -> None:
    """MLflow's HTTP client sends a request again whose answer did not come; the server has then done it twice."""

    class Twice:
        def __getattr__(self, name: str) -> Any:
            real = getattr(place.registry.client, name)
            if name not in ("create_run", "create_model_version", "log_batch"):
                return real

            def twice(*given: Any, **named: Any) -> Any:
                real(*given, **named)
                return real(*given, **named)

            return twice

    path = place.put(tmp_path / "s")
    place.deliver(path, Twice())
    assert place.held() == uninterrupted


def test_a_second_training_is_a_challenger_and_so_is_one_whose_place_was_taken_meanwhile(own: Place, tmp_path: Path) -> None:
    first = own.put(tmp_path / "1", seed=1)
    second = own.put(tmp_path / "2", seed=2)
    third = own.put(tmp_path / "3", seed=3, stage="challenger")
    delivered = deliver_waiting(own.home, own.ledger, NOW)
    assert [one.identity for one in delivered] == [first.name, second.name, third.name]
    assert [one.stage for one in delivered] == ["champion", "challenger", "challenger"]
    assert [one.pointer is None for one in delivered] == [False, True, True]
    found = own.held()
    assert found["aliases"] == {"champion": "1", "challenger": "3"}
    assert [dict(tags)["stage"] for _, tags, _ in sorted(found["versions"])] == ["champion", "challenger", "challenger"]
    assert sorted(what for _, what, _ in found["events"]) == ["promoted", "trained", "trained", "trained"]


def test_a_late_repetition_takes_no_alias_and_no_place_from_newer_versions(
    own: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = own.put(tmp_path / "1", seed=1)
    older = own.put(tmp_path / "2", seed=2, stage="challenger")
    with monkeypatch.context() as patched:
        patched.setattr(delivery, "remove", lambda path: None)
        deliver_waiting(own.home, own.ledger, NOW)
    newer = own.put(tmp_path / "3", seed=3, stage="challenger")
    own.deliver(newer)
    write_pointer(Folder(own.home.storage), Pointer("3", "0" * 64, NOW.isoformat()))
    again = deliver_waiting(own.home, own.ledger, LATER)
    assert [(one.identity, one.version, one.pointer) for one in again] == [(champion.name, "1", None), (older.name, "2", None)]
    assert own.held()["aliases"] == {"champion": "1", "challenger": "3"}
    assert again[0].stage == "champion", "another took its place later; that makes it no challenger"
    assert read_pointer(Folder(own.home.storage)) == Pointer("3", "0" * 64, NOW.isoformat())
    assert len(list_events(own.ledger)) == 4


def test_a_delivery_tells_the_registry_of_a_champion_that_it_has_not_heard_of(own: Place, tmp_path: Path) -> None:
    """A rollback, or a promotion while the server was away, moved the pointer only."""
    own.put(tmp_path / "1", seed=1)
    own.put(tmp_path / "2", seed=2, stage="challenger")
    deliver_waiting(own.home, own.ledger, NOW)
    digest = file_digest(own.home.storage / "bundles" / "2" / "manifest.json")
    write_pointer(Folder(own.home.storage), Pointer("2", digest, NOW.isoformat()))
    own.deliver(own.put(tmp_path / "3", seed=3, stage="challenger"))
    assert own.held()["aliases"] == {"champion": "2", "challenger": "3"}


def test_a_refused_training_is_a_version_without_alias(place: Place, tmp_path: Path) -> None:
    delivered = place.deliver(place.put(tmp_path / "s", stage="refused"))
    assert (delivered.stage, delivered.pointer) == ("refused", None)
    found = place.held()
    assert found["aliases"] == {}
    assert "bundles/1/manifest.json" in found["storage"]
    assert found["pointer"] is None


def test_runs_are_found_compared_and_nested_as_the_pages_of_mlflow_ask(place: Place, tmp_path: Path) -> None:
    place.deliver(place.put(tmp_path / "s"))
    search = place.registry.client.search_runs
    experiment = [place.registry.experiment]
    assert [run.info.run_name for run in search(experiment, 'tags.kind = "tuned" and metrics.out_of_fold_pr_auc > 0.97')] == [
        "catboost trial 7"
    ]
    (parent,) = search(experiment, 'tags.kind = "training"')
    children = search(experiment, f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
    assert {run.info.run_name for run in children} == {"catboost search", "logistic"}
    assert {run.data.tags["mlflow.user"] for run in children} == {"ada"}


def test_more_parameters_and_metrics_than_one_request_takes(place: Place, tmp_path: Path) -> None:
    many = {f"m{number}": float(number) for number in range(1_700)}

    def wide(figures: Path) -> RunRecord:
        parameters = {f"p{number}": "x" * 600 for number in range(230)}
        return replace(made_run("wide", figures, bundle=True), parameters=parameters, metrics={**many, "absent": float("nan")})

    place.deliver(place.put(tmp_path / "s", runs=wide))
    (run,) = place.registry.client.search_runs([place.registry.experiment])
    assert len(run.data.params) == 230
    assert {name: value for name, value in run.data.metrics.items() if name != "absent"} == many


def test_a_number_that_the_storage_holds_with_another_content_stops_the_delivery_and_the_training_waits(
    place: Place, tmp_path: Path
) -> None:
    bundle = place.home.storage / "bundles" / "1"
    bundle.mkdir(parents=True)
    (bundle / "manifest.json").write_text("{}")
    path = place.put(tmp_path / "s")
    with pytest.raises(BundleRefused, match=r"already in storage.*Nothing is lost"):
        place.deliver(path)
    shutil.rmtree(bundle)
    assert place.deliver(path).version == "1"


def test_a_ledger_that_fails_and_a_full_disk_say_that_nothing_is_lost(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = place.put(tmp_path / "s")
    for error, expected in (
        (LedgerUnavailable("The ledger's disk is full."), LedgerUnavailable),
        (OSError(28, "No space left on device", "/x"), HomeFull),
        (OSError(13, "Permission denied", "/x"), HomeRefused),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(delivery, "append_event", lambda *_, error=error: (_ for _ in ()).throw(error))
            with pytest.raises(expected, match=r"Nothing is lost.*tidegate deliver"):
                place.deliver(path)
    assert waiting(place.home) == [path]


def test_a_damaged_parcel_is_named_and_does_not_hold_up_the_others(own: Place, tmp_path: Path) -> None:
    damaged = own.put(tmp_path / "1", seed=1)
    (damaged / "parcel.json").write_text("{")
    own.put(tmp_path / "2", seed=2)
    with pytest.raises(HomeRefused, match=str(damaged)):
        deliver_waiting(own.home, own.ledger, NOW)
    assert waiting(own.home) == [damaged]
    assert read_pointer(Folder(own.home.storage)) is not None


def test_the_verb_delivers_what_waits_and_says_so(own: Place, tmp_path: Path) -> None:
    path = own.put(tmp_path / "s")
    done = deliver_all(own.home, read_settings(home=own.home.root), NOW)
    assert done.document() == {
        "delivered": [{"model_version": "1", "stage": "champion", "training": path.name}],
        "waiting": 0,
        "registry": "current",
        "warnings": [],
    }
    assert done.summary() == f"Delivered {path.name} as version 1 (champion)."
    assert deliver_all(own.home, read_settings(home=own.home.root), NOW).summary() == "Nothing waits to be delivered."


def test_a_training_is_finished_only_when_all_of_it_has_arrived(place: Place, tmp_path: Path) -> None:
    path = place.put(tmp_path / "s")
    client = Interrupted(place.registry.client, 13, "before", ConnectionError("lost"))
    with pytest.raises(RegistryUnavailable):
        place.deliver(path, client)
    status = {run.info.run_name: run.info.status for run in place.registry.client.search_runs([place.registry.experiment])}
    assert "FINISHED" in status.values()
    assert status["training"] == "RUNNING"


def test_a_delivered_parcel_leaves_the_outbox_by_one_renaming(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting file by file would leave half a parcel in the outbox of a process that was killed, and no second delivery of it."""
    path = place.put(tmp_path / "s")
    monkeypatch.setattr(outbox.shutil, "rmtree", lambda *_, **__: None)
    outbox.remove(path)
    assert waiting(place.home) == []


@pytest.mark.parametrize("name", ["spec.toml", "manifest.json"])
def test_a_delivery_killed_while_it_stored_the_bundle_promotes_it_when_repeated(place: Place, tmp_path: Path, name: str) -> None:
    """What write_whole leaves of a file when its process is killed must not count as a stranger in the bundle."""
    path = place.put(tmp_path / "s")
    half = place.home.storage / "bundles" / "1" / f".{name}.1-140166098090880.part"
    half.parent.mkdir(parents=True)
    half.write_bytes((path / "bundle" / name).read_bytes()[:10])
    delivered = place.deliver(path)
    assert (delivered.version, delivered.stage) == ("1", "champion")
    assert delivered.pointer is not None
    read_manifest(place.home.storage / "bundles" / "1", delivered.pointer.digest)
