"""Storage on a real S3 store (SeaweedFS): conditions, damage, and a service whose storage is killed, slow, reset, and comes back."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from callers import calling, wait_until
from champions import write_linear_champion
from commands import call, running, tidegate
from object_stores import BUCKET, KEY, READER, READER_SECRET, SECRET, SeaweedFS
from ports import free_port
from proxy import PASS, RESET, SLOW, proxy
from tidegate.bundle.champion import open_champion, open_last_champion
from tidegate.bundle.golden import synthetic_rows
from tidegate.bundle.local import local_bundle, stored_versions
from tidegate.bundle.manifest import file_digest, read_manifest
from tidegate.errors import BundleRefused, HomeRefused, StorageUnavailable
from tidegate.home import Home, open_home
from tidegate.ledger.events import append_event
from tidegate.ledger.store import Ledger, close_ledger, open_ledger, sqlite_url
from tidegate.operations import champion as champion_verbs
from tidegate.operations.champion import promote, rollback
from tidegate.registry.appoint import appoint
from tidegate.registry.promote import store_bundle
from tidegate.registry.trail import appointments, read_trail
from tidegate.storage.files import tag
from tidegate.storage.objects import get, list_keys, open_storage, put_if_match, tag_of
from tidegate.storage.pointer import Pointer, read_pointer, write_pointer
from tidegate.storage.s3 import Bucket
from unit.operations.test_champion import NOW, no_registry

pytestmark = pytest.mark.servers

PATIENCE = 60


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return f"t/{hashlib.sha256(request.node.name.encode()).hexdigest()[:20]}"


@pytest.fixture
def environment(store: SeaweedFS, prefix: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables of the bucket and a prefix of the test's own, set in this process too."""
    variables = store.environment(prefix)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def home(environment: dict[str, str], tmp_path: Path) -> Home:
    return open_home(tmp_path / "home", environment["TIDEGATE_STORAGE_URL"])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A linear champion's bundle, in a folder."""
    home = open_home(tmp_path_factory.mktemp("made") / "home")
    write_linear_champion(home)
    return home.storage / "bundles" / "1"


@pytest.fixture
def storage(home: Home) -> Bucket:
    opened = open_storage(home)
    assert isinstance(opened, Bucket)
    return opened


def stock(storage: Bucket, made: Path, versions: tuple[str, ...], champion: str = "1") -> str:
    """Versions with one content in the bucket, one of them champion; returns the digest."""
    digest = file_digest(made / "manifest.json")
    for version in versions:
        store_bundle(storage, version, made)
    write_pointer(storage, Pointer(champion, digest, NOW.isoformat()))
    return digest


@contextmanager
def desk(home: Home, digest: str, versions: tuple[str, ...]) -> Iterator[Ledger]:
    ledger = open_ledger(sqlite_url(home.ledger))
    for version in versions:
        append_event(ledger, "ada", "trained", {"version": version, "digest": digest, "stage": "challenger"}, NOW)
    try:
        yield ledger
    finally:
        close_ledger(ledger)


def test_a_write_needs_the_tag_of_what_is_there(storage: Bucket) -> None:
    assert get(storage, "a/b") is None
    assert not put_if_match(storage, "a/b", b"one", tag(b"nothing"))
    assert put_if_match(storage, "a/b", b"one", None)
    assert not put_if_match(storage, "a/b", b"one", None)
    assert not put_if_match(storage, "a/b", b"two", tag(b"other"))
    assert (get(storage, "a/b"), tag_of(storage, "a/b")) == (b"one", tag(b"one"))
    assert put_if_match(storage, "a/b", b"two", tag(b"one"))
    assert get(storage, "a/b") == b"two"
    assert put_if_match(storage, "a/empty", b"", None)
    assert get(storage, "a/empty") == b""
    assert list_keys(storage, "a") == ["a/b", "a/empty"]
    assert list_keys(storage, "") == ["a/b", "a/empty"]
    assert list_keys(storage, "nothing") == []


