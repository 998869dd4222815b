"""One figure's recent past as cells, with the marks of changes in their own colour."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from math import ceil

from core.figures import Figure, Mark
from core.sparkline import MARK, shared_scale, sparkline
from tui.cells import Cell


def spark(
    figure: Figure,
    together: Sequence[Figure],
    marks: Sequence[Mark],
    width: int,
    now: datetime,
    window: float,
) -> list[Cell]:
    """`width` cells for the last `window` seconds, on the scale of the figures it stands with."""
    if width <= 0:
        return []
    cell = window / width
    # The axis moves by whole cells, so that a picture of nothing new stands still.
    end = ceil(now.timestamp() / cell) * cell
    start = end - window
    text = sparkline(
        _thinned(figure.history, start, cell, width),
        width,
        start=start,
        end=end,
        marks=[mark.at.timestamp() for mark in marks],
        scale=_scale(together),
    )
    cells: list[Cell] = []
    for place, piece in enumerate(text.split(MARK)):
        if place:
            cells.append((MARK, "outside"))
        if piece:
            cells.append((piece, "accent"))
    return cells


def _thinned(
    history: Sequence[tuple[float, float]], start: float, cell: float, width: int
) -> list[tuple[float, float]]:
    """At most two points per cell, the highest and the last: all that a cell can show.

    A long history is drawn once a second, and its points need not be looked at one by one.
    """
    times = [at for at, _ in history]
    edges = [bisect_left(times, start + place * cell) for place in range(width + 1)]
    edges[-1] = len(times)
    # The last point before the first cell may still hold in it.
    kept = list(history[max(0, edges[0] - 1) : edges[0]])
    for begin, end in pairwise(edges):
        if begin < end:
            points = history[begin:end]
            at, last = points[-1]
            known = [value for _, value in points if value == value]
            kept += [(at, max(known)), (at, last)] if known else [(at, last)]
    return kept


def _scale(together: Sequence[Figure]) -> tuple[float, float]:
    extremes = []
    for one in together:
        known = [value for _, value in one.history if value == value]
        if known:
            extremes += [(0.0, min(known)), (0.0, max(known))]
    return shared_scale([extremes])
