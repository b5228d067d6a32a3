"""How a verdict, a test or a small number is said on this page."""

from __future__ import annotations

from tidegate.ui import session
from tidegate.ui.charts.monitoring import DRIFTED
from tidegate.ui.session import number, percent, say

__all__ = ["DRIFTED"]
_SIGNS = {"PASS": "✓", "WARNING": "!", "FAIL": "✕"}
_SMALLEST_SHOWN = 1e-3


def verdict(word: str | None) -> str:
    """With a sign before it, so that nobody has to tell green from red."""
    names = {"PASS": say("PASS"), "WARNING": say("WARNING"), "FAIL": say("FAIL")}
    return number(None) if word not in names else f"{_SIGNS[word]} {names[word]}"


def badge(word: str | None) -> str:
    """The same as Markdown, in a colour of its own."""
    colours = {"PASS": "green", "WARNING": "orange", "FAIL": "red"}
    return f":{colours.get(word or '', 'gray')}-badge[{verdict(word)}]"


def damaged() -> str:
    """In the place of a verdict, where a run's file cannot be read."""
    return f"? {say('DAMAGED')}"


def effect(name: str | None) -> str:
    """The name of a measure of drift."""
    names = {
        "wasserstein": say("Wasserstein"),
        "ks_distance": "KS",
        "psi": "PSI",
        "level_change": say("change of levels"),
        "missing_change": say("change of missing values"),
        "new_level_share": say("share of new levels"),
    }
    return names.get(name or "", name or number(None))


def statistical_test(name: str | None) -> str:
    """The name of a statistical test."""
    return {"kolmogorov_smirnov": "Kolmogorov–Smirnov", "chi_squared": say("chi-squared")}.get(name or "", name or number(None))


def chance(p_value: float | None) -> str:
    """A p-value: three digits, or its order of magnitude where that is all that counts."""
    if p_value is None or p_value >= _SMALLEST_SHOWN:
        return number(p_value, 3)
    if p_value <= 0:
        return "< 1e-300"
    text = f"{p_value:.0e}"
    return text if not session.is_french() else text.replace(".", ",")


def area(value: float | None, low: float | None, high: float | None) -> str:
    """A ROC-AUC with its interval."""
    if value is None or low is None or high is None:
        return number(value, 3)
    return f"{number(value, 3)} ({say('{low} to {high}', low=number(low, 3), high=number(high, 3))})"


def share_of(part: float | None, whole: float | None) -> str:
    """One number as a share of another."""
    return percent(None if part is None or not whole else part / whole)
