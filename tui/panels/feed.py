"""Any panel over any source: its age in the title, dimmed when stale, the error when it is dead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tui.cells import Row, restyle
from tui.feeds import Feed
from tui.frame import Rule, Section

Draw = Callable[[Any, bool], list[Row]]
"""From the values, and whether they are stale, to rows."""


def section(
    title: str | Row,
    feed: Feed[Any],
    now: datetime,
    width: int,
    draw: Draw,
    *,
    least: int = 1,
    grow: bool = False,
    stale: bool = False,
) -> Section:
    """The panel as a section of a stack. What failed stands above what is known from before.

    `stale` says that another source makes this one's values doubtful.
    """
    head: Row = ((title, "title"),) if isinstance(title, str) else title
    rows: list[Row] = [*feed.complaint(width)]
    if feed.value is not None:
        stale = stale or feed.stale(now)
        drawn = draw(feed.value, stale)
        rows += [restyle(row, "dim") for row in drawn] if stale else drawn
    elif not rows:
        rows.append((feed.waiting,))
    return Section(Rule(head, feed.note(now)), rows, least, grow)
