"""What `compose.yaml` says, each of its profiles, as Docker Compose reads it without an engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).parents[2]
PUBLISHED = {
    "gateway": ("127.0.0.1", 8000, "8000"), "worker": ("127.0.0.1", 8001, "8001"), "ui": ("127.0.0.1", 8501, "8501"),
    "reports": ("127.0.0.1", 9000, "9000"), "mlflow": ("127.0.0.1", 5000, "5000"), "grafana": ("127.0.0.1", 3000, "3000"),
}  # fmt: skip
JENKINS = {"jenkins": ("127.0.0.1", 8080, "8080"), "published": ("127.0.0.1", 9000, "9001")}
PROFILES = {
    (): PUBLISHED,
    ("jenkins",): PUBLISHED | JENKINS,
    ("tunnel",): PUBLISHED,
    ("jenkins", "tunnel"): PUBLISHED | JENKINS,
}
# BuildKit without root (docs/decisions/0020-images-are-built-without-an-engine.md).
BUILDER = "builder"


@cache
def read(profiles: tuple[str, ...]) -> dict[str, Any]:
    """With no setting of this machine: neither the environment's nor those of a file `.env`."""
    compose = Path(sys.executable).parent / "docker-compose"
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")} | {"COMPOSE_ENV_FILES": os.devnull}
    chosen = [word for name in profiles for word in ("--profile", name)]
    words = [str(compose), "-f", str(TOP / "compose.yaml"), *chosen, "config", "--format", "json"]
    done = subprocess.run(words, cwd=TOP, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("profiles", PROFILES)
def test_every_service_is_locked_down(profiles: tuple[str, ...]) -> None:
    for name, service in read(profiles)["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert "privileged" not in service, name
        assert service["restart"] == ("no" if name == "setup" else "unless-stopped"), name
        assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}, name
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}, name
        assert not any(volume["source"].endswith("docker.sock") for volume in service.get("volumes", ()) if "source" in volume), name
        if name != BUILDER:
            assert service["read_only"] is True, name
            assert service["security_opt"] == ["no-new-privileges:true"], name
            assert "cap_add" not in service, name


@pytest.mark.parametrize(("profiles", "published"), PROFILES.items())
def test_what_reaches_the_host_is_on_loopback_and_no_more_than_that(
    profiles: tuple[str, ...], published: dict[str, tuple[str, int, str]]
) -> None:
    found = {
        name: (port["host_ip"], port["target"], port["published"])
        for name, service in read(profiles)["services"].items()
        for port in service.get("ports", ())
    }
    assert found == published


@pytest.mark.parametrize("profiles", PROFILES)
def test_only_two_networks_have_a_way_out(profiles: tuple[str, ...]) -> None:
    said = read(profiles)
    used = {network for service in said["services"].values() for network in service["networks"]}
    open_ones = {name for name, network in said["networks"].items() if not network.get("internal")}
    assert open_ones & used <= {"edge", "delivery"}
    inside = {name for name, service in said["services"].items() if not open_ones & set(service["networks"])}
    assert {"api", "postgres", "store", "setup", "prometheus"} <= inside


def test_nobody_is_woken_before_there_is_anything_to_watch() -> None:
    """A first start trains a model, for longer than an alert on absent replicas waits."""
    services = read(())["services"]

    def waits_for(name: str) -> set[str]:
        healthy = {other for other, how in services[name].get("depends_on", {}).items() if how["condition"] == "service_healthy"}
        return healthy.union(*(waits_for(other) for other in healthy))

    assert {"gateway", "api", "worker"} <= waits_for("prometheus")


def test_secrets_are_files_and_grafana_asks_its_makers_for_nothing() -> None:
    said = read(())
    assert all(secret.keys() == {"name", "file"} for secret in said["secrets"].values())
    grafana = said["services"]["grafana"]["environment"]
    assert grafana["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/grafana_password"
    off = (
        "ANALYTICS_REPORTING_ENABLED", "ANALYTICS_CHECK_FOR_UPDATES", "ANALYTICS_CHECK_FOR_PLUGIN_UPDATES", "NEWS_NEWS_FEED_ENABLED",
        "ANALYTICS_FEEDBACK_LINKS_ENABLED", "AUTH_ANONYMOUS_ENABLED", "USERS_ALLOW_SIGN_UP", "PLUGINS_PLUGIN_ADMIN_ENABLED",
    )  # fmt: skip
    assert {grafana[f"GF_{name}"] for name in off} == {"false"}
    assert grafana["GF_PLUGINS_PREINSTALL_DISABLED"] == grafana["GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED"] == "true"


def test_what_deploy_secrets_makes_is_what_the_services_name(tmp_path: Path) -> None:
    made = tmp_path / "secrets"
    subprocess.run([TOP / "deploy" / "secrets", made], check=True)
    named = {Path(secret["file"]).name for secret in read(())["secrets"].values() if Path(secret["file"]).parent.name == "secrets"}
    assert named - {path.name for path in made.iterdir()} == set()
