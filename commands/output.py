"""What is printed: one JSON document, or tables for people; errors in one or two plain lines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TextIO

from commands.spec import Cell, Grid, Style
from core.errors import BackendError, ModeldeckError
from core.redaction import redacted, shown

FORMAT = 1
"""The number under "modeldeck": raised when a field is renamed or removed."""
PIPE_WIDTH = 200
_STYLES: Mapping[Style, str] = {
    "": "",
    "ok": "green",
    "warning": "yellow",
    "critical": "bold red",
    "unknown": "cyan",
    "dim": "dim",
    "strong": "bold",
}


def envelope(command: str, data: Any, error: ModeldeckError | None) -> dict[str, Any]:
    """The one JSON document of a command; "ok" is false for every exit code but 0."""
    document: dict[str, Any] = {"modeldeck": FORMAT, "command": command, "ok": error is None}
    if data is not None:
        document["data"] = data
    if error is not None:
        document["error"] = {
            "code": error.code,
            "message": shown(error.message),
            "backend": error.backend if isinstance(error, BackendError) else None,
            "hint": shown(error.hint) if error.hint else None,
        }
    return document


def print_json(document: Mapping[str, Any], out: TextIO | None = None) -> None:
    stream = out or sys.stdout
    stream.write(json.dumps(redacted(document), allow_nan=False, default=str) + "\n")
    stream.flush()


def print_error(error: ModeldeckError, out: TextIO | None = None) -> None:
    stream = out or sys.stderr
    for line in error.message.split("\n"):
        stream.write(f"modeldeck: {shown(line)}\n")
    if error.hint:
        stream.write(f"  {shown(error.hint)}\n")
    stream.flush()


def confirmed(question: str) -> bool:
    """Whether the person on the terminal said yes; the default answer is no."""
    print(f"{question} y/N: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def print_grids(grids: Sequence[Grid], *, color: bool | None = None) -> None:
    """Tables on standard output; as wide as they need to be where that is no terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    plain = color is False or bool(os.environ.get("NO_COLOR")) or not terminal
    console = Console(
        no_color=plain,
        highlight=False,
        markup=False,
        emoji=False,
        width=None if terminal else PIPE_WIDTH,
        force_terminal=terminal and not plain,
    )

    def text(cell: Cell) -> Text:
        words, style = cell if isinstance(cell, tuple) else (cell, "")
        return Text(shown(words), style="" if plain else _STYLES[style])

    for number, grid in enumerate(grids):
        if number:
            console.print()
        if grid.title:
            console.print(Text(shown(grid.title), style="" if plain else "bold"))
        if not grid.rows:
            if grid.empty:
                console.print(Text(shown(grid.empty)))
            continue
        if grid.verbatim:
            for row in grid.rows:
                sys.stdout.write("".join(text(cell).plain for cell in row) + "\n")
            continue
        table = Table(box=None, pad_edge=False, show_header=bool(grid.columns), header_style="")
        for index, name in enumerate(grid.columns or [""] * len(grid.rows[0])):
            justify: Literal["left", "right"] = "right" if index in grid.right else "left"
            table.add_column(
                Text(shown(name), style="" if plain else "dim"), justify=justify, overflow="fold"
            )
        for row in grid.rows:
            table.add_row(*(text(cell) for cell in row))
        console.print(table)
