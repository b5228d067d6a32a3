"""`deploy/roll` against an engine that answers as it is told: what it does where the engine, a container or a person ends it half-way."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROLL = Path(__file__).parents[2] / "deploy" / "roll"
# Containers are files: their name is the id, their text the image. `silent` makes the engine fail once new replicas are there.
COMPOSE = """#!/bin/sh
echo "compose $*" >>calls
[ ! -e silent ] || [ -z "$(ls containers | grep api-new)" ] || exit 17
case $* in
  "ps -q api") ls containers | grep ^api ;;
  "ps -aq api") ls containers | grep api ;;
  "ps -aq "*) shift 2; for one; do ls containers | grep "^$one"; done ;;
  "config --images "*) echo "image/api:${TIDEGATE_TAG}" ;;
  "up "*" api") env | grep ^TIDEGATE_ | sort >asked; echo image/api:new >containers/api-new ;;
  "exec "*) ;;
  "up "*) [ ! -e refused ] || exit 1 ;;
esac
"""
DOCKER = """#!/bin/sh
echo "docker $*" >>calls
for last; do :; done
case "$1 $3" in
  "image -f" | "inspect {{.Image}}") echo sha256:same ;;
  "inspect {{.Config.Image}}") cat "containers/$last" ;;
  "inspect {{.RestartCount}}") echo 0 ;;
  "inspect {{.State.Status}} {{.RestartCount}} {{.State.Health.Status}}") echo "running 0 $(cat health)" ;;
esac
case $1 in stop | rm) rm -f "containers/$last" ;; esac
"""
OTHERS = ("mlflow", "worker", "ui", "reports")


@pytest.fixture
def ground(tmp_path: Path) -> Path:
    for name, text in (("compose", COMPOSE), ("docker", DOCKER)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "containers").mkdir()
    for name in ("api-old", *OTHERS):
        (tmp_path / "containers" / name).write_text(f"image/{name.removesuffix('-old')}:old")
    (tmp_path / "health").write_text("healthy")
    (tmp_path / ".env").write_text(f"TIDEGATE_PORT=8000\nTIDEGATE_API_IMAGE=image/api@sha256:{'a' * 64}\n")
    return tmp_path


def roll(ground: Path) -> subprocess.Popen[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "COMPOSE": str(ground / "compose"),
        "DOCKER": str(ground / "docker"),
    }
    return subprocess.Popen([ROLL, "new"], cwd=ground, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def containers(ground: Path) -> set[str]:
    return {path.name for path in (ground / "containers").iterdir()}


def test_a_tag_is_deployed_where_a_release_by_digest_was(ground: Path) -> None:
    done = roll(ground)
    said = done.communicate(timeout=60)[0]
    assert done.returncode == 0, said
    assert containers(ground) == {"api-new", *OTHERS}
    # Empty wins over the record, and lets compose.yaml make the name of the tag.
    assert {"TIDEGATE_API_IMAGE=", "TIDEGATE_TAG=new"} <= set((ground / "asked").read_text().splitlines())
    assert (ground / ".env").read_text() == "TIDEGATE_PORT=8000\nTIDEGATE_TAG=new\n"


def test_a_replica_that_somebody_stopped_is_no_new_one(ground: Path) -> None:
    (ground / "containers" / "ended-api").write_text("image/api:old")
    done = roll(ground)
    said = done.communicate(timeout=60)[0]
    assert done.returncode == 0, said
    assert containers(ground) == {"api-new", *OTHERS}


def test_an_engine_that_stops_answering_is_no_healthy_replica(ground: Path) -> None:
    (ground / "silent").touch()
    done = roll(ground)
    said = done.communicate(timeout=60)[0]
    assert done.returncode not in (0, 2), said
    assert "api-old" in containers(ground)
    assert "docker stop" not in (ground / "calls").read_text()
    assert "may still be there" in said
    assert "TIDEGATE_TAG" not in (ground / ".env").read_text()


def test_who_interrupts_it_finds_what_was(ground: Path) -> None:
    (ground / "health").write_text("starting")
    done = roll(ground)
    deadline = time.monotonic() + 30
    while "api-new" not in containers(ground):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    done.send_signal(signal.SIGTERM)
    said = done.communicate(timeout=60)[0]
    assert done.returncode == 143, said
    assert containers(ground) == {"api-old", *OTHERS}
    assert "image/api:old serves on" in said


def test_a_record_that_cannot_be_read_is_not_written_over(ground: Path) -> None:
    (ground / ".env").unlink()
    (ground / ".env").mkdir()
    done = roll(ground)
    said = done.communicate(timeout=60)[0]
    assert done.returncode not in (0, 2), said
    assert (ground / ".env").is_dir()
