"""`tidegate ui`: Streamlit in a process of its own, until it is told to stop. Nothing is sent to Streamlit's makers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from types import FrameType

import httpx

from tidegate.errors import SettingRefused, TidegateError
from tidegate.parent import as_parent
from tidegate.settings import Settings

START_SECONDS, STOP_SECONDS = 60.0, 10.0
# Of Streamlit; it has no other way in that does not read files of the working folder or of the account.
_OPTIONS = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.showEmailPrompt": "false",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "runner.magicEnabled": "false",
    "logger.level": "warning",
    "theme.baseRadius": "0.4rem",
    "theme.headingFontSizes": '["2rem", "1.5rem", "1.2rem"]',
    "theme.light.primaryColor": "#0b5a7a",
    "theme.dark.primaryColor": "#5bb8dc",
}


class PagesEnded(TidegateError):
    """Streamlit ended by itself, or never began."""


def serve_pages(settings: Settings, ready: Callable[[str], None]) -> None:
    """Serve the pages until SIGTERM or SIGINT. Raises SettingRefused where the port is taken, PagesEnded."""
    _require_free(settings.ui_host, settings.ui_port)
    options = {
        **_OPTIONS,
        "server.address": settings.ui_host,
        "server.port": str(settings.ui_port),
        "server.maxUploadSize": str(max(1, settings.max_upload_bytes >> 20)),
    }
    command = [sys.executable, "-m", "tidegate.ui.child", "run", str(script()), *(f"--{name}={value}" for name, value in options.items())]
    environment = {**os.environ, **as_parent(), "TIDEGATE_UI_HOST": settings.ui_host, "TIDEGATE_UI_PORT": str(settings.ui_port)}
    stopping = _Stopping()
    # What it prints is for its makers' users; what goes wrong is on stderr.
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment, start_new_session=True) as child:  # noqa: S603
        stopping.watch(child)
        url = f"http://{settings.ui_host}:{settings.ui_port}"
        try:
            if _answers(child, url):
                ready(url)
            code = child.wait()
        finally:
            _stop(child)
    if not stopping.asked:
        raise PagesEnded(f"The pages ended with code {code}.", "Its own message stands above.")


def script() -> Path:
    """What Streamlit runs for every visit."""
    return Path(str(resources.files("tidegate") / "ui" / "entry" / "visit.py"))


def _require_free(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            raise SettingRefused(f"Port {port} on {host} cannot be used: {error.strerror}.", "Choose another one with --port.") from None


def _answers(child: subprocess.Popen[bytes], url: str) -> bool:
    """Wait until the pages answer; False where the process ended first."""
    until = time.monotonic() + START_SECONDS
    while child.poll() is None and time.monotonic() < until:
        try:
            if httpx.get(f"{url}/_stcore/health", trust_env=False, timeout=2).is_success:
                return True
        except httpx.HTTPError:
            time.sleep(0.2)
    return False


class _Stopping:
    """SIGINT and SIGTERM ask the child to stop, also when they come before there is one."""

    def __init__(self) -> None:
        self.asked = False
        self._child: subprocess.Popen[bytes] | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)

    def watch(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        if self.asked:
            child.terminate()

    def _stop(self, _: int, __: FrameType | None) -> None:
        self.asked = True
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
