"""The keys, the signs and the rules, on one page."""

from __future__ import annotations

from core.status import GLYPH
from tui.cells import Cell, Row, fill, fit, line, wrap
from tui.frame import Line, Rule, bottom, boxed, plain
from tui.keys import KEYS
from tui.screens.scene import Picture, Scene
from tui.style import OF_STATE

_RULES = (
    "Capitals ask for a plan; nothing is changed before the plan was shown and y pressed. "
    "A held key confirms nothing, and the default is No.",
    "In a production environment a plan that goes away from the champion asks for the service's "
    "name to be typed. The way back never does.",
    "Unknown is never ok: a figure that nobody measures, and a value that is stale, stay unknown.",
    "OUTSIDE marks what changed without modeldeck, between the two polls that saw it.",
)


def help_page(scene: Scene) -> Picture:
    """Scrolls where it does not fit."""
    width = scene.width - (4 if scene.wide else 2)
    lines: list[Line] = [Rule((("Keys", "title"),))]
    lines += _keys(width)
    lines.append(Rule((("States", "title"),)))
    states: list[Cell] = []
    for state, glyph in GLYPH.items():
        states += [(f"{glyph} {state}", OF_STATE[state]), ("    ", "")]
    lines.append(line(width, states))
    lines.append(Rule((("Rules", "title"),)))
    for rule in _RULES:
        lines += [line(width, [(text, "")]) for text in wrap(rule, width)]
    rows = [*boxed(lines, scene.width), bottom(scene.width)] if scene.wide else plain(lines, scene.width)  # fmt: skip
    top = max(0, min(scene.top, len(rows) - scene.height))
    shown = fill(rows[top:], scene.width, scene.height)
    return Picture(shown, service=scene.service, top=top, height=scene.height, length=len(rows))


def _keys(width: int) -> list[Row]:
    many = 3 if width >= 110 else 2 if width >= 70 else 1
    each = width // many
    deep = -(-len(KEYS) // many)
    rows: list[Row] = []
    for place in range(deep):
        cells: list[Cell] = []
        for key in KEYS[place::deep]:
            cells += [(fit(key.shown, 6) + " ", "key"), (fit(key.does, each - 7), "")]
        rows.append(line(width, cells))
    return rows
