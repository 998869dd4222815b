"""The services, trouble first: what is live, the four layers, and what decided the state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.config import LAYERS, Layer
from core.status import GLYPH, LayerState, ServiceStatus, State, worst
from tui.cells import Cell, Row, fit, line, restyle
from tui.panels.held import why_and_held
from tui.seam import ServiceView
from tui.style import OF_STATE
from tui.words import moment, traffic

_RANK = {
    State.CRITICAL: 0,
    State.WARNING: 1,
    State.UNKNOWN: 2,
    State.OK: 3,
    State.NOT_CONFIGURED: 4,
}
_SHORT: dict[Layer, str] = {"system": "sys", "data": "data", "model": "model", "business": "bus"}
_WORDS = {
    State.OK: "ok",
    State.WARNING: "WARN",
    State.CRITICAL: "CRIT",
    State.UNKNOWN: "?",
    State.NOT_CONFIGURED: "–",
}
_LAYER_WIDTH = {"system": 9, "data": 10, "model": 11, "business": 9}
WIDE = 100
"""Cells from which on all four layers have a column."""


def ranked(views: Sequence[ServiceView], only: str = "") -> list[ServiceView]:
    """Trouble first, then by name; `only` keeps the names that hold it."""
    kept = [view for view in views if only.lower() in view.status.service.lower()]
    return sorted(kept, key=lambda view: (_RANK[view.status.state], view.status.service))


def counts(views: Sequence[ServiceView]) -> str:
    """ "1 critical 1 warning 1 ok"."""
    found = [view.status.state for view in views]
    parts = [f"{found.count(state)} {state}" for state in _RANK if state in found]
    return " ".join(parts) or "none"


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a long list is shown: from `top` on, `height` items."""

    top: int
    height: int

    @classmethod
    def around(cls, cursor: int | None, count: int, height: int, top: int) -> Window:
        """The window moved as little as needed for the cursor to be inside."""
        if cursor is not None:
            top = min(top, cursor)
            top = max(top, cursor - height + 1)
        return cls(max(0, min(top, count - height)), height)


def services(
    views: Sequence[ServiceView],
    width: int,
    height: int,
    now: datetime,
    *,
    cursor: str | None = None,
    top: int = 0,
    stale: bool = False,
) -> list[Row]:
    """At most `height` rows of the ranked list; the last one counts what is not shown."""
    if height <= 0:
        return []
    if not views:
        return [line(width, [("no service in the config", "dim")])]
    room = height if len(views) <= height else height - 1
    shown = list(views[top : top + room])
    name_width = min(24 if width >= WIDE else 12, max(7, *(len(v.status.service) for v in views)))
    rows = [
        service_row(view, width, now, name_width, view.status.service == cursor, stale)
        for view in shown
    ]
    if len(shown) < len(views):
        hidden = [*views[:top], *views[top + room :]]
        rows.append(line(width, [(f"… {len(hidden)} more: {counts(hidden)}", "dim")]))
    return [restyle(row, "dim") for row in rows] if stale else rows


def service_row(
    view: ServiceView, width: int, now: datetime, name_width: int, chosen: bool, stale: bool
) -> Row:
    """One service in `width` cells. Stale values are shown as unknown, never as ok."""
    status = view.status
    state = State.UNKNOWN if stale else status.state
    style = OF_STATE[state]
    cells: list[Cell] = [(GLYPH[state], style), (" ", "")]
    cells.append((fit(status.service, name_width), "cursor" if chosen else "bold"))
    live = traffic(status.traffic, status.shadow)
    why = ("was " + str(status.state) + ": " if stale else "") + because(view)
    why_style = style if state is not State.OK else ""
    since = moment(status.since, now) if status.since and state is not State.OK else ""
    if width >= WIDE:
        cells.append((f" {fit(live, 17)} ", ""))
        cells.extend(_layer(layer, status.layers.get(layer), stale) for layer in LAYERS)
        cells.append(("│ ", "frame"))
        used = 2 + name_width + 19 + sum(_LAYER_WIDTH.values()) + 2
        tail = 12 if since else 0
        cells += why_and_held((why, why_style), status, width - used - tail, now)
        cells.append((fit(f"since {since}" if len(since) == 5 else since, tail, ">"), "dim"))
    else:
        cells.append((f" {fit(live, 14)} ", ""))
        used = 2 + name_width + 16
        if width - used >= 30:
            cells.append(_worst_layer(status, stale))
            used += 11
        tail = 10 if since and width - used >= 34 else 0
        cells += why_and_held((why, why_style), status, width - used - tail, now)
        cells.append((fit(since, tail, ">"), "dim"))
    return line(width, cells)


def because(view: ServiceView) -> str:
    """What decided the state, in words; for a healthy canary, what is known of it."""
    status = view.status
    change = status.open_change
    if change is not None and not change.running:
        if change.needs_person:
            return f"#{change.number} NEEDS A PERSON: recover"
        return f"{change.kind} #{change.number} CUT OFF: recover"
    parts: list[str] = []
    if change is not None:
        parts.append(f"{change.kind} #{change.number} by {change.actor} is under way")
    bad = [s for s in status.layers.values() if s.state in (State.CRITICAL, State.WARNING)]
    if bad:
        parts.append(worst(bad).because)
    parts += [f"{source}: {said}" for source, said in status.errors.items()]
    if status.astray:
        parts.append(status.astray)
    if view.canary:
        parts.append(view.canary)
    if not parts and status.state is State.UNKNOWN:
        parts.append(_unknown(status))
    return " · ".join(parts)


def _unknown(status: ServiceStatus) -> str:
    """What keeps a service from being ok where nothing is wrong with it."""
    system = status.layers.get("system")
    if system is None or system.state is State.UNKNOWN:
        return system.because if system else "nothing is known"
    names = [name for name, found in status.layers.items() if found.state is State.UNKNOWN]
    return "not known: " + ", ".join(names)


def _layer(layer: Layer, found: LayerState | None, stale: bool) -> Cell:
    state = State.UNKNOWN if stale or found is None else found.state
    name = _SHORT[layer]
    bad = state in (State.CRITICAL, State.WARNING)
    text = f"{name.upper() if bad else name} {_WORDS[state]}"
    return (fit(text, _LAYER_WIDTH[layer]), OF_STATE[state] if state is not State.OK else "")


def _worst_layer(status: ServiceStatus, stale: bool) -> Cell:
    """The one layer that a narrow terminal has room for."""
    states = status.layers
    layer: Layer = "system"
    # Unknown layers beside healthy ones do not push the state's own layer aside.
    if status.state is not State.OK and states:
        layer = min(states, key=lambda name: (_RANK[states[name].state], LAYERS.index(name)))
    text, style = _layer(layer, states.get(layer), stale)
    return (fit(text.rstrip(), 11), style)
