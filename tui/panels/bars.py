"""The first and the last line of the screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tui.cells import Cell, Row, fit, line, row_width, short
from tui.feeds import Feed, coarse
from tui.seam import Facts


def header(
    facts: Facts,
    feeds: Sequence[Feed[object]],
    width: int,
    now: datetime,
    *,
    paused: bool = False,
    approvals: int = 0,
) -> Row:
    """Where one is, who one is, whether one may write, how the sources are; the clock at the end.

    `approvals` is how many requests wait for an answer.
    """
    narrow = width < 100
    clock = f"{now:%H:%M:%S} UTC "
    banner: list[Cell] = [(" ", "")]
    if not narrow:
        banner.append(("modeldeck ", "bold"))
    banner.append((f"{short(facts.environment, 20)} ", ""))
    if facts.production:
        banner.append((" PRODUCTION ", "danger"))
    mode = ("READ-ONLY", "safe") if facts.read_only else ("WRITE", "warning")
    banner += [(f" {short(facts.actor, 24)} ", ""), mode, (" ", "")]
    if paused:
        banner.append((" PAUSED: p goes on ", "notice"))
    parts: list[list[Cell]] = [[(f"approvals {approvals}", "warning")]] if approvals else []
    parts += [_sources(feeds, now, narrow)]
    parts += [[(short(note, 60), "dim")] for note in facts.notes]
    room = width - len(clock)
    for part in parts:
        cells: list[Cell] = [("│ " if not narrow else " ", "frame"), *part, (" ", "")]
        if row_width(banner) + row_width(cells) <= room:
            banner += cells
    return (*line(room, banner), *line(min(width, len(clock)), [(clock, "")]))


def _sources(feeds: Sequence[Feed[object]], now: datetime, narrow: bool) -> list[Cell]:
    failed = sum(feed.dead() for feed in feeds)
    late = [feed for feed in feeds if not feed.dead() and feed.stale(now)]
    waiting = sum(feed.value is None and not feed.dead() for feed in feeds)
    part = sum(feed.in_part() for feed in feeds if feed not in late)
    fine = len(feeds) - failed - len(late) - waiting - part
    cells: list[Cell] = [] if narrow else [("sources", "")]
    if not narrow or not (failed or late or waiting or part):
        cells.append((f" {fine} ok" if not narrow else f"{fine} sources ok", ""))
    if waiting:
        cells.append((f" {waiting} asked", "dim"))
    if failed:
        cells.append((f" {failed} DOWN", "critical"))
    if part:
        cells.append((f" {part} IN PART", "warning"))
    if late:
        oldest = max(feed.snapshot.age(now) or 0.0 for feed in late)
        cells.append((f" {len(late)} STALE {coarse(oldest)}", "warning"))
    return cells


def footer(keys: Sequence[tuple[str, str]], width: int, message: Cell | None = None) -> Row:
    """The keys that do something here; a message of the console takes their place for a while."""
    if message is not None:
        return line(width, [(" ", ""), (fit(message[0], width - 2), message[1]), (" ", "")])
    cells: list[Cell] = [(" ", "")]
    # The last key leads to all others, so that it stays when there is no room for those.
    *some, last = keys
    end: list[Cell] = [(last[0], "key"), (f" {last[1]}", "")]
    for key in some:
        if row_width(cells) + row_width(_key(key)) + row_width(end) > width:
            break
        cells += _key(key)
    return line(width, [*cells, *end])


def _key(key: tuple[str, str]) -> list[Cell]:
    return [(key[0], "key"), (f" {key[1]}   ", "")]
