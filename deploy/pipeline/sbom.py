"""What is in each image and in the lock, as CycloneDX documents: `sbom.py build/delivery` reads `images/*.tar`, writes `sbom/*.cdx.json`.

An image's document is the one that its build wrote of its Python environment, and beside these components Debian's packages, read from the
image itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from layers import files

PYTHON = "opt/tidegate/sbom.cdx.json"
STATUS = "var/lib/dpkg/status"
LARGEST = 64 * 1024 * 1024
LOCK = Path("locks/all.txt")


def packages(status: str) -> list[dict[str, Any]]:
    """Debian's packages of a dpkg status file, as components."""
    found = []
    for block in status.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(" "))
        if fields.get("Status", "").endswith(" installed") and {"Package", "Version"} <= fields.keys():
            name, version = fields["Package"], fields["Version"]
            purl = f"pkg:deb/debian/{name}@{quote(version, safe='')}?arch={fields.get('Architecture', 'all')}"
            found.append({"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl})
    return found


def image_document(path: Path) -> dict[str, Any]:
    """The CycloneDX document of an image. Raises ValueError where the image names no component at all."""
    last: dict[str, bytes] = {}
    for _, name, content in files(path, LARGEST):
        if name in (PYTHON, STATUS):
            last[name] = content  # noqa: PERF403 - a file of two gigabytes' worth of layers is not kept to be filtered
    document: dict[str, Any] = json.loads(last.get(PYTHON) or '{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}')
    document["components"] = document.get("components", []) + packages(last.get(STATUS, b"").decode("utf-8", "replace"))
    if not document["components"]:
        raise ValueError("it has neither Debian's packages nor a document of its own, so nothing can be said about it")
    about = document.setdefault("metadata", {})
    about["component"] = {"type": "container", "name": f"tidegate/{path.stem}", "bom-ref": f"image:{path.stem}"}
    return document


def main(folder: Path) -> int:
    """Code of the process."""
    out = folder / "sbom"
    out.mkdir(parents=True, exist_ok=True)
    locked = out / "locked.cdx.json"
    command = [Path(sys.executable).with_name("cyclonedx-py"), "requirements", "--output-reproducible", "--of", "JSON", "-o", locked, LOCK]
    subprocess.run([str(word) for word in command], check=True)
    for path in sorted((folder / "images").glob("*.tar")):
        try:
            document = image_document(path)
        except ValueError as error:
            print(f"{path}: {error}.", file=sys.stderr)
            return 1
        (out / f"{path.stem}.cdx.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for path in sorted(out.glob("*.cdx.json")):
        print(f"{path}: {len(json.loads(path.read_text(encoding='utf-8'))['components'])} components")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
