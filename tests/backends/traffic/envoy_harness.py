"""A real Envoy with two tiny upstreams, for the contract suites and the tests of the adapter."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from backends.base import Context
from backends.traffic.envoy import EnvoyRouter, Options, open_backend
from core.refs import Ref, Value, traffic_ref
from core.split import Split
from tests.live.servers import Envoy, envoy_proxy
from tests.live.upstreams import Upstream, upstreams

SLOTS = ("blue", "green")


class EnvoyHarness:
    ref: Ref = traffic_ref("fraud")
    slots: tuple[str, str] = SLOTS
    missing: Ref = traffic_ref("no-such-service")
    wrong: Value = "green"
    values: tuple[Value, Value] = (
        Split.of({"blue": 9500, "green": 500}, {"green": 1000}),
        Split.all_on("green"),
    )

    def __init__(self, envoy: Envoy, behind: dict[str, Upstream]) -> None:
        self.envoy, self.behind = envoy, behind

    def options(self, **more: Any) -> Options:
        defaults: dict[str, Any] = {
            "routes": str(self.envoy.routes),
            "admin": self.envoy.admin,
            "shadow_clusters": {slot: f"fraud-{slot}-shadow" for slot in SLOTS},
            "fallback_clusters": {"blue": "fraud-blue-or-green", "green": "fraud-green-or-blue"},
            "timeout": 10.0,
        }
        return Options(**{**defaults, **more})

    def open(self, **more: Any) -> EnvoyRouter:
        return open_backend(self.options(**more), Context(service="fraud", slots=SLOTS))

    def send(self, requests: int) -> Counter[str]:
        answered: Counter[str] = Counter()
        with httpx.Client(base_url=self.envoy.url, trust_env=False, timeout=10) as client:
            for _ in range(requests):
                answered[client.get("/").text] += 1
        return answered

    def mirrored(self) -> Counter[str]:
        return Counter(
            {
                name: sum(count for host, count in one.seen.items() if "-shadow" in host)
                for name, one in self.behind.items()
            }
        )

    def fail(self, slot: str) -> None:
        self.behind[slot].status = 500

    def restart(self) -> None:
        self.envoy.server.kill()
        self.envoy.restart()

    def outside(self, value: Value) -> None:
        assert isinstance(value, Split)
        document = self.document()
        action = self.action(document)
        action["weighted_clusters"] = {
            "clusters": [{"name": f"fraud-{slot}", "weight": share} for slot, share in value.live]
        }
        action["request_mirror_policies"] = [
            {
                "cluster": f"fraud-{slot}-shadow",
                "runtime_fraction": {
                    "default_value": {"numerator": share, "denominator": "TEN_THOUSAND"}
                },
            }
            for slot, share in value.shadow
        ]
        self.put(json.dumps(document))

    def document(self) -> Any:
        return json.loads(self.envoy.routes.read_text())

    def action(self, document: Any) -> Any:
        return document["resources"][0]["virtual_hosts"][0]["routes"][0]["route"]

    def put(self, text: str) -> None:
        """A file as an operator's editor leaves it: renamed into place."""
        beside = self.envoy.routes.with_suffix(".edited")
        beside.write_text(text)
        beside.rename(self.envoy.routes)


@contextlib.contextmanager
def harnessed(folder: Path, **more: Any) -> Iterator[EnvoyHarness]:
    with upstreams(*SLOTS) as behind:
        ports = {name: one.port for name, one in behind.items()}
        with envoy_proxy(folder, ports, **more) as envoy:
            yield EnvoyHarness(envoy, behind)
