"""The Jenkinsfile with recorded verbs: what each answer of each stage leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import CREDENTIALS, LEFT, TOP, execute, recorded

pytestmark = pytest.mark.pipeline

TEXT = (TOP / "Jenkinsfile").read_text(encoding="utf-8")
GOES_OUT = ("make push", "make release")
# Every stage that can be red, by its verb, and which of the verbs that go out must not run after it.
BEFORE_PUSH = (
    "make environment", "make test", "make register", "verb monitor", "make reports-archive", "make reports-publish", "NAME=api", "NAME=ui",
    "NAME=worker", "NAME=reports", "NAME=mlflow", "make sbom", "make secrets-scan",
)  # fmt: skip


def test_a_build_without_drift(tmp_path: Path) -> None:
    done = recorded(tmp_path)
    assert done.result == "SUCCESS"
    assert (done.label, done.triggered) == ("tidegate", "githubPush")
    assert done.stages["Model/Renew"] == "SKIPPED"
    assert done.scripts() == [
        "checkout scm", "make environment", "make test", "make register", "deploy/pipeline/verb monitor", "make reports-archive",
        "make reports-publish", "make image NAME=api", "make image NAME=ui", "make image NAME=worker", "make image NAME=reports",
        "make image NAME=mlflow", "make sbom", "make secrets-scan", "make push", "make release", "make health", "make smoke",
        "make build-report RESULT=SUCCESS",
    ]  # fmt: skip
    assert "build/delivery/reports.tar.gz" in done.archived


def test_drift_opens_the_renewal(tmp_path: Path) -> None:
    done = recorded(tmp_path, {"verb monitor": 3})
    assert (done.result, done.stages["Model/Renew"]) == ("SUCCESS", "SUCCESS")
    assert done.ran("verb renew")
    assert done.ran("make smoke")


def test_a_renewal_that_is_held_is_unstable_and_goes_on_and_is_no_reason_to_take_a_good_release_back(tmp_path: Path) -> None:
    done = recorded(tmp_path, {"verb monitor": 3, "verb renew": 3})
    assert (done.result, done.stages["Model/Renew"]) == ("UNSTABLE", "UNSTABLE")
    assert "the champion stays" in done.printed
    assert done.ran("make smoke")
    assert not done.ran("make withdraw")
    assert done.scripts()[-1] == "make build-report RESULT=UNSTABLE"


@pytest.mark.parametrize(("verb", "code"), [*((verb, 1) for verb in BEFORE_PUSH), ("verb monitor", 2), ("make test", 2)])
def test_a_red_stage_stops_the_delivery(tmp_path: Path, verb: str, code: int) -> None:
    done = recorded(tmp_path, {verb: code})
    assert done.result == "FAILURE"
    assert [each for each in GOES_OUT if done.ran(each)] == []
    assert not done.ran("make withdraw")
    assert done.scripts()[-1] == "make build-report RESULT=FAILURE"


@pytest.mark.parametrize("code", [1, 2])
def test_a_fault_of_the_renewal_is_red(tmp_path: Path, code: int) -> None:
    done = recorded(tmp_path, {"verb monitor": 3, "verb renew": code})
    assert (done.result, done.stages["Model/Renew"]) == ("FAILURE", "FAILURE")
    assert not done.ran("make push")


def test_three_is_an_answer_of_two_verbs_and_red_everywhere_else(tmp_path: Path) -> None:
    assert recorded(tmp_path, {"make register": 3}).result == "FAILURE"
    assert recorded(tmp_path, {"make smoke": 3}).result == "FAILURE"


def test_a_push_that_fails_releases_nothing(tmp_path: Path) -> None:
    done = recorded(tmp_path, {"make push": 1})
    assert done.result == "FAILURE"
    assert not done.ran("make release")
    assert not done.ran("make withdraw")


@pytest.mark.parametrize("verb", ["make release", "make health", "make smoke"])
def test_what_ran_before_comes_back_after_a_delivery_that_fails(tmp_path: Path, verb: str) -> None:
    done = recorded(tmp_path, {verb: 1})
    assert done.result == "FAILURE"
    assert done.scripts()[-3:] == [verb, "make withdraw", "make build-report RESULT=FAILURE"]


def test_also_after_one_that_somebody_stops(tmp_path: Path) -> None:
    for name in LEFT:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    done = execute(tmp_path, sh=[{"match": "make smoke", "abort": True}, {"match": "", "status": 0}])
    assert done.result == "ABORTED"
    assert done.ran("make withdraw")


def test_a_rollback_that_fails_stays_red(tmp_path: Path) -> None:
    assert recorded(tmp_path, {"make smoke": 1, "make withdraw": 1}).result == "FAILURE"


def test_without_delivery_no_image_is_built_and_the_rest_is_checked(tmp_path: Path) -> None:
    done = recorded(tmp_path, params={"DELIVER": False})
    assert done.result == "SUCCESS"
    assert not done.ran("make image")
    assert not done.ran("make release")
    assert done.ran("make secrets-scan")


def test_credentials_are_where_they_are_used_and_nowhere_else(tmp_path: Path) -> None:
    done = recorded(tmp_path, {"verb monitor": 3})
    secret = {"TIDEGATE_LEDGER_URL", "AWS_SHARED_CREDENTIALS_FILE", "MLFLOW_TRACKING_PASSWORD", "REGISTRY_PSW", "DEPLOY_KEY"}
    seen = {call["script"]: secret & set(call["variables"]) for call in done.calls if "variables" in call}
    model = {"TIDEGATE_LEDGER_URL", "AWS_SHARED_CREDENTIALS_FILE", "MLFLOW_TRACKING_PASSWORD"}
    holding = {
        "make register": model,
        "deploy/pipeline/verb monitor": model,
        "deploy/pipeline/verb renew": model,
        "make push": {"REGISTRY_PSW"},
    }
    holding |= {f"make {verb}": {"DEPLOY_KEY"} for verb in ("release", "health", "smoke")}
    assert {script: names for script, names in seen.items() if names} == holding


@pytest.mark.parametrize("name", sorted(CREDENTIALS))
def test_a_credential_that_is_missing_is_red(tmp_path: Path, name: str) -> None:
    done = recorded(tmp_path, credentials={key: value for key, value in CREDENTIALS.items() if key != name})
    assert done.result == "FAILURE"
    assert not done.ran("make release")


def test_nothing_to_archive_is_red(tmp_path: Path) -> None:
    recorded(tmp_path)
    (tmp_path / "build/delivery/reports.tar.gz").unlink()
    assert execute(tmp_path, sh=[{"match": "", "status": 0}]).result == "FAILURE"


# The harness itself can fail: a file that is broken, or that swallows what it must not, is seen.


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("stages {\n        stage('Checkout')", "stagez {\n        stage('Checkout')"),
        ("steps { checkout scm }", "step { checkout scm }"),
        ("sh 'make smoke'", "shell 'make smoke'"),
        ("agent { label 'tidegate' }", "agent { lable 'tidegate' }"),
    ],
)
def test_a_name_that_jenkins_does_not_know_is_refused(tmp_path: Path, good: str, bad: str) -> None:
    assert good in TEXT
    with pytest.raises(AssertionError, match=r"MissingMethod|No signature"):
        recorded(tmp_path, text=TEXT.replace(good, bad))


@pytest.mark.parametrize(
    ("good", "bad", "codes", "was"),
    [
        ("sh 'make smoke'", "sh 'make smoke || true'", {"make smoke || true": 0}, "FAILURE"),
        ("sh 'make secrets-scan'", "sh(script: 'make secrets-scan', returnStatus: true)", {"make secrets-scan": 1}, "FAILURE"),
        ("code != 0 && code != 3", "code > 3", {"verb monitor": 1}, "FAILURE"),
        ("if (answer('renew') == 3)", "if (answer('renew') == 2)", {"verb monitor": 3, "verb renew": 3}, "UNSTABLE"),
    ],
)
def test_what_is_swallowed_shows(tmp_path: Path, good: str, bad: str, codes: dict[str, int], was: str) -> None:
    assert good in TEXT
    assert recorded(tmp_path, codes, TEXT.replace(good, bad)).result != was


def test_unsuccessful_would_take_a_good_release_back(tmp_path: Path) -> None:
    text = TEXT.replace("failure { sh 'make withdraw' }", "unsuccessful { sh 'make withdraw' }")
    assert text != TEXT
    assert recorded(tmp_path, {"verb monitor": 3, "verb renew": 3}, text).ran("make withdraw")
