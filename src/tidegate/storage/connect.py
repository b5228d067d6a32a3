"""From TIDEGATE_STORAGE_URL and the usual AWS variables to a client of the bucket, with bounded patience."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tidegate.errors import MissingDependency, SettingRefused
from tidegate.storage.failures import Place
from tidegate.storage.s3 import Bucket

SETTING = "TIDEGATE_STORAGE_URL"
CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 2, 5, 2
_DEFAULT_REGION = "us-east-1"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=-]*(/[A-Za-z0-9][A-Za-z0-9._=-]*)*")


def connect(url: str, cache: Path, setting: str = SETTING) -> Bucket:
    """The bucket of `s3://BUCKET/PREFIX`; nothing is asked of it yet. Raises SettingRefused and MissingDependency.

    Keys, region and address come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL_S3 or wherever else
    the AWS client looks for them.
    """
    name, prefix = split_url(url, setting)
    variables = tuple(sorted((key, value) for key, value in os.environ.items() if key.startswith("AWS_")))
    client = _client(variables)
    return Bucket(Place(name, prefix, redacted(str(client.meta.endpoint_url))), cache, client)


def split_url(url: str, setting: str = SETTING) -> tuple[str, str]:
    """Bucket and prefix. Raises SettingRefused, which never repeats the URL: it may hold a secret.

    >>> split_url("s3://bank-models/churn/north/")
    ('bank-models', 'churn/north')
    >>> split_url("s3://bank-models")
    ('bank-models', '')
    """
    remedy = f"Give {setting}=s3://BUCKET/PREFIX, and the account in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    scheme, separator, rest = url.partition("://")
    if scheme != "s3" or not separator:
        raise SettingRefused(f"{setting} does not begin with s3://.", remedy)
    if any(sign in rest for sign in "@?#"):
        raise SettingRefused(f"{setting} holds more than a bucket and a prefix.", remedy)
    name, _, prefix = rest.partition("/")
    prefix = prefix.strip("/")
    if not _BUCKET.fullmatch(name):
        raise SettingRefused(f"{setting} names no bucket: 3 to 63 small letters, digits, dots and hyphens.", remedy)
    if prefix and not _PREFIX.fullmatch(prefix):
        raise SettingRefused(f"{setting} has a prefix of other signs than letters, digits and . _ = - between single slashes.", remedy)
    return name, prefix


def redacted(endpoint: str) -> str:
    """The address of a store as it may be shown: scheme, host and port.

    >>> redacted("https://ada:s3cr@t@store.bank.example:8333/x?token=1")
    'https://store.bank.example:8333'
    """
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


@lru_cache(maxsize=4)
def _client(variables: tuple[tuple[str, str], ...]) -> Any:
    """A client for these AWS variables, shared: making one takes 50 ms, and it may be used by several threads."""
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ModuleNotFoundError:
        raise MissingDependency("Storage on S3 needs boto3.", "pip install 'tidegate[serve]'.") from None
    given = dict(variables)
    own_store = bool(given.get("AWS_ENDPOINT_URL_S3") or given.get("AWS_ENDPOINT_URL"))
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        # a store of one's own seldom has a name for each bucket
        s3={"addressing_style": "path" if own_store else "auto"},
        # checksums that only newer stores know are left out; the SHA-256 that is kept with each object is compared instead
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    region = given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION")
    try:
        session = boto3.session.Session()
        return session.client("s3", region_name=region or session.region_name or _DEFAULT_REGION, config=config)
    except (ValueError, BotoCoreError):
        raise SettingRefused(
            "The AWS variables cannot be used: AWS_ENDPOINT_URL_S3, AWS_REGION or AWS_PROFILE.",
            "AWS_ENDPOINT_URL_S3 is an address such as http://127.0.0.1:8333, AWS_REGION a name such as us-east-1.",
        ) from None
