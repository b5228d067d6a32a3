"""The Jenkinsfile's delivery for real: images, components, secrets, a registry, a release by digest; and the way back from a bad one."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipelines import TOP, Execution, checkout, execute
from ports import free_port

if TYPE_CHECKING:
    from platform_stack import Stack

pytestmark = pytest.mark.delivery

NAMES = ("api", "ui", "worker", "reports", "mlflow")
# What tests/pipeline runs for real.
BEFORE = ("make environment", "make test", "make register", "verb monitor", "make reports", "make build-report")
LEFT = ("build/delivery/tests.xml", "build/delivery/reports.tar.gz", "build/delivery/report.json")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Debian's docker-registry on loopback."""
    for program in ("docker-registry", "skopeo"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed (apt-get install {program}), so nothing can be pushed")
    folder, port = tmp_path_factory.mktemp("registry"), free_port()
    storage = f"storage: {{filesystem: {{rootdirectory: {folder / 'blobs'}}}}}"
    (folder / "c.yml").write_text(f"version: 0.1\n{storage}\nhttp: {{addr: 127.0.0.1:{port}}}\nlog: {{level: error}}\n")
    running = subprocess.Popen(["docker-registry", "serve", str(folder / "c.yml")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"127.0.0.1:{port}/bank"
    finally:
        running.terminate()
        running.wait(10)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    subprocess.run(["make", "-o", ".venv/ready", "build/tools/ready"], cwd=TOP, check=True, capture_output=True)
    made = checkout(tmp_path_factory.mktemp("delivered"))
    for name in LEFT:
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).touch()
    return made


def build(workspace: Path, stack: Stack, registry: str, *first: dict[str, Any]) -> Execution:
    """One build whose verbs are recorded up to the images, and real from there, `first` excepted."""
    images = {"BASE_IMAGE": "tidegate-ci/base", "NGINX_IMAGE": "tidegate-ci/nginx", "TIDEGATE_REGISTRY": registry}
    recorded = [*first, *({"match": verb, "status": 0} for verb in BEFORE)]
    return execute(workspace, patience=1500, environment={**stack.environment, **images}, sh=recorded)


def named(workspace: Path) -> dict[str, str]:
    """Service to image by digest, as the push wrote them down."""
    lines = (workspace / "build/delivery/images.env").read_text().splitlines()
    found = dict(line.split("=", 1) for line in lines)
    return {name: found[f"TIDEGATE_{name.upper()}_IMAGE"] for name in NAMES}


def running(stack: Stack) -> dict[str, str]:
    """Service to the image that its containers were started from."""
    found = {name: {one["Config"]["Image"] for one in stack.containers(name)} for name in NAMES}
    assert all(len(images) == 1 for images in found.values()), found
    return {name: images.pop() for name, images in found.items()}


def test_a_build_delivers_by_digest_and_one_whose_smoke_test_fails_is_taken_back(workspace: Path, stack: Stack, registry: str) -> None:
    good = build(workspace, stack, registry)
    assert good.result == "SUCCESS", good.printed[-6000:]
    first = named(workspace)
    assert all("@sha256:" in image for image in first.values())
    assert running(stack) == first
    assert len(list((workspace / "build/delivery/sbom").glob("*.cdx.json"))) == len(NAMES) + 1
    assert "0 secrets" in good.printed

    # Another commit, so other images; a customer that nobody may score.
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "--allow-empty", "-m", "next"], cwd=workspace, check=True
    )
    slow = ({"match": verb, "status": 0} for verb in ("make sbom", "make secrets-scan"))
    bad = build(workspace, stack, registry, {"match": "make smoke", "run": "TIDEGATE_SECRETS=/nowhere make smoke"}, *slow)
    assert (bad.result, bad.stages["Delivery/Smoke test"]) == ("FAILURE", "FAILURE")
    assert "GET /features answers 401" in bad.printed, bad.printed[-6000:]
    assert named(workspace)["api"] != first["api"]
    assert running(stack) == first, bad.printed[-6000:]
