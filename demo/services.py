"""What the embedded fleet serves: three services, their slots, limits and load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PROMPT = "helpdesk-system"
PROMPT_ALIAS = "production"
CHAMPION = "champion"
CHALLENGER = "challenger"


@dataclass(frozen=True, slots=True)
class DemoService:
    """One service of the fleet. `rate` is its load in requests a second."""

    name: str
    owner: str
    slots: tuple[str, ...]
    rate: float
    in_flight: int
    """The most requests that the load keeps open at once."""
    health: str
    """The path that Envoy asks for health."""
    model: str | None = None
    """The registered model; None for the language model, which has only a prompt."""
    headline: Mapping[str, Any] = field(default_factory=dict)
    gate: Mapping[str, Any] = field(default_factory=dict)
    """What the gate asks for beside the headline metric."""
    thresholds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def slot_key(self, slot: str) -> str:
        """What the slot's process, ports and clusters are called."""
        return f"{self.name}-{slot}"

    def others(self, slot: str) -> tuple[str, ...]:
        return tuple(other for other in self.slots if other != slot)


# The latency and the cost are measured while the models are trained, on whatever machine that is.
_PROFILE: Mapping[str, Any] = {
    "latency": {"max": "300ms"},
    "cost": {"metric": "cost_per_1k", "max": "0.01 USD"},
    "schema": "compatible",
}

# Wide enough that a healthy fleet on a busy machine of two cores is ok.
_SYSTEM: Mapping[str, Mapping[str, Any]] = {
    "error_share": {"layer": "system", "warning": 0.02, "critical": 0.1},
    "latency_p95": {"layer": "system", "warning": "100ms", "critical": "300ms"},
}

SERVICES: Mapping[str, DemoService] = {
    service.name: service
    for service in (
        DemoService(
            "tumor",
            owner="diagnostics-ml",
            slots=("blue", "green"),
            rate=15.0,
            in_flight=32,
            health="/v2/health/ready",
            model="tumor",
            headline={"metric": "auc", "min": 0.97, "dataset": "breast-cancer-test"},
            gate={
                "champion": [{"metric": "auc", "dataset": "breast-cancer-test", "max_drop": 0.005}],
                "slices": [
                    {"name": "radius:*", "metric": "auc", "min": 0.95},
                    {"name": "smoothness:*", "metric": "auc", "max_drop": 0.01},
                    {"name": "texture:*", "metric": "auc", "max_drop": "1 %"},
                ],
                "safety": [
                    {"metric": "missed_malignant", "dataset": "breast-cancer-test", "max": 0.15}
                ],
                **_PROFILE,
            },
            thresholds=_SYSTEM,
        ),
        DemoService(
            "digits",
            owner="mailroom-ml",
            slots=("blue", "green"),
            rate=15.0,
            in_flight=32,
            health="/v2/health/ready",
            model="digits",
            headline={"metric": "accuracy", "min": 0.95, "dataset": "digits-test"},
            gate={
                "champion": [{"metric": "accuracy", "dataset": "digits-test", "max_drop": 0.01}],
                "slices": [
                    {"name": "digit:*", "metric": "accuracy", "min": 0.9},
                    {"name": "ink:*", "metric": "accuracy", "max_drop": "2 %"},
                ],
                **_PROFILE,
            },
            thresholds=_SYSTEM,
        ),
        DemoService(
            "helpdesk",
            owner="support-platform",
            slots=("main",),
            rate=2.0,
            in_flight=12,
            health="/health",
            thresholds={
                "error_share": _SYSTEM["error_share"],
                "latency_p95": {"layer": "system", "warning": "1s", "critical": "2s"},
                "ttft_p95": {"layer": "system", "warning": "250ms", "critical": "500ms"},
            },
        ),
    )
}

CLASSIFIERS = tuple(service for service in SERVICES.values() if service.model)
