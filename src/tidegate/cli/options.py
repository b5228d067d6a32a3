"""Options that several verbs share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[Path | None, typer.Option("--home", help="Folder of this installation [env: TIDEGATE_HOME, default: tidegate-home]")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one machine-readable object on stdout")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of the split and the models [env: TIDEGATE_SEED, default: 42]")]
LabelOption = Annotated[str | None, typer.Option("--label", help="Column that says whether a customer left; the spec is inferred")]
SpecOption = Annotated[str | None, typer.Option("--spec", help="TOML file of the table, or the name of a shipped one: bank")]
PortOption = Annotated[int | None, typer.Option("--port", help="Port of the scoring API [env: TIDEGATE_PORT, default: 8000]")]
HostOption = Annotated[str | None, typer.Option("--host", help="Address to bind [env: TIDEGATE_HOST, default: 127.0.0.1]")]
