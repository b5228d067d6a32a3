"""What the API says of campaigns in English is known to the page, which says it in both languages: the sentences come from the code."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from tidegate.campaign.plan import Candidates, Terms, plan_campaign
from tidegate.campaign.prove import Followed, prove
from tidegate.customers.spec import Money
from tidegate.errors import TidegateError
from tidegate.ui import session
from tidegate.ui.pages.campaign import sentences
from tidegate.ui.pages.campaign.sentences import told
from tidegate.ui.words import french

MONEY = Money(customer_value=900, contact_cost=4, incentive_cost=40, acceptance_rate=0.35)
RISKY = Candidates(np.full(300, 0.6), np.full(300, 900.0))


def planned(terms: Terms, candidates: Candidates = RISKY, money: Money = MONEY) -> str:
    try:
        return plan_campaign(candidates, money, terms, 20_000).warnings[0]
    except TidegateError as error:
        return str(error)


def proved(treated: list[float], control: list[float], planned_treated: int, planned_control: int, risk: float = 0.5) -> str:
    arms = np.array([True] * len(treated) + [False] * len(control))
    probability = np.where(arms, 0.5, risk) + np.linspace(0, 0.01, len(arms))
    followed = Followed(arms, np.array([*treated, *control]), np.full(len(arms), 900.0), probability)
    return prove(followed, MONEY, planned_treated, planned_control).warnings[0]


NAN = float("nan")
SAID: dict[str, tuple[Callable[[], str], str]] = {
    "no control": (lambda: planned(Terms(None, 100, 0)), "Il n’y a pas de groupe témoin"),
    "power": (lambda: planned(Terms(None, 20, 0.1)), "clients choisis avec cette part"),
    "nobody left": (lambda: planned(Terms(None, 5), Candidates(np.full(3, 0.6), np.full(3, NAN))), "Il ne reste personne"),
    "none pays": (lambda: planned(Terms(None, 5), Candidates(np.full(3, 0.0), np.full(3, 9.0))), "À ces prix"),
    "small budget": (lambda: planned(Terms(5.0, None)), "donnez au moins 44,00 EUR"),
    "no control kept": (lambda: proved([1.0] * 20, [], 20, 0), "Aucun groupe témoin"),
    "erased": (lambda: proved([1.0] * 20, [1.0] * 20, 1_025, 20), "1\u202f005 affectations"),
    "uneven": (lambda: proved([1.0] * 40, [1.0] * 20 + [NAN] * 20, 40, 40), "et 50,0\u00a0% des témoins"),
    "unlike": (lambda: proved([1.0, 0.0] * 20, [1.0, 0.0] * 20, 40, 40, risk=0.9), "diffèrent par le risque prédit"),
}


@pytest.fixture(autouse=True)
def in_french(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "language", lambda: "fr")


@pytest.mark.parametrize("name", SAID)
def test_a_sentence_of_the_code_is_said_in_french(name: str) -> None:
    make, said = SAID[name]
    assert said in told(make()).replace("\\", "")


def test_what_is_not_known_stays_as_it_was_said_and_is_no_markdown() -> None:
    assert told("Something *new*.") == r"Something \*new\*\."


def test_every_pattern_has_its_french_with_the_same_fields() -> None:
    for pattern, words in (*sentences._REFUSED, *sentences._WARNED):
        assert words in french(), words
        fields = set(re.findall(r"{(\w+)}", words))
        assert fields <= set(re.compile(pattern).groupindex), words
