"""How a tracking server is reached: an address without secrets, bounded patience, and each failure as one sentence."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

from tidegate.disk import is_full
from tidegate.errors import RegistryFull, RegistryUnavailable
from tidegate.telemetry import switch_off_telemetry

USERNAME, PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"

# MLflow's own patience is 7 retries of 120 s each. With these, a refused connection is reported after 6 to 9 s, one that
# never answers after a minute and a half, and a server that takes 5 s an answer still works.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3", "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
_LONGEST_QUOTE = 200
_CREDENTIALS = f"Set {USERNAME} and {PASSWORD} (or MLFLOW_TRACKING_TOKEN)"


def prepare_environment() -> None:
    """What MLflow reads from the environment, before its first import.

    Telemetry, pickles and lines on stdout (which is ours) are off whatever it says.
    """
    switch_off_telemetry()
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if urlsplit(uri).scheme in ("http", "https") and "@" in uri:
        _take_credentials_out(uri)


def _take_credentials_out(uri: str) -> None:
    """Move user and password from the address to their own variables: MLflow quotes the address in its errors."""
    scheme, _, rest = uri.partition("://")
    credentials, _, address = rest.rpartition("@")
    user, _, password = credentials.partition(":")
    os.environ[USERNAME] = unquote(user)
    if password:
        os.environ[PASSWORD] = unquote(password)
    os.environ["MLFLOW_TRACKING_URI"] = f"{scheme}://{address}"


def redacted(uri: str) -> str:
    """An address as it may be shown: without user, password and query.

    >>> redacted("https://ada:s3cr@t@mlflow.example.com/team?token=1")
    'https://mlflow.example.com/team'
    >>> redacted("sqlite:////srv/ada@bank/mlflow.db")
    'sqlite:////srv/ada@bank/mlflow.db'
    """
    scheme, separator, rest = uri.partition("://")
    if not separator or rest.startswith("/"):
        return uri
    return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"


@contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn what MLflow raises inside into RegistryUnavailable naming the server at `uri`, without a secret of it."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        # from None: MLflow's messages quote whole requests, and a traceback in a log would repeat them
        raise _failure(error, f"The tracking server at {redacted(uri)}") from None


def _failure(error: Exception, server: str) -> RegistryUnavailable:
    code = str(getattr(error, "error_code", ""))
    status = getattr(getattr(error, "response", None), "status_code", None)
    if is_full(error):
        return RegistryFull(f"{server} has no room left on its disk.", "Make room there.")
    if status == 401 or code in ("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED"):
        return RegistryUnavailable(f"{server} refused the credentials (401).", f"{_CREDENTIALS} to an account of this server.")
    if status == 403 or code == "PERMISSION_DENIED":
        return RegistryUnavailable(
            f"{server} does not allow this account to write here (403).",
            f"{_CREDENTIALS} to another account, or give this one the right to edit the experiment and the model.",
        )
    if reason := _unreachable(error):
        return RegistryUnavailable(f"{server} does not answer: {reason}.", "Check MLFLOW_TRACKING_URI and that the server runs.")
    if code == "ENDPOINT_NOT_FOUND" or "not in a valid JSON format" in str(error):
        return RegistryUnavailable(f"{server} does not speak MLflow.", "Check MLFLOW_TRACKING_URI: scheme, host, port and path.")
    said = getattr(error, "strerror", None) or _quoted(error) or code or type(error).__name__
    return RegistryUnavailable(f"{server} failed: {said}.", "Check MLFLOW_TRACKING_URI, the server's log and the room on its disk.")


_UNREACHABLE = {
    "connection refused": "Connection refused",
    "the name is unknown": "NameResolutionError",
    "the certificate is not trusted": "CERTIFICATE_VERIFY_FAILED",
    "the time is over": "timed out",
    "it answers with errors only": "too many 50",
    "it limits the rate of requests": "too many 429",
    "the connection was lost": "Max retries exceeded",
}


def _unreachable(error: Exception) -> str | None:
    text = str(error)
    if "API request to" not in text and not type(error).__module__.startswith("requests"):
        return None
    found = next((reason for reason, sign in _UNREACHABLE.items() if sign in text), None)
    if found is None and any(sign in text for sign in ("Connection aborted", "Connection broken", "Remote end closed")):
        return "the connection was lost"
    return found


def _quoted(error: Exception) -> str:
    """What the server itself said, cut short; not what MLflow says about a request, which quotes it."""
    from mlflow.exceptions import RestException

    if not isinstance(error, RestException):
        return ""
    return re.sub(r"//[^/\s]*@", "//", str(error))[:_LONGEST_QUOTE].rstrip(".")
