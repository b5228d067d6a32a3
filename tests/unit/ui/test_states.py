"""Every page in every state of an installation, in both languages, over the real APIs in process."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from guarded import guarded
from second_versions import plant_version
from tidegate.access.keyring import Keyring
from tidegate.bundle.champion import champion_pointer
from tidegate.home import Home, open_home
from tidegate.ledger.events import append_event
from tidegate.ledger.store import close_ledger, open_ledger, sqlite_url
from tidegate.operations.desk.api import create_operate_app
from tidegate.operations.desk.desk import Desk
from tidegate.operations.desk.jobs import Jobs
from tidegate.serving.metrics import Metrics
from tidegate.settings import Settings
from tidegate.storage.files import Folder
from tidegate.ui import session
from unit.operations.desk.runs import write_run
from unit.ui.monitoring_answers import FLOORS, column
from unit.ui.visits import OPERATE, SCORING, TITLES, away, texts

NO_CHAMPION = ("There is no champion yet. Train one: tidegate train", "Il n’y a pas encore de champion. Entraînez-en un")
SCORING_AWAY = ("The scoring API does not answer. Start it", "L’API d’évaluation ne répond pas. Démarrez-la")
OPERATE_AWAY = ("The operate API does not answer. Start it", "L’API d’exploitation ne répond pas. Démarrez-la")
FORBIDDEN = ("it needs the role operate. Ask whoever runs this", "il faut le rôle operate. Demandez")
FORM = ("Age of the customer (years)", "Identifiant du client")
SERVES = (
    "Version 1 serves; it flags from a probability of 50.0%",
    "La version 1 est en service ; elle signale à partir d’une probabilité de 50,0",
)
PRICES = ("The champion's spec (version 1) has no prices", "La spécification du champion (version 1) n’a pas de prix")
CHAMPION = ("Version 1 is champion since", "La version 1 est championne depuis")
NO_BATCH = ("No batch was monitored yet: tidegate monitor FILE", "Aucun lot n’a encore été surveillé")
NO_RIVAL = ("There is no other version to try beside version 1", "Il n’y a pas d’autre version à essayer")
FRESH = {
    "overview": ("Nothing.", "Rien."),
    "customer": FORM,
    "file": SERVES,
    "campaign": PRICES,
    "models": CHAMPION,
    "monitoring": NO_BATCH,
    "experiment": NO_RIVAL,
}
# What each page has to say in each state, in English and in French.
SAID: dict[str, dict[str, tuple[str, str]]] = {
    "no champion": {
        "overview": NO_CHAMPION,
        "customer": SCORING_AWAY,
        "file": SCORING_AWAY,
        "campaign": ("This home has no champion yet. Train one", "Cette installation n’a pas encore de champion. Entraînez-en un"),
        "models": ("There is no version yet. Train one", "Il n’y a pas encore de version. Entraînez-en une"),
        "monitoring": NO_CHAMPION,
        "experiment": NO_CHAMPION,
    },
    "fresh": FRESH,
    "drifted": {
        **FRESH,
        "overview": ("The newest batch, july, fails", "Le dernier lot, july, échoue"),
        "monitoring": ("1 of 2 features drifted: age", "Variables qui ont dérivé : 1 sur 2 (age)"),
    },
    "experiment": {
        **FRESH,
        "overview": ("Experiment 1 (A/B): version 2 beside version 1", "Expérience 1 (A/B) : version 2 à côté de la version 1"),
        "experiment": ("Not enough evidence yet.", "Pas encore assez"),
    },
    "damaged": {
        **FRESH,
        "campaign": ("model.json of bundle 1 is missing or changed. Promote another", "model.json du modèle 1 manque ou a changé."),
        "overview": ("Version 1 is damaged and cannot serve", "La version 1 est endommagée"),
        "models": ("Version 1 is damaged and cannot serve", "La version 1 est endommagée"),
    },
    "down": {page: SCORING_AWAY if page in ("customer", "file") else OPERATE_AWAY for page in TITLES},
    "no rights": {page: {"customer": FORM, "file": SERVES}.get(page, FORBIDDEN) for page in TITLES},
}
# Words of a program's insides, fields that nobody filled, and sentences with a hole.
NONSENSE = re.compile(r"\bNone\b(?! runs)|\bnan\b|\binf\b|Traceback|{\w+}|trained –|with \.|\bof 0 |  \.")
IN_FRENCH = re.compile(r"does not answer|This home|This API key|There is no|Refused|Nothing")


@dataclass(frozen=True)
class World:
    """What the pages find: the two APIs, and the key that the visitor has."""

    scoring: httpx.Client
    operate: httpx.Client
    key: str = ""


def page(name: str) -> None:
    """A page as the navigation runs it."""
    from importlib import import_module

    from tidegate.ui import session

    session.show_key()
    import_module("tidegate.ui.pages.campaign.page" if name == "campaign" else f"tidegate.ui.pages.{name}").show()


@contextmanager
def operated(home: Home, keyring: Keyring | None = None) -> Iterator[TestClient]:
    ledger = open_ledger(sqlite_url(home.ledger))
    desk = Desk(home, Settings(home=home.root), ledger, Jobs(), Metrics(), home.scratch)
    try:
        yield TestClient(create_operate_app(desk, keyring), raise_server_exceptions=False)
    finally:
        close_ledger(ledger)


def as_trained(home: Home) -> None:
    """The ledger knows what the champion was trained as."""
    ledger = open_ledger(sqlite_url(home.ledger))
    pointer = champion_pointer(Folder(home.storage))
    append_event(
        ledger, "test", "trained", {"version": pointer.version, "digest": pointer.digest, "algorithm": "by_hand"}, datetime.now(UTC)
    )
    close_ledger(ledger)


@contextmanager
def world(state: str, folder: Path) -> Iterator[World]:
    """An installation in this state; without a champion no scoring server starts."""
    with ExitStack() as opened:
        if state == "down":
            yield World(away(), away())
        elif state == "no champion":
            yield World(away(), opened.enter_context(operated(open_home(folder / "home"))))
        else:
            keys = state == "no rights"
            scoring = opened.enter_context(guarded(folder, with_keys=keys))
            home = open_home(folder / "home")
            as_trained(home)
            if state == "damaged":
                (home.storage / "bundles" / "1" / "model.json").write_text("{}")
            if state == "drifted":
                write_run(
                    home, "july", at=datetime.now(UTC).isoformat(), health="FAIL", column_drift="FAIL", drifted_features=["age"],
                    columns=[column("age", 0.25, True), column("visits", 0.01, False)], limits={"floors": FLOORS},
                )  # fmt: skip
            operate = opened.enter_context(operated(home, Keyring(home.secrets / "api-keys.json") if keys else None))
            if state == "experiment":
                plant_version(home, "2", 0.25)
                assert operate.post("/experiments", json={"treatment": "2", "share": 50}).status_code == 200
            yield World(scoring.client, operate, scoring.keys.get("eraser", ""))


def everything(test: AppTest) -> str:
    tables = [str(one.value.columns.tolist()) + str(one.value.values.tolist()) for one in [*test.dataframe, *test.table]]
    labels = [one.label for kind in (test.button, test.number_input, test.selectbox, test.text_input) for one in kind]
    return "\n".join([texts(test), *tables, *labels])


@pytest.fixture(params=SAID)
def state(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_each_page_says_what_is_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: str) -> None:
    monkeypatch.setattr(session, "settings", Settings)
    with world(state, tmp_path) as found:
        monkeypatch.setattr(session, "_connected", {SCORING: found.scoring, OPERATE: found.operate}.__getitem__)
        for name, titles in TITLES.items():
            for place, language in enumerate(("en", "fr")):
                test = AppTest.from_function(page, default_timeout=60, args=(name,))
                test.query_params["lang"] = language
                if found.key:
                    test.session_state["tidegate.key"] = found.key
                test.run()
                said = re.sub("[\u00a0\u202f]", " ", everything(test).replace("\\", ""))
                assert not test.exception, (name, language, test.exception)
                assert test.title[0].value == titles[place]
                assert SAID[state][name][place] in said, (name, said)
                assert not NONSENSE.search(said), (name, language, NONSENSE.search(said), said)
                assert not (place and IN_FRENCH.search(said)), (name, said)
