"""In a real browser: a script that found its way into a report reaches neither the page around it nor any server."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tidegate.ui.sandbox import sandboxed

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
# What Streamlit gives the frame that it embeds HTML in.
STREAMLITS = "allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox allow-same-origin allow-scripts allow-downloads"
ATTACK = """<p id=drawn></p><script>
const said = {origin: window.origin};
function tried(name, act) { try { act(); said[name] = "done"; } catch (error) { said[name] = "refused"; } }
document.getElementById("drawn").textContent = "drawn by a script";
said.drawn = document.getElementById("drawn").textContent;
tried("parent", () => parent.document.title);
tried("top", () => top.document.title);
tried("storage", () => localStorage.setItem("a", "b"));
tried("frame", () => { const frame = document.createElement("iframe"); frame.src = "URL/frame"; document.body.append(frame); });
fetch("URL/fetch").catch(() => 0);
new Image().src = "URL/image";
tried("beacon", () => navigator.sendBeacon("URL/beacon", "x"));
tried("socket", () => new WebSocket("URL/socket".replace("http", "ws")));
tried("popup", () => { if (!open("URL/popup")) throw 0; });
tried("leave", () => { top.location = "URL/top"; });
const form = document.createElement("form"); form.action = "URL/form"; document.body.append(form);
tried("form", () => form.submit());
window.leave = () => setTimeout(() => { location.href = "URL/self?" + JSON.stringify(said); }, 50);
window.said = said;
</script>"""


class Server(ThreadingHTTPServer):
    """Serves a page and notes what is asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []
        self.page = ""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(self.server.page.encode())

    do_POST = do_GET  # noqa: N815 - the name that the library calls

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_script_in_a_report_draws_and_reaches_nothing(server: Server) -> None:
    from playwright.sync_api import sync_playwright

    inner = sandboxed(ATTACK.replace("URL", server.url), "Report", 900)
    server.page = f'<title>Ours</title><iframe sandbox="{STREAMLITS}" width=600 height=400 srcdoc="{escape(inner)}"></iframe>'
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        page = browser.new_page()
        page.goto(server.url)
        page.wait_for_function("frames[0] && frames[0].frames[0]")
        report = page.frames[2]
        report.wait_for_function("window.said", timeout=90_000)
        said = report.evaluate("window.said")
        # Only now: where the navigation is refused, Chromium puts its own error page in place of the report.
        report.evaluate("leave()")
        page.wait_for_timeout(1_500)
        assert (page.title(), page.url.rstrip("/"), len(page.context.pages)) == ("Ours", server.url, 1)
        assert page.evaluate("localStorage.length") == 0
        browser.close()
    assert (said["origin"], said["drawn"]) == ("null", "drawn by a script")
    assert {name for name, what in said.items() if what == "refused"} >= {"parent", "top", "storage", "popup", "leave"}
    assert set(server.asked) <= {"/", "/favicon.ico"}, server.asked
