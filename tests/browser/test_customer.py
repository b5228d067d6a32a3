"""A customer is typed, scored and tried with other values, with the keyboard alone."""

from __future__ import annotations

import json
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from browser.conftest import Visit

pytestmark = pytest.mark.browser
CUSTOMER: dict[str, object] = {
    "customer_age": 45,
    "gender": "M",
    "dependent_count": 3,
    "education_level": "High School",
    "marital_status": "Married",
    "income_category": "$60K - $80K",
    "card_category": "Blue",
    "months_on_book": 39,
    "total_relationship_count": 5,
    "months_inactive_12_mon": 1,
    "contacts_count_12_mon": 3,
    "credit_limit": 12691,
    "total_revolving_bal": 777,
    "avg_open_to_buy": 11914,
    "total_amt_chng_q4_q1": 1.335,
    "total_trans_amt": 1144,
    "total_trans_ct": 42,
    "total_ct_chng_q4_q1": 1.625,
    "avg_utilization_ratio": 0.061,
}


def fill(page: Page, customer: dict[str, object]) -> None:
    """Types what somebody would, field by field, from the first to the last, with Tab between them."""
    for name, value in customer.items():
        field = page.locator(f".st-key-customer-{name} input").first
        field.focus()
        page.keyboard.type(str(value))
        page.keyboard.press("Enter" if isinstance(value, str) else "Tab")


@pytest.mark.parametrize(
    ("language", "score", "then"), [("en", "Score", "Probability of leaving, then"), ("fr", "Évaluer", "Probabilité de départ, alors")]
)
def test_a_customer_is_scored_and_tried(visit: Visit, language: str, score: str, then: str) -> None:
    visit.open("customer", language)
    visit.page.get_by_label("Customer id" if language == "en" else "Identifiant du client").first.fill(f"C-{language}")
    fill(visit.page, CUSTOMER)
    visit.page.get_by_test_id("stFormSubmitButton").get_by_role("button").focus()
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_test_id("stPlotlyChart")).to_have_count(2)
    visit.drawn()
    asked = urllib.request.Request(f"{visit.site.api}/predict", json.dumps(CUSTOMER).encode(), {"Content-Type": "application/json"})
    answer = json.loads(urllib.request.urlopen(asked, timeout=10).read())
    shown = visit.page.get_by_test_id("stMetricValue").first.inner_text().replace(",", ".").replace("\u00a0", "")
    share = answer["probabilities"]["churn"]
    assert shown == (f"{100 * share:.1f}%" if share >= 0.0005 else "<0.1%")
    tried = visit.page.locator("[class*='-customer-total_trans_ct'] input").last
    tried.fill("20")
    tried.press("Tab")
    expect(visit.page.get_by_text(then)).to_be_visible()
    visit.shoot(f"customer-scored-{language}")
