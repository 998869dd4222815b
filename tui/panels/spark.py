"""One figure's recent past as cells, with the marks of changes in their own colour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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
        figure.history,
        width,
        start=start,
        end=end,
        marks=[mark.at.timestamp() for mark in marks],
        scale=shared_scale([one.history for one in together]),
    )
    cells: list[Cell] = []
    for place, piece in enumerate(text.split(MARK)):
        if place:
            cells.append((MARK, "outside"))
        if piece:
            cells.append((piece, "accent"))
    return cells
