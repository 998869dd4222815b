"""Frames: panels with titles, joined into one picture whose lines meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.redaction import shown
from tui.cells import Cell, Row, clipped, line, row_width

FRAME = "frame"


@dataclass(frozen=True, slots=True)
class Rule:
    """A panel's title, with the age of its data at the right end."""

    title: Row
    note: Row = ()


Line = Row | Rule


@dataclass(frozen=True, slots=True)
class Section:
    """A panel in a stack: its title, its rows, and how much of the height it is worth."""

    rule: Rule
    rows: Sequence[Row]
    least: int = 1
    """Rows that it gets before any other gets more."""
    grow: bool = False
    """Whether it takes what is left."""


def rule_row(rule: Rule, width: int, left: str, right: str) -> Row:
    """`left`── title ───────── note ─`right`, in exactly `width` cells."""
    room = max(0, width - len(left) - len(right))
    note: list[Cell] = [(" ", FRAME), *_safe(rule.note), (" ", FRAME)] if rule.note else []
    if row_width(note) + 4 > room:
        note = []
    space = room - row_width(note)
    title: list[Cell] = [(" ", FRAME), *_safe(rule.title), (" ", FRAME)] if rule.title else []
    lead = "" if left else "─"
    title = list(line(min(row_width(title), max(0, space - len(lead))), title)) if title else []
    dashes = max(0, space - len(lead) - row_width(title))
    return line(
        width,
        [(left + lead, FRAME), *title, ("─" * dashes, FRAME), *note, (right, FRAME)],
    )


def _safe(cells: Row) -> Row:
    return tuple((shown(text), style) for text, style in cells)


def boxed(lines: Sequence[Line], width: int, *, first: bool = True) -> list[Row]:
    """Lines within side borders; the first rule is the box's top where `first` says so."""
    rows: list[Row] = []
    inner = width - 4
    for number, item in enumerate(lines):
        if isinstance(item, Rule):
            top = first and number == 0
            rows.append(rule_row(item, width, "┌" if top else "├", "┐" if top else "┤"))
        else:
            rows.append((("│ ", FRAME), *line(inner, item), (" │", FRAME)))
    return rows


def columns(left: Sequence[Line], right: Sequence[Line], width: int, left_width: int) -> list[Row]:
    """Two stacks side by side below a box; `left_width` counts what is between two borders."""
    rows: list[Row] = []
    right_width = width - left_width - 3
    for number in range(max(len(left), len(right))):
        one = left[number] if number < len(left) else ()
        two = right[number] if number < len(right) else ()
        west, east = isinstance(one, Rule), isinstance(two, Rule)
        middle = "┼" if west and east else "┤" if west else "├" if east else "│"
        if number == 0 and west and east:
            middle = "┬"
        rows.append(
            (
                ("├" if west else "│", FRAME),
                *_half(one, left_width),
                (middle, FRAME),
                *_half(two, right_width),
                ("┤" if east else "│", FRAME),
            )
        )
    return rows


def _half(item: Line, width: int) -> Row:
    if isinstance(item, Rule):
        return rule_row(item, width, "", "")[:] if width > 2 else line(width, ())
    return line(width, ((" ", ""), *line(width - 2, item)))


def bottom(width: int, left_width: int | None = None) -> Row:
    if left_width is None:
        return (("└" + "─" * (width - 2) + "┘", FRAME),)
    return (("└" + "─" * left_width + "┴" + "─" * (width - left_width - 3) + "┘", FRAME),)


def shares(sections: Sequence[Section], height: int) -> list[int]:
    """Rows per section without its title, summing to at most `height` less the titles.

    Sections that do not even fit with their title get -1 and are left out, last ones first.
    """
    kept = len(sections)
    while kept and sum(1 + min(s.least, len(s.rows)) for s in sections[:kept]) > height:
        kept -= 1
    given = [min(s.least, len(s.rows)) for s in sections[:kept]]
    left = height - kept - sum(given)
    for number, section in enumerate(sections[:kept]):
        more = min(left, len(section.rows) - given[number])
        given[number] += more
        left -= more
    growing = [number for number in range(kept) if sections[number].grow]
    if growing and left > 0:
        given[growing[-1]] += left
    return given + [-1] * (len(sections) - kept)


def stack(sections: Sequence[Section], width: int, height: int) -> list[Line]:
    """The sections under each other, `width` cells of content, at most `height` lines."""
    lines: list[Line] = []
    for section, given in zip(sections, shares(sections, height), strict=True):
        if given >= 0:
            lines.append(section.rule)
            lines.extend(clipped(section.rows, width, given))
    return lines


def plain(lines: Sequence[Line], width: int) -> list[Row]:
    """Lines without borders, for a narrow terminal: titles are rules across the screen."""
    return [
        rule_row(item, width, "─", "─") if isinstance(item, Rule) else line(width, (_PAD, *item))
        for item in lines
    ]


_PAD: Cell = (" ", "")
