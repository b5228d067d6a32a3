"""What goes out is looked at: secrets in layers, components of images, and a push to a real registry on loopback."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pipelines import TOP
from ports import free_port

pytestmark = pytest.mark.pipeline

PYTHON = TOP / "build" / "tools" / "bin" / "python"
SCRIPTS = TOP / "deploy" / "pipeline"
PLANTED = "AKIA" + "Q3EGRMVHKD7J5W2X"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
STATUS = (
    "Package: curl\nStatus: install ok installed\nArchitecture: amd64\nVersion: 7.88.1-10+deb12u14\n\n"
    "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n"
)


def packed(files: dict[str, str]) -> bytes:
    """A tar with these files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


def image(path: Path, *layers: dict[str, str], variables: tuple[str, ...] = ()) -> Path:
    """An archive as `docker save` writes it."""
    import hashlib

    bodies = [packed(layer) for layer in layers]
    ids = ["sha256:" + hashlib.sha256(body).hexdigest() for body in bodies]
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": list(variables)},
            "rootfs": {"type": "layers", "diff_ids": ids},
            "history": [],
        }
    )
    names = [f"{number}/layer.tar" for number in range(len(bodies))]
    listed = json.dumps([{"Config": "config.json", "RepoTags": [f"tidegate/{path.stem}:t"], "Layers": names}])
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, body in [("manifest.json", listed.encode()), ("config.json", config.encode()), *zip(names, bodies, strict=True)]:
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    return path


def scanned(folder: Path) -> subprocess.CompletedProcess[str]:
    """The image scan over a tree that holds nothing."""
    tree = folder / "tree"
    tree.mkdir(exist_ok=True)
    subprocess.run(["git", "init", "-q", "."], cwd=tree, check=True)
    return subprocess.run([PYTHON, SCRIPTS / "secrets_scan.py", folder / "images"], cwd=tree, capture_output=True, text=True, check=False)


@pytest.fixture(autouse=True)
def tools() -> None:
    if not PYTHON.exists():
        pytest.skip("build/tools is not here: make test-pipeline makes it")


def test_an_image_without_secrets_passes(tmp_path: Path) -> None:
    image(tmp_path / "images" / "api.tar", {"etc/tidegate/a.conf": "port 8000\n", "opt/x/site-packages/boto/test.py": f'K = "{PLANTED}"\n'})
    done = scanned(tmp_path)
    assert (done.returncode, done.stdout) == (0, "Looked at the tree and 1 images: 0 secrets.\n")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"aws_access_key_id = {PLANTED}\n", "AWS Access Key"),
        ("-----BEGIN OPENSSH PRIVATE" + " KEY-----\nb3Bl\n", "Private Key"),
        ("token: gh" + "p_0123456789abcdefghijABCDEFGHIJ012345\n", "GitHub Token"),
    ],
)
def test_a_secret_in_a_layer_is_found_even_where_a_later_one_removed_it(tmp_path: Path, text: str, kind: str) -> None:
    image(tmp_path / "images" / "api.tar", {"srv/tidegate/left.txt": text}, {"srv/tidegate/.wh.left.txt": ""})
    done = scanned(tmp_path)
    assert done.returncode == 1
    assert f"api.tar: layer 0, srv/tidegate/left.txt:1: {kind}" in done.stderr
    assert PLANTED not in done.stdout + done.stderr


def test_and_in_the_environment_of_an_image(tmp_path: Path) -> None:
    image(tmp_path / "images" / "ui.tar", {"a": "b"}, variables=(f"KEY={PLANTED}",))
    assert "ui.tar: its configuration" in scanned(tmp_path).stderr


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "api.tar").write_bytes(packed({"a": "b"}))
    done = scanned(tmp_path)
    assert done.returncode == 1
    assert done.stderr.endswith("api.tar: it has no manifest.json: it is no image.\n")


def test_the_components_of_an_image_are_its_own_document_and_debians_packages(tmp_path: Path) -> None:
    own = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": [{"type": "library", "name": "numpy", "version": "2"}],
    }
    image(tmp_path / "images" / "api.tar", {"var/lib/dpkg/status": STATUS}, {"opt/tidegate/sbom.cdx.json": json.dumps(own)})
    done = subprocess.run([PYTHON, SCRIPTS / "sbom.py", tmp_path], cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "sbom" / "api.cdx.json").read_text())
    assert [one["name"] for one in document["components"]] == ["numpy", "curl"]
    assert document["components"][1]["purl"] == "pkg:deb/debian/curl@7.88.1-10%2Bdeb12u14?arch=amd64"
    valid = "import sys; from cyclonedx.schema import SchemaVersion as S; from cyclonedx.validation.json import JsonStrictValidator as V"
    check = [PYTHON, "-c", f"{valid}; sys.exit(V(S.V1_6).validate_str(sys.stdin.read()) is not None)"]
    assert subprocess.run(check, input=json.dumps(document), capture_output=True, text=True, check=False).returncode == 0


def test_an_image_of_which_nothing_can_be_said_is_red(tmp_path: Path) -> None:
    image(tmp_path / "images" / "reports.tar", {"a": "b"})
    done = subprocess.run([PYTHON, SCRIPTS / "sbom.py", tmp_path], cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "reports.tar: it has neither" in done.stderr


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Debian's docker-registry on loopback."""
    if not shutil.which("docker-registry") or not shutil.which("skopeo"):
        pytest.skip("docker-registry or skopeo is not installed (apt-get install docker-registry skopeo), so nothing can be pushed")
    port = free_port()
    config = tmp_path / "registry.yml"
    storage = f"storage: {{filesystem: {{rootdirectory: {tmp_path / 'blobs'}}}}}"
    config.write_text(f"version: 0.1\n{storage}\nhttp: {{addr: 127.0.0.1:{port}}}\nlog: {{level: error}}\n")
    running = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                if httpx.get(f"http://127.0.0.1:{port}/v2/", trust_env=False).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(10)


def test_a_push_writes_down_the_digests_under_which_the_registry_has_the_images(tmp_path: Path, registry: str) -> None:
    workspace = tmp_path / "workspace"
    for name in ("api", "ui", "worker", "reports", "mlflow"):
        image(workspace / "build/delivery/images" / f"{name}.tar", {"name": name})
    environment = {**os.environ, "TIDEGATE_REGISTRY": f"{registry}/bank", "TAG": "t1"}
    done = subprocess.run([SCRIPTS / "push"], cwd=workspace, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = dict(line.split("=", 1) for line in (workspace / "build/delivery/images.env").read_text().splitlines())
    assert lines.pop("TIDEGATE_TAG") == "t1"
    assert len(lines) == len(set(lines.values())) == 5
    for reference in lines.values():
        place, digest = reference.split("@")
        url = f"http://{registry}/v2/{place.removeprefix(registry + '/')}/manifests/"
        by_digest, by_tag = (httpx.get(url + end, headers={"Accept": MANIFEST}, trust_env=False) for end in (digest, "t1"))
        assert by_digest.status_code == 200
        assert by_digest.content == by_tag.content


def test_an_image_that_is_missing_pushes_none(tmp_path: Path) -> None:
    image(tmp_path / "build/delivery/images/api.tar", {"a": "b"})
    environment = {**os.environ, "TIDEGATE_REGISTRY": "127.0.0.1:9", "TAG": "t1"}
    done = subprocess.run([SCRIPTS / "push"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "build/delivery/images/ui.tar is missing. Run make image NAME=ui first.\n")