@pytest.mark.parametrize("expected", [None, tag(b"before")], ids=["create", "replace"])
def test_of_many_writers_at_once_one_wins(storage: Bucket, expected: str | None) -> None:
    for round_ in range(5):
        key, together, won = f"race/{round_}", threading.Barrier(6), []
        if expected is not None:
            assert put_if_match(storage, key, b"before", None)

        def write(number: int, key: str = key, together: Any = together, won: list[int] = won) -> None:
            together.wait()
            if put_if_match(storage, key, b"by %d" % number, expected):
                won.append(number)

        writers = [threading.Thread(target=write, args=(number,)) for number in range(6)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert len(won) == 1
        assert get(storage, key) == b"by %d" % won[0]


def test_a_changed_object_is_refused_and_a_changed_bundle_too(store: SeaweedFS, storage: Bucket, made: Path, prefix: str) -> None:
    digest = stock(storage, made, ("1",))
    place = local_bundle(storage, "1", digest)
    assert read_manifest(place, digest).name == "bank"
    client = store.client()
    client.put_object(Bucket=BUCKET, Key=f"{prefix}/champion.json", Body=b"{}")
    with pytest.raises(BundleRefused, match="not what was written"):
        read_pointer(storage)
    write_pointer(storage, Pointer("1", digest, "now"))
    for name in ("model.json", "manifest.json"):
        shutil.rmtree(storage.cache)
        before = client.get_object(Bucket=BUCKET, Key=f"{prefix}/bundles/1/{name}")
        content = before["Body"].read()
        client.put_object(Bucket=BUCKET, Key=f"{prefix}/bundles/1/{name}", Body=content[:-1] + b" ", Metadata=before["Metadata"])
        with pytest.raises(BundleRefused, match=r"missing or changed|not the one"):
            open_champion(storage)
        assert not list(storage.cache.glob("bundles/*")), "nothing half-fetched is kept"
        client.put_object(Bucket=BUCKET, Key=f"{prefix}/bundles/1/{name}", Body=content, Metadata=before["Metadata"])
    assert open_champion(storage).version == "1"


def test_a_version_is_never_overwritten_and_says_what_it_is(
    store: SeaweedFS, storage: Bucket, made: Path, prefix: str, tmp_path: Path
) -> None:
    stock(storage, made, ("1",))
    store_bundle(storage, "1", made)
    other = tmp_path / "other"
    shutil.copytree(made, other)
    (other / "model.json").write_bytes((made / "model.json").read_bytes() + b" ")
    with pytest.raises(BundleRefused, match="already"):
        store_bundle(storage, "1", other)
    assert stored_versions(storage) == ["1"]
    found = store.client().get_object_tagging(Bucket=BUCKET, Key=f"{prefix}/bundles/1/model.json")["TagSet"]
    assert {one["Key"]: one["Value"] for one in found}.items() >= {"table": "bank", "version": "1", "algorithm": "by_hand"}.items()


@pytest.mark.parametrize("changes", ["bucket", "key", "secret", "rights", "address"])
def test_each_refusal_names_its_remedy_and_no_secret(
    store: SeaweedFS, home: Home, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, changes: str
) -> None:
    url, wrong, remedy = home.storage_url, {}, ""
    if changes == "bucket":
        url, remedy = "s3://nowhere-to-be-found/bank", "does not exist .* Create it"
    elif changes == "key":
        wrong, remedy = {"AWS_ACCESS_KEY_ID": "nobody"}, "refused the credentials .* Set AWS_ACCESS_KEY_ID"
    elif changes == "secret":
        wrong, remedy = {"AWS_SECRET_ACCESS_KEY": "wrong-secret"}, "refused the credentials .* Set AWS_ACCESS_KEY_ID"
    elif changes == "rights":
        wrong = {"AWS_ACCESS_KEY_ID": READER, "AWS_SECRET_ACCESS_KEY": READER_SECRET}
        remedy = "does not allow this account to write .* s3:PutObject"
    else:
        wrong, remedy = (
            {"AWS_ENDPOINT_URL_S3": f"http://ada:{SECRET}@127.0.0.1:1"},
            "does not answer: connection refused. Check AWS_ENDPOINT",
        )
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StorageUnavailable) as refused:
        put_if_match(open_storage(Home(home.root, url)), "a", b"x", None)
    assert re.search(remedy, str(refused.value)), str(refused.value)
    assert not any(secret in str(refused.value) for secret in (SECRET, KEY, "wrong-secret", "nobody", READER_SECRET))
    assert (refused.value.status, refused.value.exit_code) == (503, 1)


