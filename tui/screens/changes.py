"""What changed, for the fleet or for one service, as far back as the window says."""

from __future__ import annotations

from commands.changes import ChangesReport
from core.history import Event
from core.text import clean
from core.units import show_duration
from tui.cells import Row, fill, line, wrap
from tui.feeds import Feed
from tui.frame import Line, Rule, bottom, boxed, plain
from tui.panels.changed import between, changed, event_key, recent
from tui.panels.services import Window
from tui.screens.scene import Picture, Scene, list_hits

DETAIL = 4


def changes(scene: Scene) -> Picture:
    """The list, and below it everything that is known of the line under the cursor."""
    feed: Feed[ChangesReport] = scene.feed("changes")
    width = scene.width - (4 if scene.wide else 2)
    name = scene.service or ""
    events = recent(feed.value.events if feed.value else (), scene.now, scene.window, name)
    events = [event for event in events if scene.filter.lower() in _words(event)]
    keys = tuple(event_key(event) for event in events)
    cursor = scene.cursor if scene.cursor in keys else (keys[0] if keys else None)
    complaint = [*feed.complaint(width), *_untold(feed.value, width)]
    whose = clean(name) if name else "every service"
    title = f"Changed: {whose}, {show_duration(scene.window)}"
    if scene.filter:
        title += f"  filter: {clean(scene.filter)}"
    lines: list[Line] = [Rule(((title, "title"),), feed.note(scene.now)), *complaint]
    detail = next((event for event in events if event_key(event) == cursor), None)
    below = 1 + DETAIL if detail is not None else 0
    edge = 1 if scene.wide else 0
    room = max(1, scene.height - len(lines) - below - edge)
    list_rows = room if len(events) <= room else max(1, room - 1)
    at = keys.index(cursor) if cursor in keys else None
    window = Window.around(at, len(keys), list_rows, scene.top)
    first = len(lines)
    if feed.value is None:
        rows: list[Row] = [] if complaint else [line(width, [feed.waiting])]
    else:
        rows = changed(
            events, width, room, scene.now, cursor=cursor, top=window.top, with_service=not name
        )
    lines += fill(rows, width, room)
    if detail is not None:
        lines += [Rule((("The line under the cursor", "dim"),)), *_detail(detail, width, scene)]
    if scene.wide:
        body = [*boxed(lines, scene.width), bottom(scene.width)]
    else:
        body = plain(lines, scene.width)
    shown = keys[window.top : window.top + list_rows]
    return Picture(
        fill(body, scene.width, scene.height),
        keys,
        cursor,
        window.top,
        list_hits(first, shown),
        detail.service if detail else scene.service,
        list_rows,
    )


def _untold(report: ChangesReport | None, width: int) -> list[Row]:
    """That what other machines did may be missing, in the words of the command."""
    if report is None or report.missing is None:
        return []
    return [line(width, [(text, "warning")]) for text in wrap(report.missing, width)[:2]]


def _words(event: Event) -> str:
    return f"{event.service} {event.what} {event.actor} {event.origin} {event.reason}".lower()


def _detail(event: Event, width: int, scene: Scene) -> list[Row]:
    who = clean(event.actor) if event.actor else "nobody can tell who"
    if event.origin == "outside":
        first, last = between(event, scene.now)
        when = f"between {first} and {last}" if event.after else f"before {last}"
        how = f"OUTSIDE modeldeck, {when}; {who if event.actor else 'nobody can tell by whom'}"
    else:
        change = f"{event.source}, " if event.source else ""
        how = f"{change}{clean(event.state) or 'recorded'}, by {who}"
        if event.release is not None:
            how += f", made release r{event.release}"
        if event.approval:
            how += f", approved as {clean(event.approval)}"
    rows: list[Row] = [line(width, [(text, "bold")]) for text in wrap(event.what, width)[:2]]
    rows += [line(width, [(text, "")]) for text in wrap(how, width)[:2]]
    if event.reason:
        rows += [line(width, [(text, "dim")]) for text in wrap(f"reason: {event.reason}", width)]
    return fill(rows, width, DETAIL)
