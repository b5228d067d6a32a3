"""Where a table's spec comes from: a file, a shipped one, or inference from the table itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.customers.inspection.infer import infer_spec
from tidegate.customers.spec import TableSpec, load_spec
from tidegate.errors import InputRefused, SettingRefused
from tidegate.home import Home, write_whole


@dataclass(frozen=True)
class InspectedTable:
    """An inferred spec: its text, the file it was written to, and what a person should look at."""

    spec: TableSpec
    text: str
    path: Path | None
    rows: int
    columns: int
    warnings: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        spec = self.text if self.path is None else str(self.path)
        return {"spec": spec, "rows": self.rows, "columns": self.columns, "warnings": list(self.warnings), "text": self.text}


def inspect(data: Path, label: str, out: Path | None) -> InspectedTable:
    """Infer a table's spec and, with `out`, write it. An existing file is never replaced."""
    if out is not None and out.exists():
        raise InputRefused(f"{out} exists.", "Name another file, or remove it first.")
    found = infer_spec(data, label)
    if out is not None:
        try:
            write_whole(out, found.text.encode())
        except OSError as error:
            raise InputRefused(f"{out} cannot be written: {error.strerror}.", "Name a file in a folder that you may write to.") from None
    return InspectedTable(found.spec, found.text, out, found.rows, found.columns, found.warnings)


def spec_for(home: Home, data: Path, label: str | None, spec: str | None) -> tuple[TableSpec, str, tuple[str, ...]]:
    """The spec to train `data` with, where it is written, and warnings. Raises SettingRefused where neither label nor spec is given."""
    if spec is not None:
        if label is not None:
            raise SettingRefused("Both --label and --spec are given.", "The spec names the label: leave --label out.")
        return load_spec(spec), spec, ()
    if label is None:
        raise SettingRefused(f"Nothing says which column of {data.name} is the label.", "Give --label COLUMN, or --spec FILE.")
    found = infer_spec(data, label)
    path = home.root / "specs" / f"{found.spec.name}.toml"
    number = 1
    while path.exists() and path.read_text(encoding="utf-8") != found.text:
        number += 1
        path = path.with_name(f"{found.spec.name}-{number}.toml")
    write_whole(path, found.text.encode())
    return found.spec, str(path), found.warnings
