"""Everything Tidegate can refuse or fail at.

    TidegateError                  a fault with a sentence a person can act on      exit 1   HTTP 500
    ├── InputRefused               what was handed in cannot be used               exit 2   HTTP 422
    │   ├── SpecRefused            the table spec breaks its own rules
    │   ├── TableRefused           a file is not a readable customer table
    │   ├── RowRefused             one customer breaks the contract (rule and field named)
    │   ├── SettingRefused         a setting or option is out of range
    │   ├── NotEnoughData          the table is readable but nothing can be learned from it
    │   ├── BackupRefused          a backup is damaged, incomplete, newer, or there is no place for it
    │   ├── TooLarge               more rows, columns or memory than is taken at once      HTTP 413
    │   ├── KeyReused              an idempotency key came back with another body
    │   ├── AlreadyDecided         somebody was faster: what is asked for has been decided  HTTP 409
    │   ├── WrongMediaType         a body of another kind than is read                      HTTP 415
    │   └── NotFound               there is nothing of this name                            HTTP 404
    ├── HomeRefused                the home cannot be used (unwritable, newer, busy)  exit 2   HTTP 503
    │   ├── HomeFull               no room is left on its disk
    │   └── Busy                   what is being done excludes what was asked for           HTTP 409
    ├── BundleRefused              a bundle fails its digests, limits or golden rows  exit 2   HTTP 503
    ├── NoChampion                 nothing has been promoted yet                      exit 2   HTTP 503
    ├── LedgerUnavailable          a prediction could not be made durable             exit 1   HTTP 503
    │   └── LedgerFull             no room is left on its disk                        exit 2
    ├── StorageUnavailable         the storage of bundles does not answer, or refuses  exit 1   HTTP 503
    ├── WorkerLost                 the process that scored a file ended unexpectedly  exit 1   HTTP 503
    ├── RegistryUnavailable        the tracking server or registry does not answer    exit 1   HTTP 503
    │   └── RegistryFull           no room is left on the disk of its files           exit 2
    ├── SearchStopped              a person stopped the search; what it found is kept  exit 130 HTTP 500
    └── MissingDependency          an extra or a system library is absent             exit 2   HTTP 500

Every message names the place and the remedy and holds no customer's value.
"""

from __future__ import annotations


class TidegateError(Exception):
    """A failure with one clear sentence: `detail` says what and where, `remedy` what to do."""

    exit_code = 1
    status = 500

    def __init__(self, detail: str, remedy: str = "") -> None:
        self.detail = detail
        self.remedy = remedy
        super().__init__(f"{detail} {remedy}".strip())


class InputRefused(TidegateError):
    """What was handed in cannot be used; nothing was changed."""

    exit_code = 2
    status = 422


class SpecRefused(InputRefused):
    """The table spec breaks its own rules."""


class TableRefused(InputRefused):
    """A file is not a readable customer table."""


class RowRefused(InputRefused):
    """One customer breaks the contract."""


class SettingRefused(InputRefused):
    """A setting or an option is out of range."""


class NotEnoughData(InputRefused):
    """The table is readable but nothing can be learned from it."""


class BackupRefused(InputRefused):
    """A backup is damaged, incomplete, newer, or there is no place for it."""


class TooLarge(InputRefused):
    """More rows, columns or memory than is taken at once."""

    status = 413


class KeyReused(InputRefused):
    """An idempotency key came back with another body."""


class AlreadyDecided(InputRefused):
    """Somebody was faster: what is asked for has been decided."""

    status = 409


class WrongMediaType(InputRefused):
    """The body is of another media type than the route reads."""

    status = 415


class NotFound(InputRefused):
    """There is nothing of this name."""

    status = 404


class HomeRefused(TidegateError):
    """The home cannot be used."""

    exit_code = 2
    status = 503


class HomeFull(HomeRefused):
    """No room is left on the home's disk; what is there is whole."""


class Busy(HomeRefused):
    """What is being done excludes what was asked for."""

    status = 409


class BundleRefused(TidegateError):
    """A bundle fails its digests, its limits or its golden rows."""

    exit_code = 2
    status = 503


class NoChampion(TidegateError):
    """Nothing has been promoted yet."""

    exit_code = 2
    status = 503


class LedgerUnavailable(TidegateError):
    """A prediction could not be made durable."""

    status = 503


class LedgerFull(LedgerUnavailable):
    """No room is left on the ledger's disk."""

    exit_code = 2


class StorageUnavailable(TidegateError):
    """The storage of bundles and the champion pointer does not answer, or refuses."""

    status = 503


class WorkerLost(TidegateError):
    """The process that scored an uploaded file ended unexpectedly."""

    status = 503


class MissingDependency(TidegateError):
    """An extra or a system library is absent."""

    exit_code = 2


class RegistryUnavailable(TidegateError):
    """The tracking server or registry does not answer, or refuses."""

    status = 503


class RegistryFull(RegistryUnavailable):
    """No room is left on the disk of the registry's files."""

    exit_code = 2


class SearchStopped(TidegateError):
    """A person stopped the search; what it found so far is kept."""

    exit_code = 130
