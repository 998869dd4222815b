"""Sparklines: a figure's recent past in one row of cells, with the marks of changes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

CELLS = "▁▂▃▄▅▆▇█"
MARK = "¦"
ASCII_CELLS = "_.:-=+*#"
ASCII_MARK = "|"
GAP = " "

Point = tuple[float, float | None]
"""(seconds since the epoch, value); None or NaN where nobody could tell."""
Scale = tuple[float, float]
"""The values of the lowest and of the highest cell."""


def sparkline(
    points: Sequence[Point],
    width: int,
    *,
    start: float | None = None,
    end: float | None = None,
    marks: Iterable[float] = (),
    scale: Scale | None = None,
    ascii_only: bool = False,
    hold: float = 45.0,
) -> str:
    """Exactly `width` cells from `start` to `end`, in seconds since the epoch; by default from the
    first point to the last.

    `points` are in order of time. A cell shows the highest of its values, so that no peak is lost;
    a cell between two polls shows the last value for up to `hold` seconds, and after that, or
    after a None, a gap. A mark stands in place of the cell of its time. `scale` is shared by
    figures that are compared; without it the line has its own, `shared_scale([points])`.
    """
    if width <= 0:
        return ""
    begins = start if start is not None else (points[0][0] if points else 0.0)
    ends = end if end is not None else (points[-1][0] if points else begins)
    cell = (ends - begins) / width
    glyphs, mark = (ASCII_CELLS, ASCII_MARK) if ascii_only else (CELLS, MARK)
    low, high = scale or shared_scale([points])
    row = [
        GAP if value is None else glyphs[_level(value, low, high)]
        for value in _cells(points, width, begins, cell, hold)
    ]
    for at in marks:
        index = _index(at, begins, cell, width)
        if index is not None:
            row[index] = mark
    return "".join(row)


def shared_scale(lines: Iterable[Sequence[Point]]) -> Scale:
    """From 0 (or the lowest value, where one is below) to the highest: half as high is half as
    much. All values equal to 0 lie at the bottom."""
    values = [v for line in lines for _, v in line if v is not None and math.isfinite(v)]
    return min(0.0, *values) if values else 0.0, max(0.0, *values) if values else 0.0


def _cells(
    points: Sequence[Point], width: int, begins: float, cell: float, hold: float
) -> list[float | None]:
    """The highest value in each cell, or the last one before it while it holds."""
    highest: list[float | None] = [None] * width
    known = [False] * width
    last: list[Point | None] = [None] * width
    before: Point | None = None
    for at, raw in points:
        value = None if raw is None or math.isnan(raw) else raw
        index = _index(at, begins, cell, width)
        if index is None:
            if at < begins:
                before = (at, value)
            continue
        known[index] = True
        last[index] = (at, value)
        now = highest[index]
        if value is not None and (now is None or value > now):
            highest[index] = value
    for index in range(width):
        if known[index]:
            before = last[index]
        elif before is not None and begins + index * cell - before[0] <= hold:
            highest[index] = before[1]
    # What comes after the last point is not known yet.
    newest = max((i for i in range(width) if known[i]), default=-1)
    return [value if i <= newest else None for i, value in enumerate(highest)]


def _index(at: float, begins: float, cell: float, width: int) -> int | None:
    """The cell of a time; the very end belongs to the last one."""
    if not math.isfinite(at):
        return None
    if cell <= 0:
        return width - 1 if at == begins else None
    offset = (at - begins) / cell
    if offset < 0 or offset > width:
        return None
    return min(int(offset), width - 1)


def _level(value: float, low: float, high: float) -> int:
    top = len(CELLS) - 1
    if high <= low:
        return 0 if value <= high else top
    share = (value - low) / (high - low)
    return round(max(0.0, min(1.0, share)) * top)
