"""The verbs of the pipeline by themselves: codes through make, images by digest, what goes back, what the deployment's key opens."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import TOP
from ports import free_port

pytestmark = pytest.mark.pipeline

DIGEST = "sha256:" + "a" * 64
NAMES = ("api", "ui", "worker", "reports", "mlflow")
IMAGES = "TIDEGATE_TAG=abc\n" + "".join(f"TIDEGATE_{name.upper()}_IMAGE=127.0.0.1:5000/tidegate/{name}@{DIGEST}\n" for name in NAMES)
# `make deploy` of the platform as they see it: images come from the environment, else from the record, as for compose, and the record
# says afterwards what runs; unless it is told to fail before or after that.
MAKEFILE = """
.PHONY: deploy answering
deploy:
\t@test "$(FAIL)" != before
\t@deploy/fake >.env.part
\t@mv .env.part .env
\t@test "$(FAIL)" != after
answering:
\t@[ -z "$$PIPELINE_ANSWER" ] || echo $(CODE) >"$$PIPELINE_ANSWER"
\t@exit $(CODE)
"""
FAKE = """#!/bin/sh
grep -vE '^TIDEGATE_(TAG|[A-Z]*_IMAGE)=' .env
echo "TIDEGATE_TAG=$TAG"
for name in API UI WORKER REPORTS MLFLOW; do
  variable=TIDEGATE_${name}_IMAGE
  eval "value=\\${$variable:-}"
  [ -n "$value" ] || value=$(sed -n "s/^$variable=//p" .env)
  [ -z "$value" ] || echo "$variable=$value"
done
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """The folder of a platform that runs by tag."""
    (tmp_path / "deploy").mkdir()
    shutil.copytree(TOP / "deploy" / "pipeline", tmp_path / "deploy" / "pipeline")
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "deploy" / "fake").write_text(FAKE)
    (tmp_path / "deploy" / "fake").chmod(0o755)
    (tmp_path / ".env").write_text("TIDEGATE_PORT=8000\nTIDEGATE_TAG=old\n")
    (tmp_path / "build" / "delivery").mkdir(parents=True)
    (tmp_path / "build" / "delivery" / "images.env").write_text(IMAGES)
    return tmp_path


