"""What a promotion would wait for: a freeze, a request that nobody has answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.history import Event
from core.status import ServiceStatus
from tui.cells import Cell, Row, fit, line, row_width, wrap
from tui.words import moment

FROZEN = "❄"
WAITS = "✎"
STYLE = "accent"
LEAST = 12
"""Cells in which the beginning of what decided the state still says something."""


def why_and_held(why: Cell, status: ServiceStatus, width: int, now: datetime) -> list[Cell]:
    """What decided the state and what holds promotions up, in exactly `width` cells.

    Where both do not fit, the marks keep their word and lose the rest, and `why` is cut.
    """
    long, brief = held(status, now), held(status, None)
    if not long:
        return [(fit(why[0], width), why[1])]
    gap: list[Cell] = [(why[0], why[1]), ("  ", "")] if why[0] else []
    if row_width(gap) + row_width(long) <= width:
        return list(line(width, [*gap, *long]))
    if not why[0]:
        return list(line(width, brief))
    room = max(LEAST, width - row_width(brief) - 2)
    return list(
        line(width, [(fit(why[0], min(room, row_width(gap) - 2)), why[1]), ("  ", ""), *brief])
    )


def held(status: ServiceStatus, now: datetime | None) -> list[Cell]:
    """A sign and a word for each; without the time, no more than that."""
    cells: list[Cell] = []
    if status.frozen is not None:
        until = f" until {moment(status.frozen.until, now)}" if now is not None else ""
        cells.append((f"{FROZEN} FROZEN{until}", STYLE))
    if status.approvals:
        gap = "  " if cells and now is not None else " " if cells else ""
        names = status.approvals[0] if len(status.approvals) == 1 else str(len(status.approvals))
        verb = "WAITS" if len(status.approvals) == 1 else "WAIT"
        what = " for approval" if now is not None else ""
        cells.append((f"{gap}{WAITS} {names} {verb}{what}", STYLE))
    return cells


def held_rows(status: ServiceStatus, events: Sequence[Event], width: int) -> list[Row]:
    """In full: who froze it and why; who asked for what, and how it is answered."""
    said: list[str] = []
    if status.frozen is not None:
        said.append(f"{FROZEN} FROZEN: {status.frozen.because}")
    for name in status.approvals:
        asked = next(
            (e for e in events if e.kind == "request" and e.what.startswith(f"{name}: ")), None
        )
        who = f"{asked.what}, asked by {asked.actor}" if asked else name
        why = f": {asked.reason}" if asked and asked.reason else ""
        said.append(f"{WAITS} WAITS for approval {who}{why}  (:approve {name}, :reject {name})")
    return [line(width, [(text, STYLE)]) for one in said for text in wrap(one, width)[:2]]
