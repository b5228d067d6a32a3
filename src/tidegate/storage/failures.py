"""What an S3 store or its client can say, each as one sentence with its remedy and without a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tidegate.errors import StorageUnavailable

_ENDPOINT = "AWS_ENDPOINT_URL_S3"
_KEYS = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (with temporary keys AWS_SESSION_TOKEN too) to an account of this store."
_CREDENTIALS = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired", "InvalidSecurity", "401"}
)
_REGION = frozenset({"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301", "307"})
_FULL = frozenset({"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull", "507"})
# by the name of the client's exception; the first that the exception is an instance of
_UNANSWERED = {
    "ConnectTimeoutError": "no connection within the time",
    "ReadTimeoutError": "the time is over",
    "ConnectionClosedError": "the connection was lost",
    "SSLError": "the certificate is not trusted, or it does not speak TLS",
    "ProxyConnectionError": "the proxy before it does not answer",
    "ResponseStreamingError": "the connection was lost",
    "IncompleteReadError": "the connection was lost",
    "HTTPClientError": "the connection failed",
}


@dataclass(frozen=True)
class Place:
    """A bucket as it may be shown: its name, the prefix in it, and the address of its store, none of them with a secret."""

    bucket: str
    prefix: str
    endpoint: str

    def __str__(self) -> str:
        """Where it is, for a sentence."""
        return f"s3://{self.bucket}{'/' if self.prefix else ''}{self.prefix} at {self.endpoint}"


@contextmanager
def explained(place: Place, act: str) -> Iterator[None]:
    """Turn what the client raises inside into StorageUnavailable. `act` is what was tried: read, write or list."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        # from None: the client's messages quote requests, and a traceback in a log would repeat them
        raise _refused(place, act, error) from None
    except (BotoCoreError, OSError, ValueError) as error:
        raise _unanswered(place, error) from None


def code_of(error: Any) -> str:
    """The store's word for what it refused, letters and digits only; its status where it has none."""
    code = re.sub(r"[^A-Za-z0-9]", "", str(error.response.get("Error", {}).get("Code", "")))[:64]
    return code or str(status_of(error))


def status_of(error: Any) -> int:
    """The HTTP status of a refusal."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _refused(place: Place, act: str, error: Any) -> StorageUnavailable:
    code, status = code_of(error), status_of(error)
    if code == "NoSuchBucket":
        return StorageUnavailable(
            f"The bucket {place.bucket} does not exist at {place.endpoint}.", f"Create it, or correct TIDEGATE_STORAGE_URL or {_ENDPOINT}."
        )
    if code in _CREDENTIALS:
        return StorageUnavailable(f"The store at {place.endpoint} refused the credentials ({code}).", _KEYS)
    if code in _REGION:
        return StorageUnavailable(f"The bucket {place.bucket} is in another region ({code}).", "Set AWS_REGION to the bucket's region.")
    if code == "RequestTimeTooSkewed":
        return StorageUnavailable(f"The store at {place.endpoint} has another time than this machine.", "Set the clock of both.")
    if code in _FULL:
        return StorageUnavailable(f"The store at {place.endpoint} has no room left ({code}).", "Make room there.")
    if status == 501 or code == "NotImplemented":
        return StorageUnavailable(
            f"The store at {place.endpoint} does not know conditional writes (501).", "Use one that does; docs/storage.md names some."
        )
    if status == 403:
        return StorageUnavailable(
            f"The storage {place} does not allow this account to {act} (403).",
            "Give it s3:GetObject, s3:PutObject and s3:ListBucket there, or set AWS_ACCESS_KEY_ID to another account.",
        )
    if status == 404:
        return StorageUnavailable(f"The server at {place.endpoint} does not speak S3 (404).", f"Check {_ENDPOINT}.")
    return StorageUnavailable(f"The storage {place} failed ({status} {code}).", "Look at the log of the store, then try again.")


def _unanswered(place: Place, error: Exception) -> StorageUnavailable:
    kinds = {one.__name__ for one in type(error).__mro__}
    if kinds & {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError"}:
        return StorageUnavailable(f"There are no credentials for the storage {place}.", _KEYS)
    if "ResponseParserError" in kinds:
        return StorageUnavailable(f"The server at {place.endpoint} does not speak S3.", f"Check {_ENDPOINT}.")
    why = next((sentence for name, sentence in _UNANSWERED.items() if name in kinds), "the request failed")
    if "EndpointConnectionError" in kinds:
        unknown = "resolve" in str(error) or "Name or service" in str(error)
        why = "the name is unknown" if unknown else "connection refused"
    return StorageUnavailable(f"The storage {place} does not answer: {why}.", f"Check {_ENDPOINT} and that the store runs.")
