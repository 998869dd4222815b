"""The fleet's config file, ready for every other command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo.layout import Layout, write_text
from demo.services import PROMPT, PROMPT_ALIAS, SERVICES, DemoService

_HEAD = "# Written by `modeldeck demo` at every start; changes to it are lost.\n"


def write_config(
    layout: Layout, admin: Path, ports: Mapping[str, int], *, simulate_gpus: bool
) -> Path:
    """Write `modeldeck.toml`, readable by this account only; its path."""
    lines: list[str] = [_HEAD]
    _table(lines, (), config(layout, admin, ports, simulate_gpus=simulate_gpus))
    write_text(layout.config, "\n".join(lines).strip() + "\n")
    return layout.config


def config(
    layout: Layout, admin: Path, ports: Mapping[str, int], *, simulate_gpus: bool
) -> dict[str, Any]:
    """The same as a table of plain values."""
    return {
        "demo": str(layout.state),
        "environment": {"name": "demo"},
        "registry": {"kind": "mlflow", "url": url(ports["mlflow"])},
        "journal": {"path": str(layout.journal)},
        "gpus": {"kind": "simulated" if simulate_gpus else "nvml"},
        "lineage": {"clone": str(layout.training)},
        "services": {
            service.name: _service(service, layout, admin, ports) for service in SERVICES.values()
        },
    }


def url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _service(
    service: DemoService, layout: Layout, admin: Path, ports: Mapping[str, int]
) -> dict[str, Any]:
    clusters = {slot: service.slot_key(slot) for slot in service.slots}
    router: dict[str, Any] = {
        "kind": "envoy",
        "routes": str(layout.routes(service.name)),
        "admin": f"unix://{admin}",
        "clusters": clusters,
    }
    if len(service.slots) > 1:
        router["shadow_clusters"] = {slot: f"{name}-shadow" for slot, name in clusters.items()}
        router["fallback_clusters"] = {
            slot: f"{name}-or-{service.others(slot)[0]}" for slot, name in clusters.items()
        }
    made: dict[str, Any] = {"owner": service.owner, "good_after": "30s"}
    if service.model:
        made["model"] = service.model
        slot = {"kind": "v2", "load": True, "engine": "mlserver"}
    else:
        made["prompts"] = [f"{PROMPT}@{PROMPT_ALIAS}"]
        slot = {"kind": "openai", "engine": "vllm"}
    made["router"] = router
    made["slots"] = {
        name: {**slot, "url": url(ports[service.slot_key(name)])} for name in service.slots
    }
    if service.headline:
        made["gate"] = {"headline": dict(service.headline), **service.gate}
        made["inference_log"] = {
            "path": str(layout.inference_log(service.name) / "*.parquet"),
            "features": "features",
        }
    made["thresholds"] = {name: dict(one) for name, one in service.thresholds.items()}
    return made


def _table(lines: list[str], path: tuple[str, ...], table: Mapping[str, Any]) -> None:
    """A table as TOML: its plain values first, then the tables in it."""
    nested = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    inline = {key for key, value in nested.items() if path and _small(value)}
    if path and (inline or len(nested) < len(table)):
        lines.append(f"\n[{'.'.join(path)}]")
    for key, value in table.items():
        if key not in nested or key in inline:
            lines.append(f"{key} = {_value(value)}")
    for key, value in nested.items():
        if key not in inline:
            _table(lines, (*path, key), value)


def _small(table: Mapping[str, Any]) -> bool:
    """Whether a table reads best in one line: a map of names, or a limit."""
    return "kind" not in table and not any(isinstance(one, Mapping) for one in table.values())


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    # A JSON string, number or truth value is also TOML's.
    return json.dumps(value, ensure_ascii=False)
