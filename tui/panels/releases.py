"""The releases that served: good or not, what they held, who made them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.units import parse_time
from core.versions import version_name
from tui.cells import Cell, Row, fit, line
from tui.panels.evidence import with_tail
from tui.seam import ReleaseView
from tui.words import moment


def release_rows(views: Sequence[ReleaseView], width: int, height: int, now: datetime) -> list[Row]:
    """A release per row, newest first: good or not, what served, who made it."""
    if not views:
        return [line(width, [("no release yet", "dim")])][: max(0, height)]
    rows: list[Row] = []
    for view in views:
        good: Cell = ("? not watched", "unknown")
        if view.good is not None:
            good = ("✔ good", "ok") if view.good else ("▲ not good", "warning")
        when = moment(parse_time(view.taken), now)
        cells: list[Cell] = [
            (fit(view.name, 5) + " ", "bold"),
            (fit("LIVE" if view.live else "", 5), "accent"),
            (fit(good[0], 14), good[1]),
            (fit(version_name(view.version), 6) + " ", ""),
            (fit(when, 12), "dim"),
            (fit(view.by, 10) + " ", ""),
        ]
        rows += with_tail(cells, view.contents, width, 54)
    return rows[: max(0, height)]
