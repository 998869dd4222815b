"""An MLflow server that asks for a name and a password, with users of different rights."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.live.processes import Server, answers, free_ports, running
from tests.live.servers import sqlalchemy

ADMIN = ("admin", "admin-password-of-the-tests")
PASSWORD = "password-of-the-tests"
_CONFIG = """[mlflow]
default_permission = READ
database_uri = {users}
admin_username = admin
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 60
"""


@contextlib.contextmanager
def basic_auth_server(folder: Path, database: str = "", users: str = "") -> Iterator[str]:
    """`mlflow server --app-name basic-auth`; whoever has no right of their own may read.

    It keeps its users in a database of its own; both are SQLite where no URL is given.
    """
    for module, package in (("mlflow", "mlflow"), ("flask_wtf", "Flask-WTF")):
        pytest.importorskip(
            module, reason=f"{package} is not installed (mlflow[auth])", exc_type=ImportError
        )
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    config = folder / "auth.ini"
    config.write_text(_CONFIG.format(users=sqlalchemy(users) or f"sqlite:///{folder}/auth.db"))
    environment = {
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_AUTH_ADMIN_PASSWORD": ADMIN[1],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "a secret of the tests",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "TMPDIR": str(folder),
    }
    command = [
        sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--workers", "1",
        "--host", "127.0.0.1", "--port", str(port),
        "--backend-store-uri", sqlalchemy(database) or f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination", (folder / "artifacts").as_uri(),
    ]  # fmt: skip
    server = Server(command, folder / "mlflow.log", environment)
    with running(server, lambda: answers(f"{url}/health")):
        yield url


class Admin:
    """Makes users and gives them rights. Raises AssertionError where the server refuses."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=60, trust_env=False, auth=ADMIN)

    def close(self) -> None:
        self._client.close()

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, object]:
        answer = self._client.post(path, json=body)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return dict(answer.json())

    def user(self, name: str) -> tuple[str, str]:
        self.post("/api/2.0/mlflow/users/create", {"username": name, "password": PASSWORD})
        return name, PASSWORD

    def grant(self, user: str, kind: str, name: str, right: str) -> None:
        body = {
            "username": user, "resource_type": kind, "resource_id": name, "permission": right,
        }  # fmt: skip
        self.post("/api/3.0/mlflow/users/permissions/grant", body)
