"""The one widget of the console: immutable rows in, and only the cells that changed out."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual._compositor import ChopsUpdate, Compositor
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from core.redaction import shown
from tui.cells import Row, blank, fit_exact, width_of
from tui.style import style_of

NEAR = 8
"""Unchanged cells between two changes that cost less than moving the terminal's cursor."""


class LinePanel(Widget):
    """Shows rows that are already fitted to its width, and repaints what differs from before."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._rows: tuple[Row, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        return self._rows

    def show(self, rows: Sequence[Row]) -> int:
        """Replace the rows; how many of them had to be repainted."""
        before, self._rows = self._rows, tuple(rows)
        regions: list[Region] = []
        changed = 0
        for y in range(max(len(before), len(self._rows))):
            old = before[y] if y < len(before) else ()
            new = self._rows[y] if y < len(self._rows) else ()
            if old is new or old == new:
                continue
            changed += 1
            for start, end in changed_runs(old, new, self.size.width):
                regions.append(Region(start, y, end - start, 1))
        if regions:
            self.refresh(*regions)
        return changed

    def render_line(self, y: int) -> Strip:
        row = self._rows[y] if y < len(self._rows) else blank(self.size.width)
        return Strip([Segment(text, style_of(style)) for text, style in row])


def changed_runs(old: Row, new: Row, width: int) -> list[tuple[int, int]]:
    """The runs of terminal cells, from and to, in which two rows differ."""
    before, after = _cells(old), _cells(new)
    if before is None or after is None or len(before) != len(after):
        return [(0, width)]
    runs: list[tuple[int, int]] = []
    for at, (one, two) in enumerate(zip(before, after, strict=True)):
        if one != two:
            if runs and at - runs[-1][1] <= NEAR:
                runs[-1] = (runs[-1][0], at + 1)
            else:
                runs.append((at, at + 1))
    return runs


def _cells(row: Row) -> list[tuple[str, str]] | None:
    """One entry per terminal cell, or None where characters are not all one cell wide."""
    cells: list[tuple[str, str]] = []
    for text, style in row:
        if not text.isascii() and width_of(text) != len(text):
            return None
        cells.extend((character, style) for character in text)
    return cells


class RunsUpdate(ChopsUpdate):
    """Writes exactly the dirty cells; Textual's own begins at the widget's left edge."""

    def render_segments(self, console: object) -> str:
        from rich.control import Control

        out: list[str] = []
        for y, start, end in self.spans:
            for stop, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= end or stop <= start:
                    continue
                left, right = max(start, x), min(end, stop)
                out.append(Control.move_to(left, y).segment.text)
                out.append(strip.crop(left - x, right - x).render(console))  # type: ignore[arg-type]
        return "".join(out)


class RunsCompositor(Compositor):
    def render_partial_update(self) -> ChopsUpdate | None:
        update = super().render_partial_update()
        return update and RunsUpdate(update.chops, update.spans, update.chop_ends)


class RunsScreen(Screen[None], inherit_bindings=False):
    """A screen that writes runs of changed cells."""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = RunsCompositor()


class SafeFilter(LineFilter):
    """The last gate before the terminal: whatever could steer it is replaced.

    Texts are cleaned where they enter; this stands below every widget, Textual's own included.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        if all(shown(segment.text) == segment.text for segment in segments):
            return segments
        return [
            Segment(fit_exact(shown(text), width_of(text)), style) for text, style, _ in segments
        ]
