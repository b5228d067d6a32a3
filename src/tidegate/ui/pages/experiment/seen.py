"""What the sections of this page share: the words for what an API answers in a word."""

from __future__ import annotations

from tidegate.ui.charts.experiment import Word
from tidegate.ui.client.experiments import Between, Experiment
from tidegate.ui.session import number, say

MODES = ("ab", "canary", "shadow")
MEASURES = ("roc_auc", "pr_auc", "false_positive_rate", "false_negative_rate")
NO_BREAK = "\u00a0"


def mode(name: str) -> str:
    """What a mode is called."""
    return {"ab": "A/B", "canary": say("Canary"), "shadow": say("Shadow")}.get(name, name)


def about_mode(name: str) -> str:
    """What a mode does, in one sentence."""
    sentences = {
        "ab": say("Each version answers its own customers, until a person stops it."),
        "canary": say(
            "A small share of the customers is answered by the new version, which the service takes back by itself when it goes wrong."
        ),
        "shadow": say("The champion answers everyone; the new version scores the same customers afterwards, and nobody gets its answers."),
    }
    return sentences.get(name, "")


def measure(name: str) -> str:
    """What a measure is called."""
    titles = {
        "roc_auc": "ROC-AUC",
        "pr_auc": "PR-AUC",
        "false_positive_rate": say("False positives of those who stayed"),
        "false_negative_rate": say("False negatives of those who left"),
    }
    return titles.get(name, name)


def higher_is_better(name: str) -> bool:
    """Whether more of a measure is better."""
    return name in ("roc_auc", "pr_auc")


def word(said: str) -> Word:
    """One of the API's three words, in one of ours."""
    words: dict[str, Word] = {"treatment better": "better", "treatment worse": "worse"}
    return words.get(said, "unclear")


def spoken(said: str) -> str:
    """One of the API's three words, for people."""
    return {"better": say("treatment better"), "worse": say("treatment worse"), "unclear": say("not clear yet")}[word(said)]


def signed(value: float, digits: int = 3) -> str:
    """A difference: with a sign, whichever it has."""
    return ("+" if value > 0 else "") + number(value, digits)


def bounded(one: Between, sign: bool = False, scale: float = 1.0, digits: int = 3) -> str:
    """A value with its interval behind it."""
    value, low, high = (signed(scale * part, digits) if sign else number(scale * part, digits) for part in (one.value, one.low, one.high))
    return f"{value} ({say('{low} to {high}', low=low, high=high)})"


def whole(interval: str) -> str:
    """What `bounded` wrote, so that a narrow column breaks it before its parenthesis alone."""
    value, bounds = interval.split(" (", 1)
    return f"{value} ({bounds.replace(' ', NO_BREAK)}"


def title(one: Experiment) -> str:
    """An experiment in a list."""
    state = say("running") if one.running else say("ended")
    return say(
        "{number} · {mode} · version {treatment} beside version {control} · {state}",
        number=one.number,
        mode=mode(one.mode),
        treatment=one.treatment,
        control=one.control,
        state=state,
    )