def test_of_two_promotions_in_two_homes_that_share_a_bucket_one_wins(home: Home, storage: Bucket, made: Path, tmp_path: Path) -> None:
    versions = ("1", "2", "3")
    digest = stock(storage, made, versions)
    other = open_home(tmp_path / "other", home.storage_url)
    with desk(home, digest, versions) as ledger, desk(other, digest, versions) as ledger_of_other:
        for _ in range(5):
            write_pointer(storage, Pointer("1", digest, NOW.isoformat()))
            seen, outcomes, together = read_pointer(storage), dict[str, str](), threading.Barrier(2)

            def race(place: Home, books: Ledger, version: str, *shared: Any) -> None:
                seen, outcomes, together = shared
                together.wait()
                try:
                    appoint(place, books, "promoted", "ada", seen, version, digest, "race", NOW)
                    outcomes[version] = "won"
                except HomeRefused as error:
                    outcomes[version] = error.detail

            both = ((home, ledger, "2"), (other, ledger_of_other, "3"))
            people = [threading.Thread(target=race, args=(*one, seen, outcomes, together)) for one in both]
            for person in people:
                person.start()
            for person in people:
                person.join()
            won = [version for version, outcome in outcomes.items() if outcome == "won"]
            assert len(won) == 1, outcomes
            assert sorted(outcomes) == ["2", "3"]
            assert "champion" in str([outcome for outcome in outcomes.values() if outcome != "won"])
            pointer = read_pointer(storage)
            assert pointer is not None
            assert pointer.version == won[0]


