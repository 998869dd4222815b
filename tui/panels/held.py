"""What a promotion would wait for: a freeze, a request that nobody has answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.history import Event
from core.redaction import shown
from core.status import ServiceStatus
from tui.cells import Cell, Row, fit, line, row_width, wrap
from tui.words import moment

FROZEN = "❄"
WAITS = "✎"
STYLE = "accent"
LEAST = 8
"""Cells in which the beginning of what decided the state still says something."""


def why_and_held(why: Cell, status: ServiceStatus, width: int, now: datetime) -> list[Cell]:
    """What decided the state and what holds promotions up, in exactly `width` cells.

    Where both do not fit, first the marks lose what is not their word, then `why` is cut.
    """
    forms = _forms(status, now)
    why = (shown(why[0]), why[1])
    if not forms[0]:
        return [(fit(why[0], width), why[1])]
    told = [(why[0], why[1]), ("  ", "")] if why[0] else []
    for form in forms:
        if row_width(told) + row_width(form) <= width:
            return list(line(width, [*told, *form]))
    if not why[0]:
        return list(line(width, forms[-1]))
    room = max(LEAST, width - row_width(forms[-1]) - 2)
    return list(line(width, [(fit(why[0], room), why[1]), ("  ", ""), *forms[-1]]))


def _forms(status: ServiceStatus, now: datetime) -> list[list[Cell]]:
    """The marks, each a sign and a word, from the longest form to the shortest."""
    forms: list[list[Cell]] = [[], [], []]
    if status.frozen is not None:
        until = f" until {moment(status.frozen.until, now)}"
        for form, rest in zip(forms, (until, "", ""), strict=True):
            form.append((f"{FROZEN} FROZEN{rest}", STYLE))
    if status.approvals:
        one = len(status.approvals) == 1
        name = shown(status.approvals[0]) if one else str(len(status.approvals))
        verb = "WAITS" if one else "WAIT"
        for form, rest in zip(forms, (f" {verb} for approval", f" {verb}", ""), strict=True):
            gap = " " if form else ""
            form.append((f"{gap}{WAITS} {name}{rest}", STYLE))
    return forms


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
        how = f":approvals {name} shows it, :approve {name} or :reject {name} answers"
        said.append(f"{WAITS} WAITS for approval {who}{why}  ({how})")
    return [line(width, [(text, STYLE)]) for one in said for text in wrap(one, width)[:2]]
