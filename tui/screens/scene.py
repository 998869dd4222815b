"""What a screen is drawn from, and what comes of it: both plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from core.versions import Stage, Version
from tui.cells import Row
from tui.feeds import Store
from tui.seam import Facts

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
class Picture:
    """The body's rows, and what keys and the mouse can do with them."""

    rows: Sequence[Row]
    items: tuple[str, ...] = ()
    """The keys of the list that the cursor moves in, in order."""
    cursor: str | None = None
    top: int = 0
    hits: Mapping[int, str] = field(default_factory=dict)
    """Body row to the item that a click chooses."""
    service: str | None = None
    """The service that keys such as R are about."""
    height: int = 0
    """Rows that the list, or the scrolled page, shows at once."""
    length: int = 0
    """Rows of a scrolled page in all."""
    choice: Choice | None = None
