"""The controller as code: what its files name has to be there, on each side. The server itself cannot be had here."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines import CREDENTIALS, TOP
from ports import free_port

pytestmark = pytest.mark.pipeline

FOLDER = TOP / "deploy" / "jenkins"
SECRETS = FOLDER / "secrets"
CONFIGURATION: dict[str, Any] = yaml.safe_load((FOLDER / "jenkins.yaml").read_text(encoding="utf-8"))
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
JENKINSFILE = (TOP / "Jenkinsfile").read_text(encoding="utf-8")


def credentials() -> dict[str, tuple[str, dict[str, Any]]]:
    """By id: kind and fields."""
    listed = CONFIGURATION["credentials"]["system"]["domainCredentials"][0]["credentials"]
    return {fields["id"]: (kind, fields) for one in listed for kind, fields in one.items()}


def texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [each for one in value.values() for each in texts(one)]
    return [each for one in value for each in texts(one)] if isinstance(value, list) else [str(value)]


def test_the_controller_builds_nothing_and_lets_nobody_in_unknown() -> None:
    jenkins = CONFIGURATION["jenkins"]
    assert jenkins["numExecutors"] == 0
    assert jenkins["authorizationStrategy"]["loggedInUsersCanDoAnything"]["allowAnonymousRead"] is False
    assert jenkins["securityRealm"]["local"]["allowsSignup"] is False
    assert jenkins["slaveAgentPort"] == -1


def test_every_credential_that_the_pipeline_names_is_made_in_the_kind_it_is_used_as() -> None:
    kinds = {"string": "text", "file": "file", "usernamePassword": "password", "basicSSHUserPrivateKey": "key"}
    made = {name: kinds[kind] for name, (kind, _) in credentials().items()}
    named = set(re.findall(r"credentials\('([^']+)'\)", JENKINSFILE))
    assert named == set(CREDENTIALS)
    assert {name: made[name] for name in named} == {name: str(fields["kind"]) for name, fields in CREDENTIALS.items()}
    launcher = CONFIGURATION["jenkins"]["nodes"][0]["permanent"]["launcher"]["ssh"]
    hook = CONFIGURATION["unclassified"]["gitHubPluginConfig"]["hookSecretConfigs"][0]["credentialsId"]
    job = re.findall(r"credentials\('([^']+)'\)", (FOLDER / "job.groovy").read_text(encoding="utf-8"))
    assert {launcher["credentialsId"], hook, *job} <= set(made)


def test_no_secret_stands_in_the_configuration() -> None:
    secret = [fields[key] for _, fields in credentials().values() for key in ("secret", "password", "secretBytes") if key in fields]
    secret += [fields["privateKeySource"]["directEntry"]["privateKey"] for kind, fields in credentials().values() if "SSH" in kind]
    secret += [user["password"] for user in CONFIGURATION["jenkins"]["securityRealm"]["local"]["users"]]
    assert len(secret) == 11
    assert [each for each in secret if not re.fullmatch(r"\$\{[^}]+\}", each)] == []


def test_every_name_is_a_secret_or_a_variable_of_the_container() -> None:
    names = {each for text in texts(CONFIGURATION) for each in re.findall(r"\$\{([^}:]+)(?::-[^}]*)?\}", text)}
    names |= {each for text in texts(CONFIGURATION) for each in re.findall(r"\$\{readFileBase64:/run/secrets/([^}]+)\}", text)}
    service = COMPOSE["services"]["jenkins"]
    defaulted = set(re.findall(r"\$\{([^}:]+):-", (FOLDER / "jenkins.yaml").read_text(encoding="utf-8")))
    assert names - set(service["secrets"]) - set(service["environment"]) - defaulted == set()
    assert "TIDEGATE_REPOSITORY" in service["environment"]


def test_the_agent_is_the_one_that_the_pipeline_asks_for() -> None:
    node = CONFIGURATION["jenkins"]["nodes"][0]["permanent"]
    assert f"agent {{ label '{node['labelString']}' }}" in JENKINSFILE
    launcher = node["launcher"]["ssh"]
    assert launcher["host"] in COMPOSE["services"]
    assert f"Port {launcher['port']}\n" in (FOLDER / "sshd_config").read_text(encoding="utf-8")
    assert launcher["sshHostKeyVerificationStrategy"]["manuallyProvidedKeyVerificationStrategy"]["key"] == "${agent_host_known}"


def test_plugins_are_pinned_and_hold_what_the_files_use() -> None:
    lines = [line for line in (FOLDER / "plugins.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[a-z-]+:[0-9][\w.]+", line)] == []
    used = {
        "configuration-as-code",
        "job-dsl",
        "workflow-aggregator",
        "git",
        "github",
        "credentials-binding",
        "ssh-slaves",
        "junit",
        "timestamper",
    }
    assert used <= {line.split(":")[0] for line in lines}


def test_no_container_has_an_engine_or_more_rights_than_it_needs() -> None:
    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    assert "docker.sock" not in text
    assert "privileged:" not in text
    for name, service in COMPOSE["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert set(service["profiles"]) < {"jenkins", "tunnel"}, name
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), name
        if name != "builder":
            assert service["read_only"] is True, name
            assert service["security_opt"] == ["no-new-privileges:true"], name
            assert "cap_add" not in service, name


def test_the_tunnel_lets_github_in_and_nobody_else() -> None:
    policy = yaml.safe_load((FOLDER / "tunnel.yaml").read_text(encoding="utf-8"))["on_http_request"]
    assert policy[0]["expressions"] == ["req.url.path != '/github-webhook/' || req.method != 'POST'"]
    assert policy[0]["actions"][0]["type"] == "deny"


def made(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SECRETS, folder], capture_output=True, text=True, check=True)


def test_secrets_are_made_once_and_what_others_give_is_named(tmp_path: Path) -> None:
    first = made(tmp_path / "jenkins")
    assert "registry_user registry_password github_user github_token deploy_known_hosts ngrok_token" in first.stdout
    before = {path.name: path.read_bytes() for path in (tmp_path / "jenkins").iterdir()}
    wanted = {name for name in COMPOSE["secrets"] if "/jenkins/" in COMPOSE["secrets"][name]["file"]}
    assert wanted <= set(before)
    made(tmp_path / "jenkins")
    assert {path.name: path.read_bytes() for path in (tmp_path / "jenkins").iterdir()} == before
    assert len(before["admin_password"]) == 48
    assert len(before["github_webhook"]) == 64
    assert (tmp_path / "jenkins").stat().st_mode & 0o777 == 0o700


def test_the_agents_ssh_server_takes_the_controllers_key_and_no_other(tmp_path: Path) -> None:
    if not Path("/usr/sbin/sshd").exists():
        pytest.skip("OpenSSH is not installed (apt-get install openssh-server)")
    keys, port = tmp_path / "jenkins", free_port()
    made(keys)
    keys.joinpath("agent_host_key").chmod(0o400)
    shutil.chown(keys / "agent_host_key", "root")
    config = (
        (FOLDER / "sshd_config")
        .read_text()
        .replace("/run/secrets", str(keys))
        .replace("Port 2222", f"Port {port}\nListenAddress 127.0.0.1")
    )
    # The container's account is no root; here it may be.
    (tmp_path / "sshd_config").write_text(config.replace("PermitRootLogin no", "PermitRootLogin prohibit-password"))
    Path("/run/sshd").mkdir(exist_ok=True)
    given = {"SSHD_CONFIG": str(tmp_path / "sshd_config"), "AGENT_RUN": str(tmp_path / "run"), "PATH": "/usr/sbin:/usr/bin:/bin"}
    running = subprocess.Popen(
        [FOLDER / "agent"], env={**given, "BUILDKIT_HOST": "unix:///run/build/buildkitd.sock"}, stderr=subprocess.DEVNULL
    )
    (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {(keys / 'agent_host_known').read_text()}")

    def said(key: str) -> subprocess.CompletedProcess[str]:
        shutil.copy(keys / key, tmp_path / "key")
        (tmp_path / "key").chmod(0o600)
        options = ["BatchMode=yes", "IdentitiesOnly=yes", f"UserKnownHostsFile={tmp_path / 'known'}", "StrictHostKeyChecking=yes"]
        words = [word for option in options for word in ("-o", option)]
        command = ["ssh", "-F", "none", *words, "-i", str(tmp_path / "key"), "-p", str(port), "root@127.0.0.1", "echo $BUILDKIT_HOST"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    try:
        for _ in range(100):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        assert said("agent_key").stdout == "unix:///run/build/buildkitd.sock\n"
        assert said("deploy_key").returncode == 255
    finally:
        running.terminate()
        running.wait(10)
