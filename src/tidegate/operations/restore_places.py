"""Where a restore works: a folder beside the home, filled with verified files, that takes the home's place in one step."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path

from tidegate.disk import naming_full_disk
from tidegate.errors import BackupRefused, HomeRefused
from tidegate.home import Home, exclusive, sync
from tidegate.operations.backup import sync_tree
from tidegate.operations.backup_manifest import BackupManifest, damaged
from tidegate.operations.erasure_register import erasing

_CHUNK_BYTES = 1 << 20
_MARKER = ".restoring"
_AT_WORK = re.compile(r"([a-z]+)\.(\d+)\.")
_RENAME_EXCHANGE, _AT_FDCWD = 2, -100


@contextmanager
def holding(target: Path, replace: bool) -> Iterator[Home | None]:
    """The home that will be replaced, kept from changing; None where there is none. Raises HomeRefused where it may not be replaced."""
    if target.is_mount():
        raise HomeRefused(
            f"{target} is the root of a disk, which no folder can take the place of.", f"Name a folder in it: {target / 'home'}."
        )
    if not target.parent.is_dir():
        raise HomeRefused(f"{target.parent} is not there.", "Make it first.")
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        yield None
        return
    home = Home(target)
    if not home.marker.exists():
        raise HomeRefused(f"{target} holds files and is not a Tidegate home.", "Name an empty or a new folder with --home.")
    if not replace:
        raise HomeRefused(f"{target} is a home already.", "Give --replace to put it aside, or name another folder with --home.")
    with exclusive(home, "a restore"), erasing(home) if home.secrets.exists() else nullcontext():
        _require_idle(home)
        yield home


def _require_idle(home: Home) -> None:
    """A server would go on acknowledging predictions into the home that is put aside."""
    for work in home.scratch.glob("*.*.*") if home.scratch.exists() else ():
        found = _AT_WORK.match(work.name)
        if found and found[2] != str(os.getpid()) and Path(f"/proc/{found[2]}").exists():
            raise HomeRefused(f"Process {found[2]} ({found[1]}) works in {home.root}.", "Stop it, then restore.")


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """An empty folder beside the home, gone afterwards unless it took the home's place; those of killed restores are removed first."""
    for left in target.parent.glob(f"{target.name}.restoring-*"):
        process = left.name.rpartition("-")[2]
        if not process.isdigit() or Path(f"/proc/{process}").exists():
            continue
        if (left / _MARKER).exists():
            shutil.rmtree(left, ignore_errors=True)
        else:  # killed between the exchange and the name: this was the home
            left.rename(target.with_name(f"{target.name}.before-killed-{process}"))
    part = target.with_name(f"{target.name}.restoring-{os.getpid()}")
    with naming_full_disk(target.parent):
        try:
            part.mkdir(mode=0o700)
            (part / _MARKER).touch()
            yield part
        except BaseException:
            if (part / _MARKER).exists():  # not yet in place: nobody's home
                shutil.rmtree(part, ignore_errors=True)
            raise


def copy_verified(content: Path, manifest: BackupManifest, to: Path) -> None:
    """Copy the files that the manifest names, each compared with its digest. Raises BackupRefused naming the first that differs."""
    for name in manifest.folders:
        (to / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, stored in manifest.files.items():
        (to / name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        try:
            # a link would lead out of the backup
            source = os.fdopen(os.open(content / name, os.O_RDONLY | os.O_NOFOLLOW), "rb")
        except OSError:
            raise damaged(content.parent, name) from None
        with source, open(os.open(to / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy:  # noqa: PTH123
            while chunk := source.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                copy.write(chunk)
        if (digest.hexdigest(), size) != (stored.sha256, stored.bytes):
            raise damaged(content.parent, name)


def swap(part: Path, target: Path, now: datetime) -> Path | None:
    """Put the finished folder in the home's place; returns where the home before it is now, None where there was none."""
    sync_tree(part)
    if not target.exists() or not any(target.iterdir()):
        part.rename(target)
        _finish(target)
        return None
    # the marker says of a folder beside the home that it never was one; an earlier restore may have been killed before it took it away
    (target / _MARKER).unlink(missing_ok=True)
    names = (target.with_name(f"{target.name}.before-{now:%Y%m%dT%H%M%S}{suffix}") for suffix in ("", *(f"-{n}" for n in range(2, 1000))))
    aside = next(name for name in names if not name.exists())
    try:
        _exchange(part, target)
        part.rename(aside)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise BackupRefused(f"{target} cannot be replaced: {error.strerror}.", "Name another folder with --home.") from None
        # a file system without exchange: two steps, between which only the copy kept aside is there
        target.rename(aside)
        part.rename(target)
    _finish(target)
    return aside


def _finish(target: Path) -> None:
    (target / _MARKER).unlink()
    sync(target)
    sync(target.parent)


def _exchange(one: Path, other: Path) -> None:
    """Two folders take each other's place in one step (renameat2 of Linux). Raises OSError where the file system cannot."""
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if library.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
