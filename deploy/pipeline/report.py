"""One page about a build: `report.py build/delivery RESULT` reads what its stages left there and writes `report.json` and `report.html`.

What no stage left is not on it. Values come from tables and people, so every one of them is escaped.
"""

from __future__ import annotations

import html
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "th{text-align:left;padding-right:2rem;vertical-align:top}"
)
# Of each answer what a person asks first; the whole of it is archived beside this page.
ASKED = {
    "register": ("model_version", "winner", "promoted", "champion"),
    "monitor": ("batch", "health", "drifted", "report"),
    "renew": ("decision", "challenger", "reasons", "waits_for_labels"),
}


def read(path: Path) -> Any:
    """The document, or None where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def gathered(folder: Path, result: str) -> dict[str, Any]:
    """Everything that is known about the build."""
    names = {"number": "BUILD_NUMBER", "url": "BUILD_URL"}
    found: dict[str, Any] = {
        "result": result or "unknown",
        "ended": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **(read(folder / "build.json") or {}),
    }
    found |= {key: os.environ[name] for key, name in names.items() if os.environ.get(name)}
    for verb in ASKED:
        if (answer := read(folder / f"{verb}.json")) is not None:
            found[verb] = answer
    images = folder / "images.env"
    if images.is_file():
        found["images"] = dict(line.split("=", 1) for line in images.read_text(encoding="utf-8").splitlines() if "=" in line)
    boms = {
        path.name.removesuffix(".cdx.json"): len(read(path).get("components", [])) for path in sorted((folder / "sbom").glob("*.cdx.json"))
    }
    return found | ({"components": boms} if boms else {})


def rows(values: dict[str, Any]) -> str:
    """A table of names and values."""
    lines = (f"<tr><th>{html.escape(str(name))}</th><td>{html.escape(text(value))}</td></tr>" for name, value in values.items())
    return f"<table>{''.join(lines)}</table>"


def text(value: Any) -> str:
    """A value as a person reads it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def page(found: dict[str, Any]) -> str:
    """The page, which loads nothing from elsewhere."""
    sections = [rows({name: value for name, value in found.items() if name not in (*ASKED, "images", "components")})]
    for verb, keys in ASKED.items():
        if verb in found:
            sections.append(f"<h2>{verb}</h2>" + rows({key: found[verb][key] for key in keys if key in found[verb]}))
    for name, title in (("images", "Images, by digest"), ("components", "Components in each CycloneDX document")):
        if name in found:
            sections.append(f"<h2>{title}</h2>" + rows(found[name]))
    head = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Build: {html.escape(found["result"])}</title><style>{STYLE}</style>'
    )
    return f"{head}<h1>Build: {html.escape(found['result'])}</h1>{''.join(sections)}</html>\n"


def main(folder: Path, result: str) -> int:
    """Code of the process."""
    folder.mkdir(parents=True, exist_ok=True)
    found = gathered(folder, result)
    (folder / "report.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "report.html").write_text(page(found), encoding="utf-8")
    print(f"{folder / 'report.html'}: {found['result']}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
