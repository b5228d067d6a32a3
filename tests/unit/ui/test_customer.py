"""Score a customer: a form from the spec, an answer that is recorded, reasons, what-ifs that are not, and what was typed stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from streamlit.testing.v1 import AppTest

from guarded import Guarded, guarded
from tidegate.ledger.predictions import count_predictions
from tidegate.ui import session
from unit.ui.visits import away, fake, texts, visit


def page() -> None:
    from tidegate.ui.pages import customer

    customer.show()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Guarded]:
    with guarded(tmp_path, with_keys=False) as made:
        yield made


def filled(test: AppTest, customer: dict[str, Any]) -> AppTest:
    widgets = {one.key: one for one in [*test.number_input, *test.selectbox, *test.text_input]}
    for name, value in customer.items():
        widgets[f"customer.{name}"].set_value(value)
    return test


def scored(test: AppTest, customer: dict[str, Any]) -> AppTest:
    filled(test, customer)
    next(one for one in test.button if one.label in ("Score", "Évaluer")).click().run()
    assert not test.exception, test.exception
    return test


def recorded(api: Guarded) -> int:
    assert api.service.ledger is not None
    return count_predictions(api.service.ledger)


def test_the_form_is_the_spec(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    test = visit(monkeypatch, page, api.client, fake({}))
    names = {one.key.removeprefix("customer.") for one in [*test.number_input, *test.selectbox]}
    assert names == {column.name for column in api.service.scorer.contract.spec.feature_columns}
    age = next(one for one in test.number_input if one.key == "customer.customer_age")
    assert (age.label, age.min, age.max, age.value) == ("Age of the customer (years)", 16, 120, None)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_customer_is_scored_once_with_reasons(monkeypatch: pytest.MonkeyPatch, api: Guarded, language: str) -> None:
    test = scored(visit(monkeypatch, page, api.client, fake({}), language), api.customer)
    assert recorded(api) == 1
    said = texts(test)
    lines = [line for line in said.splitlines() if line.startswith("- ")]
    assert len(lines) >= 3
    assert ("élève" in said or "abaisse" in said) == (language == "fr")
    test.run()
    assert recorded(api) == 1


def test_a_what_if_is_shown_and_not_recorded(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    test = scored(visit(monkeypatch, page, api.client, fake({})), api.customer)
    held = next(one for one in test.number_input if one.key.endswith(".customer.total_relationship_count") and one.key[0] != "c")
    held.set_value(6 if api.customer["total_relationship_count"] != 6 else 5).run()
    assert not test.exception
    metrics = {metric.label: metric for metric in test.metric}
    assert metrics["Probability of leaving, then"].delta.endswith("percentage points")
    assert recorded(api) == 1


def test_a_missing_value_is_named_and_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    partial = {name: value for name, value in api.customer.items() if name != "credit_limit"}
    test = scored(visit(monkeypatch, page, api.client, fake({})), partial)
    assert [one.value for one in test.error] == ["Not scored, because a value is missing: Credit limit of the card (USD)."]
    assert recorded(api) == 0


def test_where_the_service_goes_away_what_was_typed_stays(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    test = filled(visit(monkeypatch, page, api.client, fake({})), api.customer)
    monkeypatch.setattr(session, "_connected", lambda _: away())
    next(one for one in test.button if one.label == "Score").click().run()
    assert not test.exception
    assert [one.value[:31] for one in test.error] == ["The scoring API does not answer"], "asked once, said once"
    kept = {one.key.removeprefix("customer."): one.value for one in [*test.number_input, *test.selectbox]}
    assert {name: kept[name] for name in api.customer} == api.customer


def test_past_predictions_are_those_of_the_ledger(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    row = {"created_at": "2026-11-24T13:00:00+00:00", "probability": 0.25, "threshold": 0.5, "model_version": "1", "source": "explain"}
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(200, json={"predictions": {"total": 1, "rows": [{**row, "prediction_id": "p-1"}]}})

    operate = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://api")
    test = visit(monkeypatch, page, api.client, operate)
    next(one for one in test.text_input if one.key == "customer.past.id").set_value("a b/c").run()
    assert asked == ["/customers/a%20b%2Fc"]
    assert test.dataframe[0].value.iloc[0].tolist() == ["24 Nov 2026, 13:00 UTC", "25.0%", "50.0%", "1", "explain", "p-1"]


def test_an_unknown_customer_is_told(monkeypatch: pytest.MonkeyPatch, api: Guarded) -> None:
    test = visit(monkeypatch, page, api.client, fake({"/customers/x": (404, "The ledger holds nothing of this customer.")}))
    next(one for one in test.text_input if one.key == "customer.past.id").set_value("x").run()
    assert [one.value for one in test.info] == ["There is no prediction of this customer."]


def test_a_text_of_the_table_is_not_markdown() -> None:
    from tidegate.ui.plain import plain

    assert plain("[a](javascript:x) *b*") == r"\[a\]\(javascript\:x\) \*b\*"
