"""The engineer's way: a version is promoted and rolled back, an experiment started and ended, a batch looked at."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from browser.conftest import Visit

pytestmark = pytest.mark.browser


def asked(url: str) -> Any:
    return json.loads(urllib.request.urlopen(url, timeout=10).read())


def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.3)


def decisions(visit: Visit, language: str = "en") -> None:
    visit.open("models", language)
    visit.page.get_by_test_id("stMain").get_by_role("radio", name="Decisions" if language == "en" else "Décisions").click()
    visit.drawn()


def test_a_version_is_promoted_and_rolled_back(visit: Visit) -> None:
    decisions(visit)
    visit.button("Promote version 2…")
    expect(visit.page.get_by_text("Nothing was done: say why, in one line.")).to_be_visible()
    visit.page.locator(".st-key-models-promote-reason input").fill("simpler, for the winter")
    visit.page.keyboard.press("Tab")
    visit.drawn()
    visit.button("Promote version 2…")
    visit.shoot("models-promote-en")
    visit.button("Yes, version 2 shall serve")
    expect(visit.page.get_by_test_id("stAlertContentSuccess")).to_contain_text("Version 2 is champion since")
    until(lambda: asked(f"{visit.site.api}/ready")["model_version"] == "2")
    visit.page.locator(".st-key-models-rollback-reason input").fill("only tried")
    visit.page.keyboard.press("Tab")
    visit.drawn()
    visit.button("Roll back to version 1…")
    visit.button("Yes, back to version 1")
    until(lambda: asked(f"{visit.site.api}/ready")["model_version"] == "1")
    events = asked(f"{visit.site.operate}/history")["events"]
    assert [event["reason"] for event in events if event["what"] != "trained"][:2] == ["only tried", "simpler, for the winter"]


def test_of_two_tabs_the_second_is_told(visit: Visit, browser: Browser) -> None:
    decisions(visit)
    visit.page.locator(".st-key-models-promote-reason input").fill("the slower of two")
    visit.page.keyboard.press("Tab")
    visit.drawn()
    visit.button("Promote version 2…")
    expect(visit.page.get_by_role("button", name="Yes, version 2 shall serve", exact=True)).to_be_visible()
    body = json.dumps({"version": "2", "reason": "the faster of two"}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{visit.site.operate}/promote", body, {"Content-Type": "application/json"}), timeout=30)
    visit.button("Yes, version 2 shall serve")
    expect(visit.page.get_by_text("champion by now")).to_be_visible()
    body = json.dumps({"reason": "back for the others"}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{visit.site.operate}/rollback", body, {"Content-Type": "application/json"}), timeout=30)


def test_an_experiment_is_started_and_ended(visit: Visit) -> None:
    visit.open("experiment")
    visit.button("Start…")
    visit.shoot("experiment-start-en")
    visit.page.get_by_role("button", name="Yes").first.click()
    until(lambda: bool(asked(f"{visit.site.operate}/experiments")["experiments"]))
    visit.drawn()
    visit.shoot("experiment-running-en")
    body = json.dumps({"reason": "seen enough"}).encode()
    urllib.request.urlopen(
        urllib.request.Request(f"{visit.site.operate}/experiments/stop", body, {"Content-Type": "application/json"}), timeout=30
    )
    visit.open("experiment", "fr")
    visit.shoot("experiment-ended-fr")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_batch_that_drifted_is_seen(visit: Visit, language: str) -> None:
    visit.open("monitoring", language)
    expect(visit.page.get_by_role("heading", name="What was concluded" if language == "en" else "Ce qui a été conclu")).to_be_visible()
    visit.shoot(f"monitoring-batch-{language}")
