"""The state of a service in its four layers, and what a status report says of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from core.config import LAYERS, Layer, Threshold
from core.freeze import Frozen
from core.units import show_time
from core.versions import version_name


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"
    NOT_CONFIGURED = "not configured"


GLYPH = {
    State.OK: "✔",
    State.WARNING: "▲",
    State.CRITICAL: "✖",
    State.UNKNOWN: "?",
    State.NOT_CONFIGURED: "–",
}
_WORST_FIRST = (State.CRITICAL, State.WARNING, State.UNKNOWN, State.OK, State.NOT_CONFIGURED)


@dataclass(frozen=True, slots=True)
class LayerState:
    """A layer's state and the figure that decided it, in words."""

    state: State
    because: str


@dataclass(frozen=True, slots=True)
class OpenChange:
    """A change that was begun and not ended, or that left its service half-way."""

    number: int
    kind: str
    state: str
    actor: str
    since: datetime
    running: bool
    """Whether a live console or command still holds its lease."""

    @property
    def needs_person(self) -> bool:
        return self.state == "needs_person"

    @property
    def said(self) -> str:
        """What became of it, in words."""
        if self.running:
            return "is running"
        return "needs a person" if self.needs_person else "was cut off"

    @property
    def hint(self) -> str:
        does = "names what to put right by hand" if self.needs_person else "finishes or undoes it"
        return f"modeldeck recover {self.number} {does}"


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service as `status` and the overview show it.

    `traffic` and `shadow` are shares of 1 per version; a slot whose version could not be read
    stands under "?" and its name. `errors` are what could not be asked, per source.
    """

    service: str
    model: str | None
    environment: str
    champion: str | None
    traffic: Mapping[str, float]
    shadow: Mapping[str, float]
    layers: Mapping[Layer, LayerState]
    release: str | None
    open_change: OpenChange | None
    open_incident: str | None
    as_of: datetime
    errors: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None
    """When the worst layer entered its state, as far as the samples go back."""
    frozen: Frozen | None = None
    approvals: tuple[str, ...] = ()
    """The requests for approval that wait for an answer, such as "A-12"."""

    @property
    def state(self) -> State:
        """The worst of the layers, where unknown is worse than ok.

        A change that was cut off, or left the service half-way, is critical; a source that cannot
        be asked is a warning, and so is a champion in name alone.
        """
        if self.open_change is not None and not self.open_change.running:
            return State.CRITICAL
        states = {layer.state for layer in self.layers.values()}
        if (self.errors or self.astray) and State.CRITICAL not in states:
            return State.WARNING
        return next(state for state in _WORST_FIRST if state in states)

    @property
    def astray(self) -> str | None:
        """In words, that the version which the registry calls champion serves nothing.

        None while a change runs, and where a slot could not be read: it may hold the champion.
        """
        unread = any(version.startswith("?") for version in self.traffic)
        if self.champion is None or not self.traffic or unread or self.open_change is not None:
            return None
        if self.champion in self.traffic:
            return None
        return f"champion {version_name(self.champion)} serves nothing"

    @property
    def held_up(self) -> str:
        """What a promotion would wait for, in words; "" where nothing does."""
        said = [f"frozen until {show_time(self.frozen.until)}"] if self.frozen else []
        if self.approvals:
            verb = "waits" if len(self.approvals) == 1 else "wait"
            said.append(f"{', '.join(self.approvals)} {verb} for an approval")
        return "; ".join(said)

    @property
    def healthy(self) -> bool:
        return self.state is State.OK


def judge(value: float | None, threshold: Threshold | None) -> State:
    """Where a figure stands to its limits, which the limits themselves count as beyond.

    Unknown where there is no value; nothing is wrong with what has no limit.
    """
    if value is None or math.isnan(value):
        return State.UNKNOWN
    if threshold is None:
        return State.OK

    def beyond(limit: float | None) -> bool:
        return limit is not None and (value <= limit if threshold.below else value >= limit)

    if beyond(threshold.critical):
        return State.CRITICAL
    return State.WARNING if beyond(threshold.warning) else State.OK


def worst(states: list[LayerState]) -> LayerState:
    return min(states, key=lambda item: _WORST_FIRST.index(item.state))


def unmeasured() -> dict[Layer, LayerState]:
    """Every layer as unknown: what nothing measures is never shown as ok."""
    return {layer: LayerState(State.UNKNOWN, "nothing measures this layer yet") for layer in LAYERS}
