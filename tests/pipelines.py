"""The Jenkinsfile without Jenkins: a workspace as a checkout leaves it, and the file executed by `tests/pipeline/harness.groovy`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).parents[1]
HARNESS = TOP / "tests" / "pipeline" / "harness.groovy"
# Debian's groovy is the version that Jenkins runs; npm-groovy-lint ships a later one.
GROOVY = (Path("/usr/share/java/groovy-all.jar"), TOP / "build/lint/node_modules/npm-groovy-lint/lib/java/groovy/lib/*")
CREDENTIALS = {
    "ledger-url": {"kind": "text", "value": ""},
    "customer-key": {"kind": "file", "value": ""},
    "store-account": {"kind": "file", "value": ""},
    "mlflow-password": {"kind": "text", "value": "made-up-for-mlflow"},
    "registry": {"kind": "password", "username": "pusher", "value": "made-up-for-registry"},
    "deploy-key": {"kind": "key", "username": "deploy", "value": "/nowhere/deploy_key"},
    "deploy-known-hosts": {"kind": "file", "value": "/nowhere/known_hosts"},
}
# What a stage leaves behind that a later step asks for.
LEFT = ("build/delivery/tests.xml", "build/delivery/reports.tar.gz", "build/delivery/sbom/locked.cdx.json", "build/delivery/report.json")


@dataclass(frozen=True)
class Execution:
    """What came of it."""

    result: str
    stages: dict[str, str]
    calls: list[dict[str, Any]]
    archived: list[str]
    label: str
    triggered: str
    printed: str

    def scripts(self) -> list[str]:
        return [call["script"] for call in self.calls]

    def ran(self, script: str) -> bool:
        return any(script in each for each in self.scripts())


def groovy() -> list[str]:
    """The command that runs a Groovy script."""
    java = shutil.which("java")
    jars = next((jar for jar in GROOVY if jar.parent.is_dir() and (jar.name == "*" or jar.exists())), None)
    if java is None or jars is None:
        pytest.skip(
            "Neither Groovy nor npm-groovy-lint is here (apt-get install default-jre-headless groovy), so no Jenkinsfile can be executed"
        )
    return [java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", str(jars), "groovy.ui.GroovyMain"]


def execute(workspace: Path, text: str | None = None, patience: float = 120, **plan: Any) -> Execution:
    """The Jenkinsfile, or another `text`, in a workspace; `plan` as the harness has it. A file that is none fails with what Groovy said."""
    file, given, out = workspace / "Jenkinsfile", workspace / ".plan.json", workspace / ".execution.json"
    file.write_text(text or (TOP / "Jenkinsfile").read_text(encoding="utf-8"), encoding="utf-8")
    given.write_text(json.dumps({"credentials": CREDENTIALS, **plan}), encoding="utf-8")
    out.unlink(missing_ok=True)
    done = subprocess.run(
        [*groovy(), str(HARNESS), str(file), str(given), str(out)],
        cwd=workspace,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )
    if not out.exists():
        raise AssertionError(done.stdout[-2000:] + done.stderr[:2000])
    said = json.loads(out.read_text(encoding="utf-8"))
    stages = {one["name"]: one["result"] for one in said.pop("stages")}
    return Execution(stages=stages, printed=done.stdout + done.stderr, **said)


def recorded(workspace: Path, codes: dict[str, int] | None = None, text: str | None = None, **plan: Any) -> Execution:
    """Nothing runs: each script ends with its code of `codes` (by a part of it), else with 0."""
    for name in LEFT:
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).touch()
    answers = [{"match": part, "status": code} for part, code in (codes or {}).items()]
    return execute(workspace, text, sh=[*answers, {"match": "", "status": 0}], **plan)


def checkout(folder: Path) -> Path:
    """A workspace with every file of this tree, and this interpreter's environment as its `.venv`, which make takes for fresh."""
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=TOP, capture_output=True, text=True, check=True)
    for name in listing.stdout.splitlines():
        if (TOP / name).is_file() and name != ".venv":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, folder / name)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    if (TOP / "build" / "tools").is_dir():
        (folder / "build").mkdir(exist_ok=True)
        (folder / "build" / "tools").symlink_to(TOP / "build" / "tools")
    for name in ("locks/dev.txt", "pyproject.toml", "locks/delivery.txt"):
        os.utime(folder / name, (0, 0))
    subprocess.run(["git", "init", "-q", "."], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "checkout"], cwd=folder, check=True)
    return folder
