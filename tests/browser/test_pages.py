"""Every page opens at its own address, in both languages and at two widths, and asks no other machine for anything."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from browser.conftest import Visit
from unit.ui.visits import TITLES

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("page", TITLES)
def test_it_opens_in_both_languages(visit: Visit, page: str) -> None:
    for language, title in zip(("en", "fr"), TITLES[page], strict=True):
        visit.open(page, language)
        expect(visit.page.locator("h1")).to_have_text(title)
        expect(visit.page.get_by_role("dialog")).to_have_count(0)  # "Page not found"
        visit.shoot(f"{page}-{language}")


def test_the_language_is_chosen_on_the_page(visit: Visit) -> None:
    visit.open("")
    visit.page.get_by_text("Français").click()
    expect(visit.page.locator("h1")).to_have_text("Vue d’ensemble")
    assert "lang=fr" in visit.page.url
