"""What the style names of cells mean, in the terminal's own sixteen colours.

Only these are used: they follow the person's light or dark theme, and cost a few bytes each.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from core.status import State

if TYPE_CHECKING:
    from rich.style import Style

STYLES = {
    "ok": "green",
    "warning": "bold yellow",
    "critical": "bold red",
    "unknown": "magenta",
    "none": "dim",
    "dim": "dim",
    "frame": "dim",
    "title": "bold",
    "bold": "bold",
    "key": "bold cyan",
    "accent": "cyan",
    "outside": "bold magenta",
    "danger": "bold white on red",
    "safe": "bold black on green",
    "notice": "bold black on yellow",
    "cursor": "reverse",
    "error": "red",
}

OF_STATE = {
    State.OK: "ok",
    State.WARNING: "warning",
    State.CRITICAL: "critical",
    State.UNKNOWN: "unknown",
    State.NOT_CONFIGURED: "none",
}


@lru_cache(maxsize=256)
def style_of(names: str) -> Style:
    """The style that several names make together. Raises KeyError for a name that is none."""
    from rich.style import Style

    return sum((Style.parse(STYLES[name]) for name in names.split()), Style())
