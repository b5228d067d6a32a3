"""An S3 store of our own on loopback (SeaweedFS, from PyPI)."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEY, SECRET = "tidegate-test-key", "sluice-and-shore-23"
READER, READER_SECRET = "only-reads-key", "spring-and-neap-7"
PATIENCE = 60
# one for all tests, which share it by prefixes: each bucket takes several volumes of the server
BUCKET = "tidegate-tests"


def weed_binary() -> Path | None:
    """SeaweedFS's program; None where it is not installed."""
    beside = Path(sys.executable).parent / "weed"
    found = shutil.which("weed")
    return beside if beside.exists() else Path(found) if found else None


def free_ports(count: int) -> list[int]:
    """Ports that are free with those 10,000 above, which SeaweedFS takes as well; all below those that the system gives to connections."""
    found: list[int] = []
    taken: list[socket.socket] = []
    for port in range(11_000 + (time.time_ns() // 1000) % 5_000, 17_000):
        with suppress(OSError):
            for number in (port, port + 10_000):
                one = socket.socket()
                taken.append(one)
                one.bind(("127.0.0.1", number))
            found.append(port)
        if len(found) == count:
            break
    for one in taken:
        one.close()
    return found


@dataclass
class SeaweedFS:
    """A server in a temporary folder, with one account that may do everything and one that only reads."""

    binary: Path
    folder: Path
    ports: list[int]
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls, binary: Path) -> SeaweedFS:
        folder = Path(tempfile.mkdtemp(prefix="tidegate-weed-"))
        (folder / "data").mkdir()
        accounts = [
            {
                "name": "all",
                "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            },
            {"name": "reader", "credentials": [{"accessKey": READER, "secretKey": READER_SECRET}], "actions": ["Read", "List"]},
        ]
        (folder / "s3.json").write_text(json.dumps({"identities": accounts}))
        return cls(binary, folder, free_ports(4))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports[0]}"

    def start(self) -> None:
        s3, master, volume, filer = self.ports
        options = {
            "dir": self.folder / "data",
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.port": master,
            "master.volumeSizeLimitMB": 64,
            "volume.port": volume,
            "volume.max": 20,
            "filer": "true",
            "filer.port": filer,
            "filer.localSocket": self.folder / "filer.sock",
            "s3": "true",
            "s3.port": s3,
            "s3.config": self.folder / "s3.json",
            "s3.autoCreateBucket": "false",
        }
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "-v=0", "-logtostderr=true", "server", *(f"-{name}={value}" for name, value in options.items())],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + PATIENCE
        while not self._ready():
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.1)

    def _ready(self) -> bool:
        """Whether objects can be written: the gateway listens before the parts behind it have found one another."""
        try:
            client = self.client()
            with suppress(client.exceptions.BucketAlreadyExists, client.exceptions.BucketAlreadyOwnedByYou):
                client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"x")
        except Exception:  # noqa: BLE001 - whatever it says while it starts
            return False
        return True

    def stop(self) -> None:
        """At once, as a machine that loses its power."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(PATIENCE)
            self.process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        for port in self.ports:  # where it was killed, its sockets stay
            for left in (*Path("/tmp").glob(f"seaweedfs-*-{port}.sock"), *Path("/tmp").glob(f"seaweedfs-*-{port + 10_000}.sock")):
                left.unlink(missing_ok=True)

    def client(self, key: str = KEY, secret: str = SECRET) -> Any:
        """A client that knows nothing of Tidegate's code."""
        import boto3
        from botocore.config import Config

        config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        return boto3.client(
            "s3", endpoint_url=self.endpoint, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1", config=config
        )

    def environment(self, prefix: str, endpoint: str | None = None, key: str = KEY, secret: str = SECRET) -> dict[str, str]:
        """What a process needs to use a prefix of the bucket."""
        return {
            "TIDEGATE_STORAGE_URL": f"s3://{BUCKET}/{prefix}",
            "AWS_ENDPOINT_URL_S3": endpoint or self.endpoint,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
