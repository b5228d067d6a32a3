"""A planted customer and the secrets: not in a log line, not in a layer of an image, not in what `docker inspect` shows."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from platform_bank import bank_bodies
from platform_stack import API, OPERATE, TOP, Stack

pytestmark = pytest.mark.platform

PLANTED = "planted-customer-6f1d2c"
OURS = ("api", "ui", "worker", "reports", "mlflow", "gateway", "store")


def secret_words(stack: Stack) -> list[bytes]:
    """Every secret as it would be found by somebody who looks for it."""
    words = []
    for path in stack.secrets.iterdir():
        content = path.read_bytes()
        if path.name == "customer_key":
            words += [content, content.hex().encode()]
        elif path.name.startswith(("key_", "postgres_")) or path.name in (
            "mlflow_password",
            "mlflow_session",
            "grafana_password",
            "slack_webhook_url",
        ):
            words.append(content.strip())
        elif path.name.startswith("store_"):
            words.append(content.split(b"aws_secret_access_key = ")[1].strip())
    assert len(words) == 17
    return words


def found_in(file: IO[bytes], words: list[bytes]) -> list[bytes]:
    """Words in a stream, those that lie across two blocks included."""
    hits, before, longest = set[bytes](), b"", max(map(len, words))
    while block := file.read(1 << 22):
        window = before + block
        hits |= {word for word in words if word in window}
        before = window[-longest:]
    return sorted(hits)


def test_no_secret_and_no_customer_is_in_a_log(stack: Stack, tmp_path: Path) -> None:
    body = {**bank_bodies(stack, tmp_path, 1, 61)[0], "customer_id": PLANTED}
    with stack.client(API, "score") as client, stack.client(OPERATE, "operate") as desk:
        client.post("/predict", json=body).raise_for_status()
        client.post("/predict", json={**body, "customer_age": PLANTED})
        client.post("/predict", content=PLANTED.encode())
        client.get(f"/{PLANTED}")
        client.get("/model-info", headers={"Authorization": f"Bearer {PLANTED}"})
        desk.get(f"/customers/{PLANTED}")
    logs = stack.compose("logs", "--no-color").encode()
    assert len(logs) > 10_000
    words = [*secret_words(stack), PLANTED.encode()]
    assert [word for word in words if word in logs] == []


def test_no_secret_is_in_what_the_engine_shows(stack: Stack) -> None:
    shown = json.dumps(stack.containers()).encode()
    assert [word for word in secret_words(stack) if word in shown] == []


def layers(stack: Stack, image: str, folder: Path) -> Iterator[tuple[str, IO[bytes]]]:
    path = folder / "image.tar"
    stack.docker("save", "-o", str(path), image)
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                yield member.name, file
    path.unlink()


@pytest.mark.parametrize("target", OURS)
def test_no_secret_and_no_home_is_in_a_layer(stack: Stack, target: str, tmp_path: Path) -> None:
    words = secret_words(stack)
    hits: dict[str, Any] = {
        name: found for name, file in layers(stack, f"tidegate/{target}:dev", tmp_path) if (found := found_in(file, words))
    }
    assert hits == {}


def test_a_planted_secret_would_be_found(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes((stack.secrets / "key_score").read_bytes())
    (tmp_path / "Dockerfile").write_text("FROM tidegate/store:dev\nCOPY secret /tmp/secret\n")
    stack.docker("build", "-q", "-t", "tidegate/store:planted", str(tmp_path))
    words = secret_words(stack)
    assert any(found_in(file, words) for _, file in layers(stack, "tidegate/store:planted", tmp_path))
    stack.docker("rmi", "tidegate/store:planted")


def test_what_is_built_from_holds_no_secret(stack: Stack) -> None:
    """The build sends what `.dockerignore` lets through; the folder of the secrets is none of it, and git knows it is not to be kept."""
    assert (TOP / ".dockerignore").read_text().splitlines()[1] == "*"
    assert stack.run("git", "check-ignore", "secrets/key_score", ".env").stdout.decode().split() == ["secrets/key_score", ".env"]
