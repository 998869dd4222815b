"""Ways back: what one key would undo, or why there is nothing to undo."""

from __future__ import annotations

from core.history import WaysBack
from tui.cells import Row, line, wrap


def ways_back(ways: WaysBack, width: int, height: int, *, canary: str = "") -> list[Row]:
    """R and A with what each leads to, dimmed where it is not possible; what is known of a
    canary stands above them, since it is what the decision hangs on."""
    rows = [line(width, [(text, "accent")]) for text in wrap(canary, width)] if canary else []
    for key, said, can in (
        ("R", ways.rollback, ways.can_rollback),
        ("A", ways.abort, ways.can_abort),
    ):
        style = "" if can else "dim"
        lines = wrap(said, max(1, width - 4))
        arrow = " → " if can else " : "
        first = [(key, "key" if can else "dim"), (arrow, style), (lines[0], style)]
        rows.append(line(width, first))
        rows += [line(width, [("    ", ""), (text, style)]) for text in lines[1:]]
    return rows[: max(0, height)]
