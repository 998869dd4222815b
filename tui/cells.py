"""Rows of styled cells with exact widths: what panels return and the line panel paints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.cells import cell_len, set_cell_size

from core.redaction import shown

Cell = tuple[str, str]
"""A text that is safe to show, and the names of its styles separated by spaces."""
Row = tuple[Cell, ...]
Align = Literal["<", ">", "^"]

MANY_MARKS = 4
"""Characters per terminal cell beyond which a text is cut: combining marks have no width."""


def width_of(text: str) -> int:
    """Terminal cells that the text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: object, width: int, align: Align = "<") -> str:
    """The text, made harmless, in exactly `width` cells; what does not fit ends in "…"."""
    if width <= 0:
        return ""
    safe = shown(text)
    if len(safe) > width * MANY_MARKS:
        safe = safe[: width * MANY_MARKS] + "…"
    taken = width_of(safe)
    if taken > width:
        safe = set_cell_size(safe, width - 1) + "…"
        taken = width_of(safe)
    spare = width - taken
    if not spare:
        return safe
    if align == ">":
        return " " * spare + safe
    if align == "^":
        return " " * (spare // 2) + safe + " " * (spare - spare // 2)
    return safe + " " * spare


def short(text: object, most: int) -> str:
    """The text, made harmless, in at most `most` cells."""
    safe = shown(text)
    return safe if len(safe) <= most and width_of(safe) <= most else fit(safe, most).rstrip()


def row_width(row: Iterable[Cell]) -> int:
    return sum(width_of(text) for text, _ in row)


def line(width: int, cells: Iterable[Cell]) -> Row:
    """The cells as a row of exactly `width`: cut at its end, or filled up with blanks."""
    kept: list[Cell] = []
    left = width
    for text, style in cells:
        if left <= 0:
            break
        taken = width_of(text)
        if taken > left:
            text, taken = fit(text, left), left
        if text:
            kept.append((text, style))
        left -= taken
    if left > 0:
        kept.append((" " * left, ""))
    return tuple(kept)


def blank(width: int) -> Row:
    return ((" " * width, ""),) if width > 0 else ()


def restyle(row: Row, extra: str) -> Row:
    """The row with further style names on every cell."""
    return tuple((text, f"{style} {extra}" if style else extra) for text, style in row)


def fill(rows: Sequence[Row], width: int, height: int) -> list[Row]:
    """Exactly `height` rows: the first ones, or with blanks below."""
    kept = list(rows[: max(0, height)])
    kept.extend(blank(width) for _ in range(height - len(kept)))
    return kept


def clipped(rows: Sequence[Row], width: int, height: int) -> list[Row]:
    """Exactly `height` rows; where there are more, the last one says how many."""
    if len(rows) <= height or height <= 0:
        return fill(rows, width, height)
    more = line(width, [(f"… {len(rows) - height + 1} more", "dim")])
    return [*rows[: height - 1], more]


def cut(row: Row, start: int, end: int) -> Row:
    """The part of the row from one terminal cell to another; halved wide characters are blanks."""
    kept: list[Cell] = []
    at = 0
    for text, style in row:
        taken = width_of(text)
        if at + taken > start and at < end:
            piece, left = text, max(0, start - at)
            right = min(taken, end - at)
            if left or right < taken:
                piece = text[left:right] if text.isascii() else _slice(text, left, right)
            if piece:
                kept.append((piece, style))
        at += taken
    return tuple(kept)


def _slice(text: str, left: int, right: int) -> str:
    head = set_cell_size(text, right)
    skipped = set_cell_size(head, left)
    rest = head[len(skipped) :] if head.startswith(skipped) else ""
    return fit_exact(rest, right - left)


def fit_exact(text: str, width: int) -> str:
    return set_cell_size(text, width)


def overlay(rows: Sequence[Row], box: Sequence[Row], x: int, y: int, width: int) -> list[Row]:
    """The rows with a box laid over them, its top left cell at (x, y)."""
    laid = list(rows)
    for offset, row in enumerate(box):
        at = y + offset
        if 0 <= at < len(laid):
            end = x + row_width(row)
            laid[at] = (*cut(laid[at], 0, x), *row, *cut(laid[at], end, width))
    return laid


def wrap(text: object, width: int) -> list[str]:
    """The text, made harmless, in lines of at most `width` cells, broken at blanks."""
    from textwrap import wrap as break_lines

    return break_lines(shown(text), max(1, width), break_on_hyphens=False) or [""]
