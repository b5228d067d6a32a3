"""Parse a bundle in a child process with limits before this one trusts it: a damaged model file may take its reader down."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from tidegate.bundle.golden import check_golden
from tidegate.bundle.manifest import read_manifest
from tidegate.bundle.reasons.explain import open_explainer
from tidegate.bundle.scorer import open_scorer
from tidegate.errors import BundleRefused

LARGEST_MEMORY_BYTES = 4 << 30
LONGEST_CPU_SECONDS = 60
LONGEST_SECONDS = 120


def check_bundle(folder: Path, digest: str | None) -> None:
    """Digests here, parsing and golden rows in a child. Raises BundleRefused with the child's reason."""
    read_manifest(folder, digest)
    # -P: a file in the folder where somebody happens to stand must not be taken for a library
    command = [sys.executable, "-P", "-m", "tidegate.bundle.check", str(folder), digest or ""]
    try:
        child = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)  # noqa: S603 - our own module
    except subprocess.TimeoutExpired:
        raise BundleRefused(f"Checking bundle {folder.name} took longer than {LONGEST_SECONDS} seconds.", "Promote it again.") from None
    if child.returncode == 0:
        return
    refused = child.stderr.strip().splitlines()[-1:] if child.returncode == BundleRefused.exit_code else []
    reason = refused[0] if refused else f"Parsing bundle {folder.name} ended with code {child.returncode}."
    raise BundleRefused(reason, "" if refused else "Promote another version.")


def main() -> int:
    """The child: limits first, then parse and score. Exit 0, or 2 with the reason on stderr."""
    resource.setrlimit(resource.RLIMIT_AS, (LARGEST_MEMORY_BYTES, LARGEST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_CPU_SECONDS, LONGEST_CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    folder, digest = Path(sys.argv[1]), sys.argv[2] or None
    try:
        scorer = open_scorer(folder, "check", digest)
        check_golden(folder, scorer)
        open_explainer(folder, scorer.manifest)
    except BundleRefused as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