def test_a_promotion_overtaken_between_look_and_write_is_refused_on_record_and_is_no_step_of_a_rollback(
    home: Home, storage: Bucket, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tidegate.registry import appoint as act

    monkeypatch.setattr(champion_verbs, "told_registry", no_registry)
    digest = stock(storage, made, ("1", "2", "3"))
    with desk(home, digest, ("1", "2", "3")) as ledger:
        promote(home, ledger, "2", "first", "ada", NOW)
        original = act.append_event

        def overtaken(*arguments: Any) -> int:
            if arguments[2] == "promoted":
                write_pointer(storage, Pointer("1", digest, "by another home"))
            return original(*arguments)

        monkeypatch.setattr(act, "append_event", overtaken)
        with pytest.raises(HomeRefused, match="changed while"):
            promote(home, ledger, "3", "second", "ada", NOW)
        monkeypatch.setattr(act, "append_event", original)
        pointer = read_pointer(storage)
        assert pointer == Pointer("1", digest, "by another home")
        assert [entry.what for entry in read_trail(ledger)][:2] == ["refused", "promoted"]
        assert [entry.version for entry in appointments(ledger)] == ["2"]
        write_pointer(storage, Pointer("2", digest, "back"))
        promote(home, ledger, "1", "third", "ada", NOW)
        assert rollback(home, ledger, "", "bob", NOW).pointer.version == "2"


def test_a_promotion_by_an_account_that_may_only_read_is_refused_on_record(
    home: Home, storage: Bucket, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = stock(storage, made, ("1", "2"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", READER)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", READER_SECRET)
    with desk(home, digest, ("1", "2")) as ledger:
        with pytest.raises(StorageUnavailable, match="does not allow this account to write"):
            promote(home, ledger, "2", "try", "ada", NOW)
        assert [entry.what for entry in read_trail(ledger)][:2] == ["refused", "promoted"]
        assert appointments(ledger) == []
    pointer = read_pointer(storage)
    assert pointer is not None
    assert pointer.version == "1"


@dataclass
class Load:
    """Callers who predict for as long as it lasts."""

    url: str
    row: dict[str, Any]
    versions: list[str] = field(default_factory=list)
    failures: list[object] = field(default_factory=list)
    ending: threading.Event = field(default_factory=threading.Event)

    def send(self, _: int) -> None:
        while not self.ending.is_set():
            try:
                status, body = call(f"{self.url}/predict", self.row)
            except OSError as error:
                self.failures.append(error)
                continue
            if status == 200:
                self.versions.append(json.loads(body)["model_version"])
            else:
                self.failures.append((status, body))

    def wait_for(self, holds: Callable[[], bool]) -> None:
        wait_until(holds, lambda: (len(self.versions), self.failures[:3]))

    def go_on(self, count: int = 100) -> None:
        goal = len(self.versions) + count
        self.wait_for(lambda: len(self.versions) >= goal)


@contextmanager
def load(url: str, made: Path) -> Iterator[Load]:
    from tidegate.bundle.scorer import open_scorer

    sent = Load(url, synthetic_rows(open_scorer(made, "1").contract.spec, seed=5, count=1)[0])
    with calling(3, sent.send, sent.ending):
        yield sent


def test_a_server_serves_on_while_its_storage_is_killed_slow_or_reset_and_follows_when_it_returns(
    store: SeaweedFS, home: Home, storage: Bucket, made: Path, prefix: str
) -> None:
    digest = stock(storage, made, ("1", "2", "3", "4"))
    with proxy(store.ports[0]) as between:
        # Nobody reads the pipe meanwhile: a line a request would fill it, and those that are looked for would be lost.
        through = {**store.environment(prefix, f"http://127.0.0.1:{between.port}"), "TIDEGATE_ACCESS_LOG": "false"}
        with (
            running("serve", "--home", home.root, "--port", free_port(), environment=through) as (process, ready),
            load(ready["url"], made) as sent,
        ):
            sent.go_on()
            write_pointer(storage, Pointer("2", digest, "now"))
            sent.wait_for(lambda: sent.versions[-1] == "2")
            between.behave(SLOW)
            write_pointer(storage, Pointer("3", digest, "now"))
            sent.go_on(300)
            time.sleep(8)
            assert sent.versions[-1] == "2", "what cannot be fetched is not waited for"
            between.behave(RESET)
            sent.go_on(300)
            between.behave(PASS)
            sent.wait_for(lambda: sent.versions[-1] == "3")
            store.stop()
            sent.go_on(300)
            time.sleep(3)
            store.start()
            write_pointer(storage, Pointer("4", digest, "now"))
            sent.wait_for(lambda: sent.versions[-1] == "4")
        assert sent.failures == []
        assert process.stderr is not None
        log = process.stderr.read()
        assert "the storage is away, version" in log
        assert "the storage answers again" in log
        assert log.count("the storage is away") < 10, "not a line a second"
        assert SECRET not in log


def test_a_server_starts_from_its_cache_while_the_storage_is_down_and_follows_when_it_is_up(
    store: SeaweedFS, home: Home, storage: Bucket, made: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    digest = stock(storage, made, ("1", "2"))
    at = ("serve", "--home", home.root, "--port", free_port())
    with running(*at, environment=environment) as (_, ready):
        assert ready["model_version"] == "1"
    store.stop()
    try:
        with running(*at, environment=environment) as (process, ready), load(ready["url"], made) as sent:
            assert ready["model_version"] == "1"
            sent.go_on()
            store.start()
            write_pointer(storage, Pointer("2", digest, "now"))
            sent.wait_for(lambda: sent.versions[-1] == "2")
        assert sent.failures == []
        assert process.stderr is not None
        assert "version 1 serves from the cache" in process.stderr.read()
        store.stop()
        with pytest.raises(StorageUnavailable):
            open_champion(storage)
        assert open_last_champion(storage).version == "2"
        # a damaged copy is no champion, nor is one of another bucket
        answer = tidegate("serve", "--home", tmp_path / "fresh", "--port", free_port(), environment=environment)
        assert answer.returncode == 1
        assert "does not answer" in answer.stderr
        assert "No champion of it was kept" in answer.stderr
        assert not (tmp_path / "fresh").exists()
        elsewhere = {**environment, "TIDEGATE_STORAGE_URL": "s3://another-bucket/bank"}
        assert tidegate("serve", "--home", home.root, "--port", free_port(), environment=elsewhere).returncode == 1
        next((storage.cache / "bundles" / digest).glob("*/model.json")).write_bytes(b"{}")
        answer = tidegate("serve", "--home", home.root, "--port", free_port(), environment=environment)
        assert answer.returncode == 1
        assert "does not answer" in answer.stderr
    finally:
        if store.process is None:
            store.start()
    assert open_champion(storage).version == "2", "the damaged copy was fetched again"
    with running("serve", "--home", tmp_path / "fresh", "--port", free_port(), environment=environment) as (_, ready):
        assert ready["model_version"] == "2", "a new replica needs nothing but the bucket"


def test_every_verb_works_with_storage_on_s3(environment: dict[str, str], home: Home, tmp_path: Path) -> None:
    def told(*words: object, code: int = 0, **more: str) -> Any:
        answer = tidegate(*words, "--home", home.root, "--json", environment={**environment, **more})
        assert answer.returncode == code, answer.stderr
        return json.loads(answer.stdout) if code in (0, 3) else answer.stderr

    data = tmp_path / "bank.csv"
    assert tidegate("simulate", data, "--rows", 1500, "--seed", 3).returncode == 0
    quick = ("--spec", "bank", "--budget", "quick", "--algorithms", "logistic_regression")
    first = told("train", data, *quick)
    assert (first["model_version"], first["stage"]) == ("1", "champion")
    assert Path(first["card"]).exists()
    assert not home.storage.exists()
    with running("serve", "--home", home.root, "--port", free_port(), environment=environment) as (_, ready):
        second = told("train", data, *quick, "--seed", "7")
        assert (second["model_version"], second["stage"]) == ("2", "challenger")
        assert Path(second["card"]).exists()
        row = synthetic_rows(open_champion(open_storage(home)).contract.spec, seed=5, count=1)[0]
        versions = {json.loads(call(ready["url"] + "/predict", row)[1])["model_version"]}
        assert told("promote", "2", "--reason", "try")["registry"] == "current"
        deadline = time.monotonic() + PATIENCE
        while "2" not in versions:
            assert time.monotonic() < deadline
            versions.add(json.loads(call(ready["url"] + "/predict", row)[1])["model_version"])
    assert told("score", data, tmp_path / "out.csv")["model_version"] == "2"
    assert told("verify", "--sample", "5")["replay"] == "ok"
    assert told("rollback")["model_version"] == "1"
    assert told("deliver")["registry"] == "current"
    down = {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"}
    assert "does not answer" in told("rollback", code=1, **down)
    assert "does not answer" in told("score", data, tmp_path / "no.csv", code=1, **down)
    assert not (tmp_path / "no.csv").exists()
    assert "does not answer" in told("verify", "--sample", "5", code=3, **down)["bundle"]
    waits = told("train", data, *quick, "--seed", "9", code=1, **down)
    assert "does not answer" in waits
    assert told("history", **down)["events"]
