"""What a query in the command bar answered, as a page that scrolls."""

from __future__ import annotations

from tui.cells import fill, line
from tui.frame import Line, Rule, bottom, boxed, plain
from tui.panels.grid import grid_rows
from tui.screens.scene import Picture, Scene
from tui.seam import Answer


def answer_page(scene: Scene, answer: Answer) -> Picture:
    width = scene.width - (4 if scene.wide else 2)
    rows = grid_rows(answer.grids, width)
    room = scene.height - (2 if scene.wide else 1)
    top = max(0, min(scene.top, len(rows) - room))
    title = Rule(((answer.title, "title"),), ((f"$ {answer.line}", "accent"),))
    lines: list[Line] = [title, *fill(rows[top : top + room], width, room)]
    if len(rows) > top + room:
        lines[-1] = line(width, [(f"… {len(rows) - top - room} more rows", "dim")])
    body = [*boxed(lines, scene.width), bottom(scene.width)] if scene.wide else plain(lines, scene.width)  # fmt: skip
    return Picture(
        fill(body, scene.width, scene.height),
        service=scene.service,
        top=top,
        height=room,
        length=len(rows),
    )
