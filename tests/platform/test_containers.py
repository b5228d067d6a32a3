"""What `docker inspect` says of every container, and what of them can be reached from where."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from urllib.parse import urlencode

import pytest

from platform_outside import DOOR as OUTSIDE
from platform_outside import outside
from platform_stack import TOP, Stack

pytestmark = pytest.mark.platform

SERVICES = ("gateway", "api", "worker", "ui", "reports", "mlflow", "postgres", "store", "prometheus", "alertmanager")
PUBLISHED = {
    "gateway": {"8000/tcp": "api"},
    "worker": {"8001/tcp": "operate"},
    "ui": {"8501/tcp": "ui"},
    "reports": {"9000/tcp": "reports"},
    "mlflow": {"5000/tcp": "mlflow"},
}
ACCOUNTS = {"postgres": "999:999", "prometheus": "65534:65534", "alertmanager": "65534:65534"}
# What a person fills in.
EMPTY = {"alert_channels", "slack_webhook_url", "smtp_password"}


def test_the_first_start_woke_nobody(stack: Stack) -> None:
    """It trains a model, and nobody can be scored meanwhile."""
    query = 'count_over_time(ALERTS{alertname=~"TidegateApiGone|TidegateTargetDown",alertstate="firing"}[1h])'
    said = stack.inside("prometheus", "wget", "-q", "-O", "-", f"http://127.0.0.1:9090/api/v1/query?{urlencode({'query': query})}")
    assert json.loads(said)["data"]["result"] == []


@pytest.mark.parametrize("service", SERVICES)
def test_each_container_is_locked_down(stack: Stack, service: str) -> None:
    running = stack.containers(service)
    assert len(running) == (2 if service == "api" else 1)
    for one in running:
        host = one["HostConfig"]
        assert one["Config"]["User"] == ACCOUNTS.get(service, "10001:10001")
        assert host["ReadonlyRootfs"] is True
        assert host["CapDrop"] == ["ALL"]
        assert not host["CapAdd"]
        assert host["Privileged"] is False
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert host["Memory"] > 0
        assert host["NanoCpus"] > 0
        assert 0 < host["PidsLimit"] <= 400
        assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
        assert one["State"]["Health"]["Status"] == "healthy"
        assert not any(mount["Source"].endswith("docker.sock") for mount in one["Mounts"])
        ports = {name: bound for name, bound in one["NetworkSettings"]["Ports"].items() if bound}
        wanted = PUBLISHED.get(service, {})
        assert ports == {name: [{"HostIp": "127.0.0.1", "HostPort": str(stack.ports[wanted[name]])}] for name in wanted}


def test_processes_have_no_capability_and_cannot_write_their_image(stack: Stack) -> None:
    for service in SERVICES:
        said = stack.inside(service, "sh", "-c", "cat /proc/self/status; id -u; touch /usr/bin/x 2>&1 || true")
        assert "CapEff:\t0000000000000000" in said, service
        assert "NoNewPrivs:\t1" in said, service
        assert "Read-only file system" in said, service
        assert said.splitlines()[-2] != "0", service


# Everybody's doors. SeaweedFS's own, master, volumes, filer and catalogue, are shut for all; the gRPC beside S3 (18333) cannot be.
STORE = ("9333", "19333", "8080", "18080", "8888", "18888", "8181", "9101")
DOORS = {
    "postgres:5432", "store:8333", "api:8000", "scoring:8000", "desk:8001", "worker:8001", "mlflow:5000", "registry:5000", "ui:8501",
    "reports:9000", "gateway:8000", "prometheus:9090", "alertmanager:9093", OUTSIDE, *(f"store:{port}" for port in STORE),
}  # fmt: skip
OPEN = {
    "api": {"postgres:5432", "store:8333", "worker:8001", "api:8000", "gateway:8000", "prometheus:9090"},
    "ui": {"scoring:8000", "desk:8001", OUTSIDE},
    "prometheus": {"api:8000", "worker:8001", "prometheus:9090", "alertmanager:9093"},
    "alertmanager": {"prometheus:9090", "alertmanager:9093", OUTSIDE},
}
# Names that mean an address in `edge`, where nobody meets anybody, or one in `pages`, where they may: the engine gives either.
EITHER = {"ui": {"worker:8001", "gateway:8000", "reports:9000", "ui:8501"}}


@pytest.mark.parametrize("service", OPEN)
def test_containers_meet_only_where_they_have_to(stack: Stack, service: str) -> None:
    """What scores reaches nobody outside, nor does what watches; whoever is in `edge` reaches the world and nobody there."""
    knock = "(exec timeout 3 bash -c 'exec 3<>/dev/tcp/{}/{} && echo {}:{}') 2>/dev/null &"
    words = " ".join(knock.format(*door.split(":"), *door.split(":")) for door in sorted(DOORS - EITHER.get(service, set())))
    with outside():
        assert set(stack.inside(service, "bash", "-c", f"{words} wait").split()) == OPEN[service]


def test_health_checks_can_fail(stack: Stack) -> None:
    for service in ("api", "ui", "worker", "mlflow", "store"):
        check = stack.containers(service)[0]["Config"]["Healthcheck"]["Test"]
        assert check[:2] == ["CMD", "healthy"]
        done = stack.run(*stack.environment["COMPOSE"].split(), "exec", "-T", service, "healthy", "http://127.0.0.1:9/", check=False)
        assert done.returncode == 1, service
    with stack.client("api", None) as client:
        assert client.get("/ready").status_code == 200


@pytest.mark.parametrize("target", ["api", "ui", "worker", "mlflow"])
def test_images_say_what_is_in_them_and_hold_no_model_and_no_secret(stack: Stack, target: str) -> None:
    image = json.loads(stack.docker("image", "inspect", f"tidegate/{target}:dev"))[0]
    labels = image["Config"]["Labels"]
    assert {"title", "version", "revision", "source", "licenses"} <= {name.removeprefix("org.opencontainers.image.") for name in labels}
    inside = ["run", "--rm", "--network", "none", f"tidegate/{target}:dev"]
    bill = json.loads(stack.docker(*inside, "cat", "/opt/tidegate/sbom.cdx.json"))
    assert bill["bomFormat"] == "CycloneDX"
    parts = {part["name"].lower().replace("_", "-") for part in bill["components"]}
    locked = (TOP / "locks" / f"{'serve' if target == 'api' else target}.txt").read_text()
    pinned = {line.split("==")[0].lower() for line in locked.splitlines() if "==" in line and not line.startswith(" ")}
    assert {name.replace("_", "-") for name in pinned} <= parts
    names = ("*.onnx", "champion.json", "api-keys.json", "customer*key")
    wanted = " -o ".join(f"-name '{name}'" for name in names)
    assert stack.docker(*inside, "sh", "-c", f"find / -xdev \\( {wanted} \\) -not -path '*/site-packages/*' 2>/dev/null || true") == ""
    assert stack.docker(*inside, "ls", "-A", "/srv/tidegate", "/srv/keys").split() == ["/srv/keys:", "/srv/tidegate:"]
    if target != "mlflow":
        count = "cd /opt/tidegate/lib/python3*/site-packages/tidegate && find . -name '{}' | wc -l"
        modules, compiled = (int(stack.docker(*inside, "sh", "-c", count.format(kind))) for kind in ("*.py", "*.pyc"))
        assert modules == compiled > 100


def test_the_image_of_the_api_is_slim(stack: Stack) -> None:
    image = json.loads(stack.docker("image", "inspect", "tidegate/api:dev"))[0]
    assert image["Size"] <= 600e6
    said = stack.docker("run", "--rm", "--network", "none", "tidegate/api:dev", "ls", "/opt/tidegate/lib/python3.11/site-packages").split()
    assert not {"sklearn", "mlflow", "pandas", "polars", "lightgbm", "catboost", "xgboost", "pip"} & set(said)


def test_secrets_belong_to_their_owner_and_are_random(stack: Stack) -> None:
    assert stat.S_IMODE(stack.secrets.stat().st_mode) == 0o700
    seen = [path.read_bytes() for path in sorted(stack.secrets.iterdir()) if path.name not in EMPTY]
    assert len(set(seen)) == len(seen)
    before = {path.name: path.read_bytes() for path in stack.secrets.iterdir()}
    stack.run(TOP / "deploy" / "secrets", stack.secrets)
    assert before == {path.name: path.read_bytes() for path in stack.secrets.iterdir()}, "made once"
    stranger = subprocess.run(["cat", stack.secrets / "key_score"], user=65534, group=65534, extra_groups=[], capture_output=True)
    assert os.geteuid() == 0
    assert stranger.returncode != 0


def test_default_passwords_are_refused(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("weak") / "secrets"
    stack.run(TOP / "deploy" / "secrets", folder)
    for name, word in (
        ("postgres_owner", "postgres"),
        ("mlflow_password", "password1234"),
        ("postgres_ledger", "brief-and-bad"),
        ("grafana_password", "grafana"),
    ):
        kept = (folder / name).read_bytes()
        (folder / name).unlink()
        (folder / name).write_text(word)
        done = stack.run(TOP / "deploy" / "secrets", folder, check=False)
        assert done.returncode == 2, name
        assert f"secrets/{name} is no secret" in done.stderr.decode()
        assert word not in done.stderr.decode().replace(name, "")
        (folder / name).write_bytes(kept)
    stack.run(TOP / "deploy" / "secrets", folder)


def test_services_refuse_who_brings_no_key_or_a_default_one(stack: Stack) -> None:
    for name, path in (
        ("api", "/model-info"),
        ("operate", "/models"),
        ("reports", "/index.html"),
        ("mlflow", "/api/2.0/mlflow/experiments/search?max_results=1"),
    ):
        with stack.client(name, None) as client:
            assert client.get(path).status_code == 401, name
            if name == "mlflow":
                assert client.get(path, auth=("admin", "password1234")).status_code == 401
                assert client.get(path, auth=("tidegate", (stack.secrets / "mlflow_password").read_text())).status_code == 200
            else:
                role = "score" if name == "api" else "operate"
                assert client.get(path, headers={"X-API-Key": stack.key(role)}).status_code == 200, name
