"""What other people ask for and decide is said once, when the console is first told of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.history import EVERY, Event
from core.policy import person
from tui.panels.held import FROZEN, WAITS


class Announcer:
    """Says nothing of what was there when the console began: rows and the header have that."""

    def __init__(self, actor: str) -> None:
        self._own = person(actor)
        self._last: Sequence[Event] | None = None

    def news(self, events: Sequence[Event]) -> str:
        """The newest request, answer, freeze or end of one that is new; "" where none is."""
        before, self._last = self._last, events
        if before is None or before is events:
            return ""
        known = {(event.at, event.kind, event.what) for event in before}
        fresh = [
            _SAID[event.kind](event)
            for event in events
            if event.kind in _SAID
            and person(event.actor) != self._own
            and (event.at, event.kind, event.what) not in known
        ]
        if not fresh:
            return ""
        return fresh[0] if len(fresh) == 1 else f"{fresh[0]} (and {len(fresh) - 1} more: 5)"


def _request(event: Event) -> str:
    name = event.what.partition(":")[0]
    return f"{WAITS} {event.actor} asks for an approval: {event.what}  (:approvals {name} shows it)"


def _answer(event: Event) -> str:
    why = f": {event.reason}" if event.reason else ""
    return f"{WAITS} {event.actor} {event.state}{why}: {event.what}"


def _expiry(event: Event) -> str:
    return f"{WAITS} expired unanswered: {event.what}"


def _freeze(event: Event) -> str:
    what = "every service" if event.service == EVERY else event.service
    why = f": {event.reason}" if event.reason else ""
    return f"{FROZEN} {what} {event.what} by {event.actor}{why}"


def _unfreeze(event: Event) -> str:
    what = "every service" if event.service == EVERY else event.service
    return f"{FROZEN} no longer frozen: {what}, {event.what} by {event.actor}"


_SAID: dict[str, Callable[[Event], str]] = {
    "request": _request,
    "answer": _answer,
    "expiry": _expiry,
    "freeze": _freeze,
    "unfreeze": _unfreeze,
}
