"""The two databases a ledger may live in: a file, and a PostgreSQL server that tests start, stop and restart themselves."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ports import free_port

ACCOUNT, PASSWORD = "tidegate", "pier-and-tide-17"


def postgres_binaries() -> Path | None:
    """Folder of the newest PostgreSQL on this machine; None where there is none. Debian keeps it off PATH."""
    found = shutil.which("initdb")
    folders = (
        [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: int(one.parts[-2]))
    )
    return next((one for one in reversed(folders) if (one / "pg_ctl").exists()), None)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@dataclass
class Postgres:
    """A server of our own on loopback, with a password, in a temporary folder; run as `postgres` where we are root, for it refuses root."""

    binaries: Path
    folder: Path
    port: int

    @classmethod
    def create(cls, binaries: Path) -> Postgres:
        folder = Path(tempfile.mkdtemp(prefix="tidegate-postgres-"))
        server = cls(binaries, folder, free_port())
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            shutil.chown(secret, "postgres", "postgres")
        # the encoding that a machine without a locale gives, and that reveals a client that relies on another
        options = ["--encoding=SQL_ASCII", "--locale=C", "--auth=scram-sha-256", f"--pwfile={secret}", f"--username={ACCOUNT}", "--no-sync"]
        server._run("initdb", *options, "--pgdata", str(folder / "data"))
        return server

    def start(self, fsync: bool = False) -> None:
        # without fsync it is a machine without power that would lose, and no test takes the power away
        settings = ["listen_addresses=127.0.0.1", "shared_buffers=32MB", "max_connections=60", f"fsync={'on' if fsync else 'off'}"]
        options = " ".join([f"-p {self.port} -k {self.folder}", *(f"-c {setting}" for setting in settings)])
        self._run(
            "pg_ctl", "start", "--wait", "--pgdata", str(self.folder / "data"), "--log", str(self.folder / "log"), "--options", options
        )

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "stop", "--wait", "--pgdata", str(self.folder / "data"), "--mode", mode)

    def kill(self) -> None:
        """SIGKILL for the server and every process of it, as a machine that is switched off would; `start` starts it again."""
        lock = self.folder / "data" / "postmaster.pid"
        first = int(lock.read_text().split()[0])
        killed = (first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split()))
        for pid in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while any(_alive(pid) for pid in killed) and time.monotonic() < deadline:
            time.sleep(0.02)
        # where nobody collects the dead (a container's first process may not), they still count as running
        for left in (lock, *self.folder.glob(".s.PGSQL.*.lock")):
            left.unlink(missing_ok=True)

    def running(self) -> bool:
        return (self.folder / "data" / "postmaster.pid").exists()

    def remove(self) -> None:
        if self.running():
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, account: str = ACCOUNT) -> str:
        return f"postgresql://{account}:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def place(self) -> str:
        """URL of a new empty place: an account without privileges, and a schema of its own. A database apiece would cost 8 MB and 0.1 s."""
        account = f"ledger_{uuid.uuid4().hex[:16]}"
        self.sql(f"CREATE ROLE {account} LOGIN PASSWORD '{PASSWORD}'; CREATE SCHEMA AUTHORIZATION {account}")
        return self.url(account)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        import psycopg

        with psycopg.connect(self.url(), autocommit=True, client_encoding="utf8") as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *words: str) -> None:
        account = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        # a file, not a pipe: the server would keep the pipe open for as long as it lives
        with (self.folder / "said").open("wb") as said:
            done = subprocess.run([self.binaries / program, *words], cwd="/", stdout=said, stderr=said, check=False, timeout=60, **account)
        log = self.folder / "log"
        assert done.returncode == 0, (program, (self.folder / "said").read_text(), log.read_text()[-2000:] if log.exists() else "")


class Outsider:
    """A connection that knows nothing of the ledger's code: what it sees is committed. `?` stands for a value on either database."""

    def __init__(self, url: str) -> None:
        self._postgres = url.startswith("postgresql")
        if self._postgres:
            import psycopg

            self._connection: Any = psycopg.connect(url, autocommit=True, client_encoding="utf8")
        else:
            import sqlite3

            self._connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False, timeout=5)
        self._holding = False

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:
        if self._postgres:
            return self._connection.execute(statement.replace("?", "%s") if values else statement, values or None)
        return self._connection.execute(statement, values)

    def hold(self) -> None:
        """Keep every writer waiting, but no reader, until `release`."""
        self.execute("BEGIN" if self._postgres else "BEGIN IMMEDIATE")
        if self._postgres:
            self.execute("LOCK TABLE predictions, events IN EXCLUSIVE MODE")
        self._holding = True

    def release(self) -> None:
        if self._holding:
            self.execute("COMMIT")
            self._holding = False

    def close(self) -> None:
        self._connection.close()
