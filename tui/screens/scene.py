"""What a screen is drawn from, and what comes of it: both plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from core.snapshot import Snapshot
from core.versions import Stage, Version
from tui.cells import Row
from tui.feeds import Feed, Store
from tui.seam import Facts, SourceKind, source_key

PageName = Literal["overview", "service", "version", "gpus", "changes", "help", "answer"]

WIDE = 100
"""Cells from which on panels stand side by side in frames."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The size is that of the body, between header and footer."""

    facts: Facts
    store: Store
    width: int
    height: int
    now: datetime
    service: str | None = None
    """The service that the screen is about, where the operator chose one."""
    cursor: str | None = None
    """The key of the item under the cursor, where the operator moved it."""
    top: int = 0
    """The first item, or row, that is shown."""
    filter: str = ""
    window: float = 900.0
    """Seconds that sparklines or lists reach back."""
    paused: bool = False

    def feed(self, kind: SourceKind, service: str = "", version: str = "") -> Feed[Any]:
        """What is known of a source; one that waits for its first answer where it is not."""
        key = source_key(kind, service, version)
        found = self.store.get(key) or Feed(Snapshot(key))
        return replace(found, held=True) if self.paused else found

    @property
    def wide(self) -> bool:
        return self.width >= WIDE


@dataclass(frozen=True, slots=True)
class Subject:
    """The version that a page is about, as the registry has it, beside which champion."""

    version: Version
    champion: str | None = None

    @property
    def number(self) -> str:
        return self.version.number


@dataclass(frozen=True, slots=True)
class Choice:
    """The versions that ← and → walk over, and the one that is chosen."""

    subject: Subject
    numbers: tuple[str, ...]
    to: Stage
    """Where promoting leads from where it stands."""
    at: int = 0
    """The row of the page where the versions begin."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Cells of a body row that a click on chooses an item by; the whole row unless told."""

    row: int
    item: str
    first: int = 0
    end: int | None = None

    def holds(self, column: int, row: int) -> bool:
        return row == self.row and self.first <= column and (self.end is None or column < self.end)


def list_hits(first: int, items: Sequence[str]) -> list[Hit]:
    """An item per row, from the row `first` on."""
    return [Hit(first + place, item) for place, item in enumerate(items)]


@dataclass(frozen=True, slots=True)
class Picture:
    """The body's rows, and what keys and the mouse can do with them."""

    rows: Sequence[Row]
    items: tuple[str, ...] = ()
    """The keys of the list that the cursor moves in, in order."""
    cursor: str | None = None
    top: int = 0
    hits: Sequence[Hit] = ()
    service: str | None = None
    """The service that keys such as R are about."""
    height: int = 0
    """Rows that the list, or the scrolled page, shows at once."""
    length: int = 0
    """Rows of a scrolled page in all."""
    choice: Choice | None = None

    def under(self, column: int, row: int) -> str | None:
        """The item that a click there chooses."""
        return next((hit.item for hit in self.hits if hit.holds(column, row)), None)
