"""English and French hold together: every sentence of the pages has its French, with the same fields, and none is left over."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import tidegate.ui
from tidegate.ui.words import french

SOURCES = sorted(Path(tidegate.ui.__file__).parent.rglob("*.py"))
FIELD = re.compile(r"{(\w+)}")


def texts_of(path: Path) -> set[str]:
    """Every text but docstrings."""
    tree = ast.parse(path.read_text())
    documented = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)]
    found = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    said = {ast.get_docstring(node, clean=False) for node in documented}
    return {text for text in found if text not in said}


def said_in(path: Path) -> set[str]:
    """The sentences that are handed to `say` as they stand, also where one of two is chosen there."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "say"]
    return {one.value for call in calls for one in ast.walk(call.args[0]) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def test_every_sentence_has_its_french() -> None:
    said = set().union(*(said_in(path) for path in SOURCES))
    assert len(said) > 50
    assert sorted(said - set(french())) == []


def test_no_french_is_left_over() -> None:
    written = set().union(*(texts_of(path) for path in SOURCES))
    assert sorted(set(french()) - written) == []


def test_both_have_the_same_fields() -> None:
    for english, other in french().items():
        assert sorted(set(FIELD.findall(english))) == sorted(set(FIELD.findall(other))), english


def test_no_literal_metric_in_the_sources() -> None:
    """A number with a decimal point between 0 and 1 that is no layout would be a measure that no command produced."""
    for path in SOURCES:
        for text in texts_of(path):
            assert not re.search(r"\b0[.,]\d{2,}\b|\b\d{2}[.,]\d ?%", text), (path.name, text)
