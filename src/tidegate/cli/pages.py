"""The verb of the pages: `ui`."""

from __future__ import annotations

from typing import Annotated

import typer

from tidegate.cli.options import JsonOption
from tidegate.cli.printing import printed


def ui(
    host: Annotated[str | None, typer.Option("--host", help="Address to bind [env: TIDEGATE_UI_HOST, default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port of the pages [env: TIDEGATE_UI_PORT, default: 8501]")] = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the pages for analyst, manager and engineer until stopped; they talk to the scoring and operate APIs."""
    from tidegate.settings import read_settings
    from tidegate.ui.launch import serve_pages

    def ready(url: str) -> None:
        printed({"url": url}, as_json, f"The pages are on {url}.")

    serve_pages(read_settings(ui_host=host, ui_port=port), ready)
