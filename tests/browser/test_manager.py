"""The manager's way: a file is scored, its results looked through and saved, and a campaign planned on it, in one visit."""

from __future__ import annotations

import csv
import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from browser.conftest import Visit
from commands import tidegate

pytestmark = pytest.mark.browser
ROWS = 1200
PRICES = {"customer_value": "400", "contact_cost": "5", "incentive_cost": "30", "acceptance_rate": "40"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "winter.csv"
    assert tidegate("simulate", path, "--rows", ROWS, "--seed", "21").returncode == 0
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace(",M,", ",Z,").replace(",F,", ",Z,")
    path.write_text("\n".join(lines) + "\n")
    return path


def asked(url: str) -> Any:
    return json.loads(urllib.request.urlopen(url, timeout=10).read())


def test_a_file_is_scored_and_a_campaign_planned_on_it(visit: Visit, table: Path, tmp_path: Path) -> None:
    visit.open("file")
    visit.page.locator("input[type=file]").set_input_files(table)
    visit.button("Score this file")
    expect(visit.page.get_by_text("winter.csv").last).to_be_visible()
    expect(visit.page.get_by_test_id("stPlotlyChart")).to_have_count(1)
    visit.drawn()
    values = [one.inner_text() for one in visit.page.get_by_test_id("stMetricValue").all()]
    assert f"{ROWS:,}" in values
    assert "1" in values, "the refused row is counted"
    visit.shoot("file-scored-en")

    visit.page.get_by_role("link", name="Campaign").click()
    expect(visit.page.locator("h1")).to_have_text("Campaign")
    visit.drawn()
    expect(visit.page.get_by_text("1,200 rows, scored in this visit")).to_be_visible()
    visit.page.locator(".st-key-campaign-budget input").fill("2000")
    for name, value in PRICES.items():
        visit.page.locator(f".st-key-campaign-{name} input").fill(value)
        visit.page.keyboard.press("Tab")
    visit.drawn()
    visit.button("Preview")
    expect(visit.page.get_by_text("nothing of it is recorded")).to_be_visible()
    expect(visit.page.get_by_text("because scoring refused them: 1 of the rows")).to_be_visible()
    assert asked(f"{visit.site.operate}/campaigns")["campaigns"] == []
    visit.shoot("campaign-preview-en")
    visit.page.locator(".st-key-campaign-name input").fill("winter")
    visit.page.keyboard.press("Tab")
    visit.drawn()
    visit.button("Plan this campaign")
    expect(visit.page.get_by_text("is on record since")).to_be_visible()
    (campaign,) = asked(f"{visit.site.operate}/campaigns")["campaigns"]
    with visit.page.expect_download() as saved:
        visit.page.get_by_role("button", name="Whom to contact").click()
    saved.value.save_as(tmp_path / "contact.csv")
    with (tmp_path / "contact.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == campaign["treated"] > 0
    visit.shoot("campaign-planned-en")


def test_a_table_of_something_else_is_refused_in_a_sentence(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "recipes.csv").write_text("dish,minutes\nsoup,30\n")
    visit.open("file", "fr")
    visit.page.locator("input[type=file]").set_input_files(tmp_path / "recipes.csv")
    visit.button("Évaluer ce fichier")
    expect(visit.page.get_by_test_id("stAlert").first).to_contain_text("Il manque à recipes.csv les colonnes customer_age")
    expect(visit.page.get_by_role("button", name="Remove recipes.csv")).to_be_visible()
    visit.shoot("file-refused-fr")
