"""Figures of a service: now, on its last release, the limit, and the recent past with its marks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.figures import Figure
from core.status import GLYPH, State
from core.units import show_duration, show_value
from core.versions import version_name
from tui.cells import Cell, Row, fit, line
from tui.feeds import Feed
from tui.panels.spark import spark
from tui.seam import Instruments
from tui.style import OF_STATE

NUMBER = 9


def figures_title(feed: Feed[Instruments], window: float) -> str:
    """ "now / on r17 / limit, 15m"."""
    release = feed.value.release if feed.value is not None else None
    return f"now / on {release or 'release'} / limit, {show_duration(window)}"


def figure_rows(
    instruments: Instruments,
    width: int,
    height: int,
    now: datetime,
    *,
    window: float = 900.0,
    stale: bool = False,
) -> list[Row]:
    """A heading, then a figure per row; versions of one concept share one scale."""
    figures = shown(instruments.figures)
    if not figures:
        return [line(width, [("nothing measures this service", "dim")])][: max(0, height)]
    with_base = instruments.release is not None and width >= 46
    with_limit = width >= 36
    title = max(14, min(26, width // 4))
    trail = width - title - 2 - NUMBER * (1 + with_base + with_limit) - 2
    heads = [fit("", title + 2), fit("now", NUMBER, ">")]
    if with_base:
        heads.append(fit(f"on {instruments.release}", NUMBER, ">"))
    if with_limit:
        heads.append(fit("limit", NUMBER, ">"))
    rows = [line(width, [("".join(heads), "dim")])]
    for figure in figures:
        state = State.UNKNOWN if stale else figure.state
        style = OF_STATE[state]
        value = show_value(figure.value, figure.unit)
        cells: list[Cell] = [
            (f"{GLYPH[state]} ", style),
            (fit(_title(figure), title), ""),
            (fit(value, NUMBER, ">"), style if state is not State.OK else ""),
        ]
        if with_base:
            base = instruments.baseline.get((figure.concept, figure.version))
            cells.append((fit(show_value(base, figure.unit), NUMBER, ">"), "dim"))
        if with_limit:
            cells.append((fit(figure.limit_text, NUMBER, ">"), "dim"))
        if figure.value is None and figure.why:
            cells.append(("  " + fit(figure.why, max(0, trail)), "dim"))
        elif trail >= 8:
            together = [f for f in figures if f.concept == figure.concept]
            cells.append(("  ", ""))
            cells += spark(figure, together, instruments.marks, min(trail, 40), now, window)
        rows.append(line(width, cells))
    return rows[: max(0, height)]


def shown(figures: Sequence[Figure]) -> list[Figure]:
    """The whole service's figures, and each version's where there is more than one; worst first.

    What nobody can tell stands last: it must not push a figure off the screen.
    """
    versions = {f.version for f in figures if f.version is not None}
    kept = [f for f in figures if f.version is None or len(versions) > 1]
    order = {State.CRITICAL: 0, State.WARNING: 1, State.OK: 2, State.UNKNOWN: 3}
    worst: dict[str, int] = {}
    for figure in kept:
        rank = order[figure.state]
        worst[figure.concept] = min(worst.get(figure.concept, 9), rank)
    return sorted(kept, key=lambda f: worst[f.concept])


def _title(figure: Figure) -> str:
    if figure.version is None:
        return figure.title
    # The row of the whole service above it names the concept.
    return f"   {version_name(figure.version)}"
