"""Which adapters there are: role and kind to the module that holds one, imported on first use."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from backends.base import Context
from core.schema import Adapter

MODULES: dict[str, dict[str, str]] = {
    "registry": {"mlflow": "backends.registry.mlflow"},
    "router": {"envoy": "backends.traffic.envoy"},
    "slot": {"openai": "backends.engines.openai", "v2": "backends.engines.v2"},
    "gpus": {"nvml": "backends.gpus.nvml", "simulated": "backends.gpus.simulated"},
}


def kinds_of(role: str) -> list[str]:
    return sorted(MODULES[role])


def options_of(role: str, kind: str) -> type | None:
    """The dataclass of an adapter's options; None for an unknown kind."""
    name = MODULES[role].get(kind)
    return None if name is None else import_module(name).Options


def open_backend(role: str, adapter: Adapter, context: Context) -> Any:
    """The opened adapter. Its connections are made on first use."""
    return import_module(MODULES[role][adapter.kind]).open_backend(adapter.options, context)


def new_options(role: str, kind: str) -> Any:
    """An adapter's options with their defaults, for a role that needs no config."""
    cls = options_of(role, kind)
    assert cls is not None, (role, kind)
    return cls()
