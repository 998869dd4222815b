"""What the script says of what changed."""

from __future__ import annotations

from datetime import timedelta

from commands.changes import ChangesReport
from core.history import Event
from tests.tui.scripted_registry import NOW


def events(service: str = "chat") -> tuple[Event, ...]:
    return (
        Event(
            NOW - timedelta(hours=13, minutes=12), service, "prompt chat-system 8→9", "ben",
            "outside", NOW - timedelta(hours=13, minutes=16),
        ),
        Event(
            NOW - timedelta(hours=30), service, "cutover v30 → v31", "ana", change=212,
            kind="cutover", state="done", reason="weekly retrain", release=17,
        ),
    )  # fmt: skip


def told(*found: Event, untold: str | None = None) -> ChangesReport:
    return ChangesReport(found, 7 * 86400.0, untold)
