"""A live `tidegate run` with two versions and a monitored batch, and a real browser before it. Screenshots: `build/screenshots`."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

from commands import running, tidegate
from ports import free_port

TOP = Path(__file__).parents[2]
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 1024, "height": 900}
PATIENCE_MS = 30_000
_CUT_OFF = "NETWORK_CHANGED"
_SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]


@dataclass(frozen=True)
class Site:
    """Where the system answers, and its home."""

    home: Path
    ui: str
    api: str
    operate: str


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("browser")
    home = folder / "home"
    with running("run", "--home", home, "--port", free_port(), environment={"TIDEGATE_SIMULATED_ROWS": "2500"}) as (_, ready):
        done = tidegate("train", "--home", home, "--budget", "quick", "--algorithms", "logistic_regression", "--seed", "5", "--json")
        assert json.loads(done.stdout)["model_version"] == "2", done.stderr
        simulated = tidegate("simulate", folder / "autumn.csv", "--rows", "3000", "--seed", "9", "--drift", "Total_Trans_Ct:-1.5")
        assert simulated.returncode == 0, simulated.stderr
        monitored = tidegate("monitor", folder / "autumn.csv", "--home", home)
        assert monitored.returncode in (0, 3), monitored.stderr
        urls = ready["urls"]
        yield Site(home, urls["ui"], urls["api"], urls["operate"])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed (apt-get install chromium), so no page can be opened in a browser")
    with sync_playwright() as play:
        yield play.chromium.launch(executable_path=path, args=_SWITCHES)


@dataclass(frozen=True)
class Visit:
    """One person in front of the pages."""

    page: Page
    site: Site
    shots: Path
    cut_off: list[str]

    def open(self, path: str, language: str = "en") -> None:
        """A page by its address, drawn to the end; again where the machine's interfaces changed, for which Chromium drops what it loads."""
        for attempt in range(3):
            self.cut_off.clear()
            try:
                self.page.goto(f"{self.site.ui}/{path}?lang={language}")
                self.page.wait_for_selector("h1")
                self.drawn()
            except (Error, AssertionError) as fault:
                if attempt == 2 or not (self.cut_off or _CUT_OFF in str(fault)):
                    raise
            else:
                if not self.cut_off:
                    return

    def drawn(self) -> None:
        """Until the script has run to its end, and no fault stands on the page."""
        expect(self.page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(self.page.get_by_test_id("stException")).to_have_count(0)
        expect(self.page.get_by_test_id("stSkeleton")).to_have_count(0)  # what stands where a part of the page has not come yet

    def button(self, name: str) -> None:
        """Press it."""
        self.page.get_by_role("button", name=name, exact=True).click()
        self.drawn()

    def shoot(self, name: str) -> None:
        """The whole page as a picture, at both widths; nothing scrolls sideways."""
        for size in (WIDE, NARROW):
            self.page.set_viewport_size({**size})
            self.drawn()
            main = "document.querySelector('[data-testid=stMain]')"
            self.page.wait_for_function(f"{main}.scrollWidth <= {main}.clientWidth")  # fails where the page scrolls sideways
            height = self.page.evaluate(f"{main}.scrollHeight")
            self.page.set_viewport_size({"width": size["width"], "height": max(size["height"], height)})
            self.page.wait_for_timeout(300)
            self.page.screenshot(path=self.shots / f"{name}-{size['width']}.png")
        self.page.set_viewport_size({**WIDE})


@pytest.fixture
def visit(site: Site, browser: Browser) -> Iterator[Visit]:
    """A new visit; that a page asked any other machine for anything fails the test."""
    shots = Path(os.environ.get("TIDEGATE_SCREENSHOTS", TOP / "build" / "screenshots"))
    shots.mkdir(parents=True, exist_ok=True)
    abroad: list[str] = []
    cut_off: list[str] = []
    with _context(browser, abroad.append) as context:
        context.on("requestfailed", lambda request: _CUT_OFF in str(request.failure) and cut_off.append(request.url))
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield Visit(page, site, shots, cut_off)
    assert abroad == []


def _context(browser: Browser, left: Callable[[str], None]) -> BrowserContext:
    context = browser.new_context(viewport={**WIDE}, locale="en-GB", accept_downloads=True)
    context.on("request", lambda request: _hosts(request.url) and left(request.url))
    return context


def _hosts(url: str) -> bool:
    parts = urlparse(url)
    return parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1"
