"""Rules, their unit tests and the configurations, judged by Prometheus' and Alertmanager's own tools."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml

from instruments.instruments import DEPLOY, RULES, all_rules, binary, configure, run

pytestmark = pytest.mark.instruments
TESTS = DEPLOY / "prometheus" / "tests"
RENDER = DEPLOY / "alertmanager" / "render.sh"


def test_the_rules_are_rules() -> None:
    judged = run(binary("promtool"), "check", "rules", *RULES)
    assert judged.returncode == 0, judged.stderr


def test_the_configuration_is_one(tmp_path: Path) -> None:
    promtool = binary("promtool")
    judged = run(promtool, "check", "config", "--syntax-only", DEPLOY / "prometheus" / "prometheus.yml")
    assert judged.returncode == 0, judged.stderr
    # with a key in its place, all of it
    judged = run(promtool, "check", "config", configure(tmp_path, ["127.0.0.1:1"], "127.0.0.1:2", "127.0.0.1:3", 4))
    assert judged.returncode == 0, judged.stderr


def test_each_alert_fires_stays_silent_and_resolves() -> None:
    judged = run(binary("promtool"), "test", "rules", *sorted(TESTS.glob("*.yml")))
    assert judged.returncode == 0, judged.stdout + judged.stderr


def expected() -> dict[str, list[tuple[str, bool]]]:
    """For each alert of each case: whether it is expected to fire, in the order of time."""
    cases = [case for path in TESTS.glob("*.yml") for case in yaml.safe_load(path.read_text())["tests"]]
    found: dict[str, list[tuple[str, bool]]] = {}
    for case in cases:
        for look in case["alert_rule_test"]:
            found.setdefault(look["alertname"], []).append((case["name"], bool(look["exp_alerts"])))
    return found


@pytest.mark.parametrize("alert", sorted(all_rules()))
def test_every_alert_has_such_tests(alert: str) -> None:
    looks = expected()[alert]
    cases = [[fires for _, fires in found] for _, found in itertools.groupby(looks, key=lambda look: look[0])]
    assert any(True in case and False in case[case.index(True) :] for case in cases), "fires, then resolves"
    assert any(case[0] is False for case in cases), "is silent"


@pytest.mark.parametrize("instead", ["vector(1)", "vector(1) > 2"], ids=["always", "never"])
@pytest.mark.parametrize("alert", sorted(all_rules()))
def test_a_rule_that_says_something_else_turns_its_tests_red(alert: str, instead: str, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "tests").mkdir()
    (changed,) = [path for path in RULES if f"alert: {alert}\n" in path.read_text()]
    document = yaml.safe_load(changed.read_text())
    for rule in (rule for group in document["groups"] for rule in group["rules"] if rule["alert"] == alert):
        rule["expr"] = instead
    (tmp_path / "rules" / changed.name).write_text(yaml.safe_dump(document))
    (tmp_path / "tests" / changed.name).write_text((TESTS / changed.name).read_text())
    judged = run(binary("promtool"), "test", "rules", tmp_path / "tests" / changed.name)
    assert judged.returncode == 1
    assert f"alertname: {alert}," in judged.stdout + judged.stderr


SLACK = {"ALERTS_SLACK_URL_FILE": "{folder}/secret"}
MAIL = {"ALERTS_SMTP_HOST": "mail.bank.example:587", "ALERTS_SMTP_FROM": "tidegate@bank.example", "ALERTS_SMTP_TO": "a@bank.example"}
LOGIN = {**MAIL, "ALERTS_SMTP_USER": "tidegate", "ALERTS_SMTP_PASSWORD_FILE": "{folder}/secret"}


@pytest.mark.parametrize("given", [{}, SLACK, MAIL, LOGIN, SLACK | LOGIN], ids=["nobody", "slack", "mail", "login", "all"])
def test_alertmanager_takes_every_way_it_is_rendered(given: dict[str, str], tmp_path: Path) -> None:
    amtool = binary("amtool")
    (tmp_path / "secret").write_text("https://hooks.slack.example/hidden-word")
    environment = {name: value.format(folder=tmp_path) for name, value in given.items()}
    done = run(RENDER, tmp_path / "made", environment=environment)
    assert done.returncode == 0, done.stderr
    assert ("told to nobody" in done.stderr) == (given == {})
    judged = run(amtool, "check-config", tmp_path / "made" / "alertmanager.yml")
    assert judged.returncode == 0, judged.stdout + judged.stderr
    text = "".join(path.read_text() for path in (tmp_path / "made").iterdir())
    assert "hidden-word" not in text
    receiver = yaml.safe_load((tmp_path / "made" / "alertmanager.yml").read_text())["receivers"][0]
    assert ("slack_configs" in receiver, "email_configs" in receiver) == ("ALERTS_SLACK_URL_FILE" in given, "ALERTS_SMTP_HOST" in given)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({**MAIL, "ALERTS_SMTP_TO": ""}, "ALERTS_SMTP_TO is not"),
        ({**MAIL, "ALERTS_SMTP_FROM": ""}, "ALERTS_SMTP_FROM is not"),
        ({**MAIL, "ALERTS_SMTP_HOST": "mail.bank.example"}, "HOST:PORT"),
        ({**MAIL, "ALERTS_SMTP_USER": "u", "ALERTS_SMTP_PASSWORD_FILE": "/nowhere"}, "/nowhere is absent"),
        ({**MAIL, "ALERTS_SMTP_TLS": "perhaps"}, "ALERTS_SMTP_TLS"),
        ({**MAIL, "ALERTS_SMTP_TO": "a'\nb"}, "ALERTS_SMTP_TO holds a quote"),
    ],
)
def test_what_cannot_be_right_is_refused_in_a_sentence(given: dict[str, str], says: str, tmp_path: Path) -> None:
    done = run(RENDER, tmp_path / "made", environment=given)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert not (tmp_path / "made").exists()
