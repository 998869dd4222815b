"""Where live traffic is meant to go and where it arrives; the slots that hold the versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.redaction import shown
from core.versions import version_name
from tui.cells import Cell, Row, fit, line, width_of
from tui.panels.gpus import meter
from tui.seam import SlotView, TrafficView
from tui.words import share

ENOUGH = 200
"""Requests from which on a difference between wanted and arriving shares means something."""
SLACK = 0.05
"""How far shares may differ by chance."""


def traffic_rows(views: Sequence[TrafficView], width: int, height: int) -> list[Row]:
    """A heading, then a version per row: wanted beside arriving, requests and errors."""
    if not views:
        return [line(width, [("no router is configured for this service", "dim")])][:height]
    bar = 10 if width >= 64 else 0
    named = _named((view.version for view in views), width - 42 - bar, 8)
    head = f"{fit('version', named + 1)}{fit('slot', 9)}{fit('wanted', 7, '>')}{fit('arrives', 9, '>')}"
    rows = [line(width, [(f"{head}  {fit('', bar)}{fit('requests', 10, '>')}{fit('errors', 8, '>')}", "dim")])]  # fmt: skip
    total = sum(view.requests or 0 for view in views)
    for view in views:
        rows.append(_traffic(view, total, width, bar, named))
        if view.shadow:
            text = f"{share(view.shadow)} % of live requests are mirrored here, answers thrown away"
            rows.append(line(width, [(fit("  shadow ", 9), "accent"), (text, "")]))
    return rows[: max(0, height)]


def _traffic(view: TrafficView, total: int, width: int, bar: int, named: int) -> Row:
    name = version_name(view.version) if view.version else "–"
    arrives = "?" if view.arrives is None else f"{share(round(view.arrives, 3))} %"
    style = ""
    if view.arrives is None:
        style = "unknown"
    elif total >= ENOUGH and abs(view.arrives - view.wanted) > SLACK:
        style = "warning"
    cells: list[Cell] = [
        (fit(name, named) + " ", "bold"),
        (fit(view.slot, 8) + " ", ""),
        (fit(f"{share(view.wanted)} %", 7, ">"), ""),
        (fit(arrives, 9, ">"), style),
        ("  ", ""),
        (meter(view.arrives, bar), "accent"),
        (fit("–" if view.requests is None else f"{view.requests:,}", 10, ">"), ""),
        (fit("–" if view.errors is None else f"{view.errors:,}", 8, ">"), "error" if view.errors else ""),
    ]  # fmt: skip
    return line(width, cells)


def _named(versions: Iterable[str | None], room: int, least: int) -> int:
    """Cells for the versions: what the longest takes, as far as there is room."""
    longest = max((width_of(shown(version_name(one))) for one in versions if one), default=0)
    return max(least, min(longest, room))


def _held(view: SlotView) -> str:
    if view.version:
        return version_name(view.version)
    return "?" if view.ready is None else "empty"


def slot_rows(
    views: Sequence[SlotView], width: int, height: int, *, stale: bool = False
) -> list[Row]:
    """A slot per row: what it holds, whether it answers, what it works on."""
    if not views:
        return [line(width, [("no slots are configured for this service", "dim")])][:height]
    rows: list[Row] = []
    # The address says less than the version, and gives way to it.
    named = _named((view.version for view in views), width - 36, 7)
    for view in views:
        if view.ready is None:
            state: Cell = ("? no answer", "unknown")
        elif stale:
            state = ("? was ready" if view.ready else "? not ready", "unknown")
        elif view.ready:
            state = ("✔ ready", "ok")
        else:
            state = ("▲ NOT READY", "warning")
        active = "" if view.active is None else f"{view.active:,} active"
        cells: list[Cell] = [
            (fit(view.slot, 9) + " ", "bold"),
            (fit(_held(view), named) + " ", ""),
            (fit(state[0], 12), state[1]),
            (fit(active, 10, ">") + "  ", ""),
        ]
        rest = f"{view.detail}  {view.address}".strip()
        cells.append((fit(rest, width - sum(len(text) for text, _ in cells)), "dim"))
        rows.append(line(width, cells))
    return rows[: max(0, height)]
