"""Secrets in the tree and in every layer of the images, by detect-secrets; nothing that it finds is sent anywhere to be tried out.

`secrets_scan.py build/delivery/images` ends with 1 where it finds one. In what ships every detector looks; what was looked at and is none
stands in `deploy/pipeline/known_secrets.json`, by hash. In tests, whose passwords are made up, and in layers, which hold other people's
libraries, only those look that know a key by its shape. `--remember` writes what the tree holds now to that file.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from detect_secrets import SecretsCollection
from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.settings import transient_settings
from layers import configuration, files

KNOWN = Path("deploy/pipeline/known_secrets.json")
SHAPES = (
    "AWSKeyDetector", "AzureStorageKeyDetector", "DiscordBotTokenDetector", "GitHubTokenDetector", "GitLabTokenDetector", "NpmDetector",
    "PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector", "SlackDetector", "StripeDetector", "TelegramBotTokenDetector",
)  # fmt: skip
GUESSES = ("BasicAuthDetector", "KeywordDetector", "JwtTokenDetector")
ENTROPY = ({"name": "Base64HighEntropyString", "limit": 4.5}, {"name": "HexHighEntropyString", "limit": 3.0})
FILTERS = (
    "detect_secrets.filters.allowlist.is_line_allowlisted", "detect_secrets.filters.heuristic.is_indirect_reference",
    "detect_secrets.filters.heuristic.is_likely_id_string", "detect_secrets.filters.heuristic.is_not_alphanumeric_string",
    "detect_secrets.filters.heuristic.is_potential_uuid", "detect_secrets.filters.heuristic.is_prefixed_with_dollar_sign",
    "detect_secrets.filters.heuristic.is_sequential_string", "detect_secrets.filters.heuristic.is_templated_secret",
)  # fmt: skip
LARGEST = 1024 * 1024
PLACEHOLDER = re.compile(r"[A-Z_]+")  # postgresql://USER:PASSWORD@HOST says where something belongs
# Certificates of authorities, and keys that libraries show in their tests: of Debian and PyPI, checked by hash when installed.
OTHERS = ("usr/share/", "usr/lib/", "var/lib/dpkg/")
Found = tuple[str, PotentialSecret]


def look(paths: Iterable[Path], shapes_alone: bool) -> Iterator[Found]:
    """Name of the file and each secret in it."""
    plugins = [{"name": name} for name in SHAPES] + ([] if shapes_alone else [{"name": name} for name in GUESSES] + [*ENTROPY])
    with transient_settings({"plugins_used": plugins, "filters_used": [{"path": path} for path in FILTERS]}):
        found = SecretsCollection()
        for path in paths:
            found.scan_file(str(path))
        yield from ((name, secret) for name, secret in found if not PLACEHOLDER.fullmatch(secret.secret_value or ""))


def tree() -> list[Found]:
    """What the tracked and the new files hold, locks apart: those are digests."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True)
    paths = [Path(name) for name in listing.stdout.splitlines() if not name.startswith("locks/") and Path(name) != KNOWN]
    paths = [path for path in paths if path.is_file() and not path.is_symlink()]
    tests = [path for path in paths if path.parts[0] == "tests"]
    return [*look([path for path in paths if path not in set(tests)], False), *look(tests, True)]


def image(path: Path) -> list[Found]:
    """What the layers and the configuration of an image hold."""
    found: list[Found] = []
    with tempfile.TemporaryDirectory() as folder:
        spot = Path(folder) / "file"
        spot.write_bytes(configuration(path))
        found += [(f"{path.name}: its configuration", secret) for _, secret in look([spot], True)]
        for number, name, content in files(path, LARGEST):
            if b"\0" in content[:4096] or name.startswith(OTHERS) or "/site-packages/" in name:
                continue
            spot.write_bytes(content)
            found += [(f"{path.name}: layer {number}, {name}", secret) for _, secret in look([spot], True)]
    return found


def main(words: list[str]) -> int:
    """Code of the process."""
    found = tree()
    if words == ["--remember"]:
        kept = sorted({(name, secret.type, secret.secret_hash) for name, secret in found})
        KNOWN.write_text(
            json.dumps([dict(zip(("file", "type", "hash"), row, strict=True)) for row in kept], indent=1) + "\n", encoding="utf-8"
        )
        print(f"{KNOWN} remembers {len(kept)}.")
        return 0
    known = {(row["file"], row["type"], row["hash"]) for row in json.loads(KNOWN.read_text(encoding="utf-8"))} if KNOWN.is_file() else set()
    found = [(name, secret) for name, secret in found if (name, secret.type, secret.secret_hash) not in known]
    archives = [path for word in words for path in sorted(Path(word).glob("*.tar"))]
    for path in archives:
        try:
            found += image(path)
        except ValueError as error:
            print(f"{path}: {error}.", file=sys.stderr)
            return 1
    for name, secret in found:
        print(f"{name}:{secret.line_number}: {secret.type}", file=sys.stderr)
    if found:
        print("Take it out and change it wherever it opened something. Is it none? See docs/delivery.md.", file=sys.stderr)
    print(f"Looked at the tree and {len(archives)} images: {len(found)} secrets.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
