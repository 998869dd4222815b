"""`status`: every service, what is live, its traffic, the four layers, what is unfinished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commands.deck import Deck
from commands.sources.fleet import read_fleet
from commands.spec import Cell, Grid, No, Spec, Style, positional
from core.config import LAYERS
from core.errors import BackendError, ModeldeckError, Unfinished
from core.status import GLYPH, ServiceStatus, State
from core.units import show_time
from core.versions import version_name

STYLE: Mapping[State, Style] = {
    State.OK: "ok",
    State.WARNING: "warning",
    State.CRITICAL: "critical",
    State.UNKNOWN: "unknown",
    State.NOT_CONFIGURED: "dim",
}
_TROUBLE = (State.CRITICAL, State.WARNING, State.UNKNOWN, State.OK, State.NOT_CONFIGURED)


@dataclass(frozen=True, slots=True)
class Args:
    service: str | None = positional(
        "the service; all without it", completes="service", default=None
    )


@dataclass(frozen=True)
class StatusReport:
    services: tuple[ServiceStatus, ...]

    def data(self) -> Mapping[str, Any]:
        return {"services": [status_json(status) for status in self.services]}

    def grids(self) -> Sequence[Grid]:
        rows: list[Sequence[Cell]] = []
        for status in sorted(self.services, key=lambda item: _TROUBLE.index(item.state)):
            rows.append(_row(status))
        columns = ("", "service", "traffic", "champion", "release", *LAYERS, "because")
        return [Grid(columns, rows, empty="no services in the config: modeldeck init writes one")]

    def error(self) -> ModeldeckError | None:
        for status in self.services:
            change = status.open_change
            if change is not None and not change.running:
                return Unfinished(
                    f"change {change.number} of {status.service} {change.said}", hint=change.hint
                )
        for status in self.services:
            for source, said in status.errors.items():
                return BackendError(f"{status.service}: {said}", backend=source)
        unwell = [status for status in self.services if not status.healthy]
        if not unwell:
            return None
        said = "; ".join(f"{item.service} is {item.state}: {_because(item)}" for item in unwell)
        return No(said)


def status_json(status: ServiceStatus) -> dict[str, Any]:
    change = status.open_change
    return {
        "service": status.service,
        "model": status.model,
        "environment": status.environment,
        "state": status.state.value,
        "champion": status.champion,
        "traffic": dict(status.traffic),
        "shadow": dict(status.shadow),
        "layers": {
            name: {"state": layer.state.value, "because": layer.because}
            for name, layer in status.layers.items()
        },
        "release": status.release,
        "open_change": None
        if change is None
        else {
            "change": change.number,
            "kind": change.kind,
            "state": change.state,
            "actor": change.actor,
            "since": show_time(change.since),
            "running": change.running,
        },
        "astray": status.astray,
        "frozen": {"until": show_time(status.frozen.until), "because": status.frozen.because}
        if status.frozen
        else None,
        "approvals": list(status.approvals),
        "open_incident": status.open_incident,
        "errors": dict(status.errors),
        "as_of": show_time(status.as_of),
    }


def _row(status: ServiceStatus) -> tuple[Cell, ...]:
    traffic = " ".join(
        f"{version_name(version)} {share * 100:g} %" for version, share in status.traffic.items()
    )
    if status.shadow:
        shadows = " ".join(
            f"{version_name(v)} {share * 100:g} %" for v, share in status.shadow.items()
        )
        traffic += f" shadow {shadows}"
    layers: list[Cell] = [
        (
            f"{GLYPH[status.layers[name].state]} {status.layers[name].state}",
            STYLE[status.layers[name].state],
        )
        for name in LAYERS
    ]
    return (
        (GLYPH[status.state], STYLE[status.state]),
        (status.service, "strong"),
        traffic or "–",
        version_name(status.champion) if status.champion else "–",
        status.release or "–",
        *layers,
        _because(status) + (f"; {status.held_up}" if status.held_up else ""),
    )


def _because(status: ServiceStatus) -> str:
    change = status.open_change
    if change is not None:
        return f"{change.kind} by {change.actor} {change.said} (change {change.number})"
    if status.errors:
        return next(iter(status.errors.values()))
    if status.astray and status.state is State.WARNING:
        return status.astray
    ranked = sorted(status.layers.items(), key=lambda item: _TROUBLE.index(item[1].state))
    worst = ranked[0][1].state
    names = [name for name, layer in ranked if layer.state is worst]
    return f"{', '.join(names)}: {ranked[0][1].because}"


async def run(deck: Deck, args: Args) -> StatusReport:
    return StatusReport((await read_fleet(deck, args.service)).services)


SPEC = Spec(
    "status",
    "query",
    "Every service: what is live, its traffic, the four layers, what is unfinished",
    Args,
    run,
    ("modeldeck status", "modeldeck status tumor -o json", "modeldeck status --watch 5"),
    watch=True,
)
