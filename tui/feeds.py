"""What the panels are drawn from: the last snapshot of a source, its rhythm, its age in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from core.snapshot import Snapshot
from tui.cells import Cell, Row, wrap
from tui.seam import ServiceView

T = TypeVar("T")

_STEPS = (2, 5, 10, 15, 20, 30, 45, 60, 120, 180, 300, 600, 900, 1800, 3600)


RARE = 60.0
"""Seconds from which on a rhythm is so slow that the age itself is told."""


@dataclass(frozen=True)
class Feed(Generic[T]):
    """A source as the screen sees it. `every` is its rhythm in seconds."""

    snapshot: Snapshot[T]
    every: float = 2.0
    held: bool = False
    """The display is paused: what had not answered by then is not shown before it goes on."""

    @property
    def value(self) -> T | None:
        return self.snapshot.value

    def stale(self, now: datetime) -> bool:
        """Whether what is shown may no longer be true: it failed, or nothing new came in time."""
        if self.snapshot.value is None:
            return False
        return self.snapshot.error is not None or self.snapshot.stale(now, self.patience)

    @property
    def patience(self) -> float:
        """Seconds after which values count as stale: three missed polls, and at least ten."""
        return max(10.0, 3 * self.every)

    def dead(self) -> bool:
        return self.snapshot.error is not None

    def in_part(self) -> bool:
        """Whether what was read lacks what some backend did not answer."""
        views = self.value if isinstance(self.value, tuple) else ()
        statuses = [view.status for view in views if isinstance(view, ServiceView)]
        return not self.dead() and any(status.errors for status in statuses)

    def note(self, now: datetime) -> Row:
        """The age for the title's right end, in steps: a still screen stays still."""
        age = self.snapshot.age(now)
        if self.snapshot.error is not None:
            when = f" {coarse(age)} old" if age is not None else ""
            return (("FAILED" + when, "critical"),)
        if age is None:
            return (("paused" if self.held else "asking…", "dim"),)
        if age > self.patience:
            return ((f"STALE {coarse(age)}", "warning"),)
        # A source's age swings between nothing and its rhythm: the label does not follow that.
        return ((f"{coarse(max(age, min(self.every, RARE)))} ago", "dim"),)

    @property
    def waiting(self) -> Cell:
        """What stands where values are missing, and nothing has failed."""
        if self.held:
            return ("the display was paused before this was known: p goes on", "notice")
        return ("asking…", "dim")

    def complaint(self, width: int) -> list[Row]:
        """What failed, what to do, and when it is asked again; nothing while all is well."""
        error = self.snapshot.error
        if error is None:
            return []
        said: list[Row] = [((text, "error"),) for text in wrap(error.message, width)[:3]]
        if error.hint:
            said += [((text, "dim"),) for text in wrap(error.hint, width)[:2]]
        if self.snapshot.next_try is not None:
            said.append(((f"next try {self.snapshot.next_try:%H:%M:%S}", "dim"),))
        return said


Store = Mapping[str, Feed[Any]]
"""Feeds by the key of their source."""


def coarse(seconds: float | None) -> str:
    """An age in the next larger of a few steps: "2s", "5s", "30s", "1m", "2h", "3d"."""
    if seconds is None:
        return "never"
    step = next((step for step in _STEPS if seconds <= step + 0.999), None)
    if step is not None:
        return f"{step}s" if step < 60 else f"{step // 60}m" if step < 3600 else "1h"
    hours = int(seconds // 3600) + 1
    return f"{hours}h" if hours < 48 else f"{hours // 24}d"
