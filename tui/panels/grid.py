"""A query's answer: the same tables that the command line prints, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.cells import Cell, Row, blank, fit, line, width_of, wrap

if TYPE_CHECKING:
    from commands.spec import Cell as GridCell
    from commands.spec import Grid

_STYLES = {"strong": "bold"}
GAP = 2


def grid_rows(grids: Sequence[Grid], width: int) -> list[Row]:
    """Every table under its title, however many rows that takes."""
    rows: list[Row] = []
    for grid in grids:
        if rows:
            rows.append(blank(width))
        if grid.title:
            rows += [line(width, [(text, "title")]) for text in wrap(grid.title, width)]
        if not grid.rows:
            rows += [line(width, [(t, "dim")]) for t in wrap(grid.empty or "nothing", width)]
            continue
        widths = column_widths(grid, width)
        if any(grid.columns):
            rows.append(_row(grid.columns, widths, grid.right, width, heading=True))
        rows += [_row(cells, widths, grid.right, width) for cells in grid.rows]
    return rows


def column_widths(grid: Grid, width: int) -> list[int]:
    """What each column needs, the widest ones shortened until the row fits."""
    count = max(len(grid.columns), *(len(row) for row in grid.rows))
    needed = [0] * count
    for row in [grid.columns, *grid.rows]:
        for place, cell in enumerate(row):
            needed[place] = max(needed[place], width_of(_text(cell)))
    while sum(needed) + GAP * (count - 1) > width and max(needed) > 4:
        needed[needed.index(max(needed))] -= 1
    return needed


def _text(cell: GridCell) -> str:
    from core.text import clean

    return clean(cell if isinstance(cell, str) else cell[0])


def _row(
    cells: Sequence[GridCell],
    widths: Sequence[int],
    right: frozenset[int],
    width: int,
    *,
    heading: bool = False,
) -> Row:
    found: list[Cell] = []
    for place, cell in enumerate(cells):
        name = "dim" if heading else "" if isinstance(cell, str) else cell[1]
        shown = fit(_text(cell), widths[place], ">" if place in right else "<")
        found += [(shown, _STYLES.get(name, name)), (" " * GAP, "")]
    return line(width, found)
