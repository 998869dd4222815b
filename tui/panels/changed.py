"""What changed: our own changes, changes from outside, releases, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.history import EVERY, Event
from tui.cells import Cell, Row, fit, line
from tui.words import moment

_GOOD_ENDS = frozenset({"", "done", "planned", "running", "approved", "unfrozen"})


def recent(events: Sequence[Event], now: datetime, window: float, service: str = "") -> list[Event]:
    """Those of one service (or of all), within so many seconds."""
    since = now - timedelta(seconds=window)
    return [e for e in events if e.at >= since and e.of(service)]


def whose(event: Event) -> str:
    return "every service" if event.service == EVERY else event.service


def event_key(event: Event) -> str:
    """What tells one line from another while the list grows."""
    return f"{event.at.isoformat()} {event.service} {event.change} {event.what}"


def changed(
    events: Sequence[Event],
    width: int,
    height: int,
    now: datetime,
    *,
    cursor: str | None = None,
    top: int = 0,
    with_service: bool = False,
) -> list[Row]:
    """At most `height` rows. An outside change stands at the time when it was seen."""
    if not events:
        return [line(width, [("nothing changed", "dim")])] if height > 0 else []
    room = height if len(events) <= height else height - 1
    shown = events[top : top + room]
    rows = [_event(e, width, now, event_key(e) == cursor, with_service) for e in shown]
    if len(shown) < len(events) and height > 0:
        rows.append(line(width, [(f"… {len(events) - len(shown)} more: w", "dim")]))
    return rows


def between(event: Event, now: datetime) -> tuple[str, str]:
    """The two times between which an outside change came; to the second where that tells more."""
    first, last = event.after or event.at, event.at
    if (first - last).total_seconds() and moment(first, now) == moment(last, now):
        zone = now.tzinfo
        return f"{first.astimezone(zone):%H:%M:%S}", f"{last.astimezone(zone):%H:%M:%S}"
    return moment(first, now), moment(last, now)


def _event(event: Event, width: int, now: datetime, chosen: bool, with_service: bool) -> Row:
    outside = event.origin == "outside"
    when = moment(event.at, now)
    cells: list[Cell] = [(fit(when, 9), "cursor" if chosen else "dim"), (" ", "")]
    used = 10
    if with_service:
        cells += [(fit(whose(event), 14), "bold"), (" ", "")]
        used += 15
    # What moved from where to where matters more than that nobody can tell who moved it.
    if event.actor or width >= 90:
        actor_width = 16 if width >= 90 else 8
        cells += [(fit(event.actor or "nobody can tell", actor_width), ""), (" ", "")]
        used += actor_width + 1
    tag, style = _tag(event, width)
    if width >= 100 and event.reason:
        tag = f"{event.reason} {tag}" if tag else event.reason
        tag = fit(tag, min(len(tag), 40)).rstrip()
    taken = len(tag) + 1 if tag else 0
    what = event.what
    if outside and event.after is not None and width >= 70:
        what += " (between {} and {})".format(*between(event, now))
    if outside and len(what) > width - used - taken:
        tag, taken = "OUTSIDE", len("OUTSIDE") + 1
    cells.append((fit(what, width - used - taken), ""))
    if tag:
        cells += [(" ", ""), (fit(tag, taken - 1), style)]
    return line(width, cells)


def _tag(event: Event, width: int) -> Cell:
    if event.origin == "outside":
        return ("OUTSIDE modeldeck" if width >= 52 else "OUTSIDE", "outside")
    name = event.source.replace("change ", "#")
    if event.override:
        return (f"OVERRIDE {name} {event.state.replace('_', ' ')}".strip(), "critical")
    if event.state not in _GOOD_ENDS:
        return (f"{name} {event.state.replace('_', ' ').upper()}".strip(), "warning")
    if event.release is not None:
        name = f"{name} r{event.release}".strip()
    if event.approval:
        name = f"{name} {event.approval}".strip()
    return (name or event.state, "dim")
