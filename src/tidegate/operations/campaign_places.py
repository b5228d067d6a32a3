"""What campaigns and outcomes need of a home: the table's spec, and the key that turns an id into the ledger's hash."""

from __future__ import annotations

import secrets

from tidegate.bundle.champion import champion_pointer
from tidegate.bundle.local import local_bundle
from tidegate.bundle.manifest import read_manifest
from tidegate.customers.spec import TableSpec, load_spec, parse_spec
from tidegate.errors import HomeRefused
from tidegate.home import Home
from tidegate.ledger.customer_key import KEY_BYTES, load_or_create_key
from tidegate.storage.objects import open_storage


def spec_of(home: Home, given: str | None = None) -> TableSpec:
    """The given spec, else that of the champion's bundle. Raises SpecRefused, NoChampion or BundleRefused."""
    if given is not None:
        return load_spec(given)
    storage = open_storage(home)
    pointer = champion_pointer(storage)
    folder = local_bundle(storage, pointer.version, pointer.digest)
    read_manifest(folder, pointer.digest)  # every file is the one that was promoted
    return parse_spec((folder / "spec.toml").read_text(encoding="utf-8"), f"spec of bundle {pointer.version}")


def customer_key(home: Home, *, create: bool) -> bytes:
    """The installation's secret key. Raises HomeRefused.

    Without `create` an absent key stays absent, and the answer is one that was never used: the ledger then knows nobody anyway.
    """
    place = home.secrets / "customer.key"
    if not create and not place.exists():
        return secrets.token_bytes(KEY_BYTES)
    try:
        home.secrets.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise HomeRefused(f"{home.secrets} cannot be made: {error.strerror}.", "Check the rights of the home.") from None
    return load_or_create_key(place)
