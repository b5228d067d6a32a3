"""npm-groovy-lint passes the Jenkinsfile, and fails on broken ones."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pipelines import TOP

pytestmark = pytest.mark.pipeline

TEXT = (TOP / "Jenkinsfile").read_text(encoding="utf-8")


def lint(path: Path) -> subprocess.CompletedProcess[str]:
    if not (TOP / "build" / "lint" / "ready").exists() or not shutil.which("java"):
        pytest.skip("build/lint or Java is not here: make test-pipeline makes the one, apt-get install default-jre-headless the other")
    command = ["make", "-o", "build/lint/ready", "lint-pipeline", f"JENKINSFILE={path}"]
    return subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=300, check=False)


def test_the_jenkinsfile_is_clean() -> None:
    done = lint(TOP / "Jenkinsfile")
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_broken_one_is_not(tmp_path: Path) -> None:
    (tmp_path / "Jenkinsfile").write_text(TEXT.replace("stage('Push') {", "stage('Push' {"), encoding="utf-8")
    assert lint(tmp_path / "Jenkinsfile").returncode != 0