def call(folder: Path, script: str, *words: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEGATE_", "MAKE", "COMPOSE_"))}
    command = [str(folder / "deploy" / "pipeline" / script), *words]
    return subprocess.run(
        command, cwd=folder, env={**kept, **environment}, input=given, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_a_verbs_own_code_comes_through_make(host: Path, code: int) -> None:
    assert call(host, "verb", "answering", f"CODE={code}").returncode == code
    plain = subprocess.run(["make", "answering", f"CODE={code}"], cwd=host, capture_output=True, check=False).returncode
    assert plain == (2 if code else 0)  # why the wrapper is there


def test_a_verb_that_never_began_is_no_answer(host: Path) -> None:
    assert call(host, "verb", "no-such-verb").returncode == 2


def test_a_release_names_digests_and_withdraw_names_what_ran_before(host: Path) -> None:
    before = (host / ".env").read_text()
    assert call(host, "hosted", "release").returncode == 0
    assert f"TIDEGATE_API_IMAGE=127.0.0.1:5000/tidegate/api@{DIGEST}" in (host / ".env").read_text()
    assert call(host, "hosted", "withdraw").returncode == 0
    assert sorted((host / ".env").read_text().split()) == sorted(before.split())
    again = call(host, "hosted", "withdraw")
    assert (again.returncode, again.stdout) == (0, "No release began. What ran before still runs.\n")


def test_back_to_digests_where_digests_ran(host: Path) -> None:
    call(host, "hosted", "release")
    first = (host / ".env").read_text()
    (host / "build/delivery/images.env").write_text(IMAGES.replace("a" * 64, "b" * 64).replace("abc", "def"))
    assert call(host, "hosted", "release").returncode == 0
    assert "b" * 64 in (host / ".env").read_text()
    assert call(host, "hosted", "withdraw").returncode == 0
    assert (host / ".env").read_text() == first


def test_a_release_that_changed_nothing_is_not_withdrawn(host: Path) -> None:
    assert call(host, "hosted", "release", FAIL="before").returncode != 0
    done = call(host, "hosted", "withdraw", FAIL="before")  # a deploy would fail
    assert (done.returncode, done.stdout) == (0, "The release changed nothing. What ran before still runs.\n")


def test_a_record_that_cannot_be_read_is_not_taken_for_unchanged(host: Path) -> None:
    (host / "build/delivery/before.env").touch()  # nothing had been deployed yet
    (host / ".env").unlink()
    (host / ".env").mkdir()
    done = call(host, "hosted", "withdraw")
    assert done.returncode not in (0, 2), done.stdout
    assert "changed nothing" not in done.stdout


def test_a_release_that_broke_halfway_is_withdrawn(host: Path) -> None:
    before = (host / ".env").read_text()
    assert call(host, "hosted", "release", FAIL="after").returncode != 0
    assert call(host, "hosted", "withdraw").returncode == 0
    assert sorted((host / ".env").read_text().split()) == sorted(before.split())


def test_a_way_back_that_fails_says_so(host: Path) -> None:
    call(host, "hosted", "release")
    done = call(host, "hosted", "withdraw", FAIL="before")
    assert done.returncode == 1
    assert "did not go back" in done.stderr
    assert (host / "build/delivery/before.env").exists()


@pytest.mark.parametrize(
    "word", ["", "sh", "release; id", "health && id", "../../bin/sh", "deploy", "release\nid", "withdraw x"]
)  # fmt: skip
def test_the_key_opens_four_words(host: Path, word: str) -> None:
    done = call(host, "door", SSH_ORIGINAL_COMMAND=word, TIDEGATE_REGISTRY="127.0.0.1:5000")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "This key opens release, health, smoke and withdraw.\n"


def test_a_release_through_the_door(host: Path) -> None:
    (host / "build/delivery/images.env").unlink()
    done = call(host, "door", given=IMAGES, SSH_ORIGINAL_COMMAND="release", TIDEGATE_REGISTRY="127.0.0.1:5000")
    assert done.returncode == 0, done.stderr
    assert f"tidegate/worker@{DIGEST}" in (host / ".env").read_text()


@pytest.mark.parametrize(
    "line",
    [
        f"TIDEGATE_API_IMAGE=elsewhere.example/tidegate/api@{DIGEST}",
        "TIDEGATE_API_IMAGE=127.0.0.1:5000/tidegate/api:latest",
        f"TIDEGATE_API_IMAGE=127.0.0.1:5000/other/api@{DIGEST}",
        "TIDEGATE_TAG=$(id)",
        "TIDEGATE_SECRETS=/tmp",
        f"POSTGRES_IMAGE=127.0.0.1:5000/tidegate/api@{DIGEST}",
        "PATH=/tmp",
    ],
)
def test_the_door_takes_images_of_its_own_registry_by_digest_alone(host: Path, line: str) -> None:
    before = (host / ".env").read_text()
    done = call(host, "door", given=f"{IMAGES}{line}\n", SSH_ORIGINAL_COMMAND="release", TIDEGATE_REGISTRY="127.0.0.1:5000")
    assert done.returncode == 2
    assert "Nothing was changed" in done.stderr
    assert (host / ".env").read_text() == before


@pytest.fixture
def server(host: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    """An SSH server of the account that runs the tests, whose one key opens the door of `host`."""
    if not shutil.which("sshd", path="/usr/sbin:/usr/bin") or not shutil.which("ssh"):
        pytest.skip("OpenSSH is not installed (apt-get install openssh-server), so nothing can be deployed over it")
    keys, port = tmp_path_factory.mktemp("keys"), free_port()
    for name in ("host", "deploy"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / name)], check=True)
    opened = f'restrict,command="TIDEGATE_REGISTRY=127.0.0.1:5000 {host}/deploy/pipeline/door" '
    (keys / "authorized").write_text(opened + (keys / "deploy.pub").read_text())
    (keys / "known").write_text(f"[127.0.0.1]:{port} {(keys / 'host.pub').read_text()}")
    Path("/run/sshd").mkdir(exist_ok=True)
    options = [
        "ListenAddress=127.0.0.1",
        "PidFile=none",
        "UsePAM=no",
        "PasswordAuthentication=no",
        "StrictModes=no",
        "PermitRootLogin=prohibit-password",
    ]
    options += [f"Port={port}", f"HostKey={keys / 'host'}", f"AuthorizedKeysFile={keys / 'authorized'}"]
    command = ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", *(word for option in options for word in ("-o", option))]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield keys, port
    finally:
        running.terminate()
        running.wait(10)


def test_a_release_over_ssh(host: Path, server: tuple[Path, int], tmp_path_factory: pytest.TempPathFactory) -> None:
    keys, port = server
    agent = tmp_path_factory.mktemp("agent")
    shutil.copytree(TOP / "deploy" / "pipeline", agent / "deploy" / "pipeline")
    (agent / "build" / "delivery").mkdir(parents=True)
    (agent / "build" / "delivery" / "images.env").write_text(IMAGES.replace("a" * 64, "c" * 64))
    remote = {
        "TIDEGATE_DEPLOY_HOST": f"{os.environ.get('USER') or 'root'}@127.0.0.1",
        "TIDEGATE_DEPLOY_PORT": str(port),
        "DEPLOY_KEY": str(keys / "deploy"),
        "DEPLOY_KNOWN_HOSTS": str(keys / "known"),
    }
    done = call(agent, "hosted", "release", **remote)
    assert done.returncode == 0, done.stderr
    assert "c" * 64 in (host / ".env").read_text()
    assert call(agent, "hosted", "withdraw", **remote).returncode == 0
    assert "c" * 64 not in (host / ".env").read_text()
    (keys / "known").write_text((keys / "known").read_text().replace("AAAAC3", "AAAAC4"))
    stranger = call(agent, "hosted", "release", **remote)
    assert stranger.returncode == 255  # ssh's own: a host with another key is not talked to
    assert "c" * 64 not in (host / ".env").read_text()


def test_a_deploy_that_did_nothing_is_no_release(host: Path) -> None:
    (host / "Makefile").write_text("deploy:\n\t@true\n")  # a folder of that name is there, so make calls it up to date
    done = call(host, "hosted", "release")
    assert done.returncode == 1
    assert "does not name abc" in done.stderr
