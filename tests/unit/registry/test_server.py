"""Addresses without secrets, bounded patience, and each failure of a tracking server as one sentence."""

from __future__ import annotations

import os
import traceback

import pytest
import requests
from mlflow.exceptions import MlflowException, RestException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, UNAUTHENTICATED

from tidegate.errors import RegistryUnavailable
from tidegate.registry.server import explained, prepare_environment, redacted

VARIABLES = (
    "MLFLOW_TRACKING_URI",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR",
    "MLFLOW_HTTP_REQUEST_TIMEOUT",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT",
)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://ada:secret@host:5000/a", "https://host:5000/a"),
        ("https://ada:se/c@ret@host/a", "https://host/a"),
        ("postgresql://ada:secret@host/mlflow?password=secret", "postgresql://host/mlflow"),
        ("https://dagshub.com/USER/REPO.mlflow", "https://dagshub.com/USER/REPO.mlflow"),
        ("sqlite:////srv/a@b/mlflow.db", "sqlite:////srv/a@b/mlflow.db"),
        ("mlruns", "mlruns"),
    ],
)
def test_an_address_is_shown_without_its_secrets(uri: str, shown: str) -> None:
    assert redacted(uri) == shown


def test_credentials_in_the_address_move_to_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ada%40bank:s%2Fcret@host/team")
    prepare_environment()
    prepare_environment()
    assert [os.environ[name] for name in VARIABLES[:3]] == ["https://host/team", "ada@bank", "s/cret"]


def test_a_user_in_the_address_goes_with_the_password_in_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ada@host")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")
    prepare_environment()
    assert [os.environ[name] for name in VARIABLES[:3]] == ["https://host", "ada", "secret"]


def test_patience_is_bounded_unless_the_person_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "300")
    prepare_environment()
    assert [os.environ[name] for name in VARIABLES[3:6]] == ["3", "1", "300"]
    assert os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] == "true"


ADDRESS = "https://ada:hush@host"


def answered(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(f"{status} for url: https://ada:hush@host/x", response=response)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MlflowException("body", UNAUTHENTICATED), r"refused the credentials \(401\).*MLFLOW_TRACKING_PASSWORD"),
        (answered(401), r"refused the credentials \(401\).*MLFLOW_TRACKING_TOKEN"),
        (MlflowException("body", PERMISSION_DENIED), r"not allow this account.*MLFLOW_TRACKING_USERNAME"),
        (answered(403), "not allow this account"),
        (MlflowException("API request to https://ada:hush@host/x failed with exception: Connection refused"), "connection refused"),
        (MlflowException("API request to https://ada:hush@host/x failed with timeout exception: timed out"), "the time is over"),
        (MlflowException("API request to https://ada:hush@host/x failed with exception: Connection aborted."), "connection was lost"),
        (requests.ConnectionError("Connection aborted."), "connection was lost"),
        (requests.ConnectionError("too many 503 error responses"), "answers with errors only"),
        (MlflowException("response body was not in a valid JSON format. Response body: 'hush'"), "does not speak MLflow"),
        (
            RestException({"error_code": "INVALID_PARAMETER_VALUE", "message": "Invalid name"}),
            "failed: INVALID_PARAMETER_VALUE: Invalid name",
        ),
        (RestException({"error_code": "INTERNAL_ERROR", "message": "db at postgresql://u:hush@h/d"}), "failed: INTERNAL_ERROR: db at"),
        (OSError(28, "No space left on device"), "no room left on its disk"),
        (OSError(), "OSError"),
    ],
)
def test_each_failure_is_one_sentence_that_names_the_server_and_no_secret(error: Exception, says: str) -> None:
    with pytest.raises(RegistryUnavailable, match=says) as caught, explained(ADDRESS):
        raise error
    assert "https://host" in str(caught.value)
    assert "hush" not in "".join(traceback.format_exception(caught.value))
