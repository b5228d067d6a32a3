"""What a store says, as one sentence with its remedy and without a secret."""

from __future__ import annotations

import pytest
from botocore import exceptions

from fake_s3 import refusal
from tidegate.errors import StorageUnavailable
from tidegate.storage.failures import Place, explained

PLACE = Place("models", "churn", "http://store:8333")
ADDRESS = "http://ada:secret@store:8333"


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (404, "NoSuchBucket", "bucket models does not exist .* Create it"),
        (403, "InvalidAccessKeyId", "refused the credentials .* Set AWS_ACCESS_KEY_ID"),
        (403, "SignatureDoesNotMatch", "refused the credentials"),
        (400, "ExpiredToken", "refused the credentials .* AWS_SESSION_TOKEN"),
        (403, "AccessDenied", "does not allow this account to write .* s3:PutObject"),
        (403, "", "does not allow this account to write"),
        (301, "PermanentRedirect", "another region .* AWS_REGION"),
        (403, "RequestTimeTooSkewed", "another time .* clock"),
        (507, "XMinioStorageFull", "no room left"),
        (501, "NotImplemented", "does not know conditional writes"),
        (404, "Not Found", "does not speak S3"),
        (503, "Slow<b>Down", r"failed \(503 SlowbDown\)"),
    ],
)
def test_each_refusal_names_its_remedy(status: int, code: str, says: str) -> None:
    with pytest.raises(StorageUnavailable, match=says), explained(PLACE, "write"):
        raise refusal(status, code)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (exceptions.NoCredentialsError(), "no credentials .* Set AWS_ACCESS_KEY_ID"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="x"), "no credentials"),
        (exceptions.EndpointConnectionError(endpoint_url=ADDRESS), "does not answer: connection refused"),
        (exceptions.EndpointConnectionError(endpoint_url=ADDRESS, error="Failed to resolve"), "does not answer"),
        (exceptions.ConnectTimeoutError(endpoint_url=ADDRESS), "no connection within the time"),
        (exceptions.ReadTimeoutError(endpoint_url=ADDRESS), "the time is over"),
        (exceptions.ConnectionClosedError(endpoint_url=ADDRESS), "the connection was lost"),
        (exceptions.SSLError(endpoint_url=ADDRESS, error="secret"), "the certificate is not trusted"),
        (exceptions.ResponseStreamingError(error="secret"), "the connection was lost"),
        (ConnectionResetError(104, "secret"), "does not answer: the request failed"),
        (ValueError("secret"), "the request failed"),
    ],
)
def test_each_way_not_to_answer_is_said_without_a_secret(error: Exception, says: str) -> None:
    with pytest.raises(StorageUnavailable, match=says) as said, explained(PLACE, "read"):
        raise error
    assert "secret" not in str(said.value)
    assert said.value.__suppress_context__, "nor does a traceback quote it"
