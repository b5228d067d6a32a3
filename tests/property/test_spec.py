"""Any document is a spec or is refused with a sentence; a spec that is read means the same when read again."""

from __future__ import annotations

from importlib import resources

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.customers.cells import rows_from_objects
from tidegate.customers.contract import breaches, compile_contract, warnings
from tidegate.customers.names import snake_case
from tidegate.customers.rules import broken, names_in
from tidegate.customers.spec import TableSpec, parse_spec
from tidegate.errors import SpecRefused
from tidegate.features import compute, plan_features

MODEST = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
BANK = (resources.files("tidegate") / "specs" / "bank.toml").read_text(encoding="utf-8").split("\n")
KEYS = [
    *("kind", "limit", "expected", "levels", "nullable", "feature", "normalise", "replace", "unknown", "meaning", "name", "actions"),
    *(
        "wrong",
        "text",
        "id",
        "label",
        "positive",
        "negative",
        "time",
        "group",
        "missing",
        "columns",
        "ratios",
        "rules",
        "segments",
        "money",
    ),
    *("check", "tolerance", "severity", "numerator", "denominator", "factor", "column", "edges", "opt_out"),
]
VALUES = [
    *("1", "-1", "1.5", "inf", "nan", "1e400", "9" * 400, "9" * 5_000, "true", "2020-01-01", "[]", "[1]", "[1, 2]", "[2, 1]"),
    *("[inf, inf]", "[nan, nan]", "{}", "{a = 'b'}", "{a = 'b', b = 'a'}", "[[1]]", '["F", "M"]', '["a", "a"]', '["lower"]'),
    *('""', '"x"', '"\\u0000"', '"customer_age"', '"gender"', '"clientnum"', '"date"'),
    *('"customer_age <= 1"', '"abs <= 3"', '"1 <= 2"', '"gender <= 1"', '"' + "(" * 900 + '"'),
]
HEADINGS = ["[money]", "[columns.x]", '[columns.""]', '[columns."A b"]', "[[ratios]]", "[[rules]]", "[[segments]]", "[columns]", "[x]"]
lines = st.one_of(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)).map(" = ".join), st.sampled_from(HEADINGS), st.text(max_size=12), st.just("")
)
edits = st.lists(st.tuples(st.integers(0, len(BANK) - 1), st.booleans(), lines), min_size=1, max_size=3)


def parsed(text: str) -> TableSpec | None:
    try:
        return parse_spec(text)
    except SpecRefused:
        return None


def is_usable(spec: TableSpec) -> None:
    assert parse_spec(spec.text).digest == spec.digest
    contract, plan = compile_contract(spec), plan_features(spec)
    assert len(set(plan.names)) == len(plan.names) == len(plan.sources)
    rows = rows_from_objects(contract, [dict.fromkeys((column.name for column in spec.feature_columns), value) for value in (None, 1, "x")])
    breaches(contract, rows)
    warnings(contract, rows)
    with np.errstate(all="raise"):
        assert compute(plan, rows.take(np.array([True, False, False]))).shape == (1, len(plan.names))


@settings(MODEST, max_examples=250)
@given(edits)
def test_a_mutilated_spec_is_refused_or_usable(changes: list[tuple[int, bool, str]]) -> None:
    document = list(BANK)
    for place, replaces, line in changes:
        document[place : place + replaces] = [line]
    spec = parsed("\n".join(document))
    if spec is not None:
        is_usable(spec)


@settings(MODEST, max_examples=150)
@given(st.one_of(st.text(max_size=200), st.lists(lines, max_size=8).map("\n".join)))
def test_any_text_is_a_spec_or_refused(text: str) -> None:
    parsed(text)


names = st.from_regex(r"[a-z][a-z0-9]{0,6}(_[a-z0-9]{1,4})?", fullmatch=True).filter(lambda name: name != "customer_id")
levels = st.lists(st.text(st.characters(codec="utf-8"), max_size=5), min_size=1, max_size=4, unique=True)


@settings(MODEST, max_examples=100)
@given(st.dictionaries(names, st.one_of(st.sampled_from(["integer", "number", "boolean", "date"]), levels), min_size=1, max_size=5))
def test_every_small_table_has_a_spec_that_survives_its_text(columns: dict[str, str | list[str]]) -> None:
    import json

    parts = ['name = "t"']
    for name, kind in columns.items():
        listed = kind if isinstance(kind, list) else None
        quoted = json.dumps(listed).replace("\x7f", "\\u007f") if listed else ""
        parts += [f"[columns.{name}]", f'kind = "{"category" if listed else kind}"', *([f"levels = {quoted}"] if listed else [])]
    spec = parsed("\n".join(parts))
    if any(ord(character) > 0xFFFF for kind in columns.values() for level in kind for character in level):
        return  # JSON spells these as surrogates, TOML forbids them
    assert spec is not None
    assert [column.name for column in spec.feature_columns] == list(columns)
    assert {name: list(column.levels) for name, column in spec.columns.items() if column.levels} == {
        name: kind for name, kind in columns.items() if isinstance(kind, list)
    }
    is_usable(spec)


@settings(MODEST, max_examples=200)
@given(st.text(max_size=30))
def test_a_snake_case_name_is_its_own(header: str) -> None:
    name = snake_case(header)
    assert snake_case(name) == name
    assert name.isascii()
    assert name == name.strip("_")


@settings(MODEST, max_examples=200)
@given(st.one_of(st.text("ab()+-*/<=>. 1e9_,'\"[]:", max_size=25), st.text(max_size=25)))
def test_any_text_is_a_rule_that_can_be_judged_or_no_rule(check: str) -> None:
    try:
        found = names_in(check)
    except ValueError:
        return
    columns = {name: np.array([0.0, 1.0, -1.0, np.nan, 1e308]) for name in found}
    with np.errstate(all="raise"):
        assert broken(check, 0.0, columns).shape == (5,)
    assert not broken(check, 0.0, {name: np.full(1, np.nan) for name in found}).any()
