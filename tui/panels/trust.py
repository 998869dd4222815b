"""What there is to trust: the releases that served, and the gate's checks with their evidence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.gate import GateReport
from core.units import parse_time
from core.versions import version_name
from tui.cells import Cell, Row, fit, line
from tui.seam import ReleaseView
from tui.words import moment

ROOMY = 76
"""Cells from which on there is room for a sentence at a row's end."""


def release_rows(views: Sequence[ReleaseView], width: int, height: int, now: datetime) -> list[Row]:
    """A release per row, newest first: good or not, what served, who made it."""
    if not views:
        return [line(width, [("no release yet", "dim")])][: max(0, height)]
    rows: list[Row] = []
    for view in views:
        good: Cell = ("? not watched", "unknown")
        if view.good is not None:
            good = ("✔ good", "ok") if view.good else ("▲ not good", "warning")
        when = moment(parse_time(view.taken), now)
        cells: list[Cell] = [
            (fit(view.name, 5) + " ", "bold"),
            (fit("LIVE" if view.live else "", 5), "accent"),
            (fit(good[0], 14), good[1]),
            (fit(version_name(view.version), 6) + " ", ""),
            (fit(when, 12), "dim"),
            (fit(view.by, 10) + " ", ""),
        ]
        rows += _with_tail(cells, view.contents, width, 54)
    return rows[: max(0, height)]


def _with_tail(cells: list[Cell], tail: str, width: int, used: int) -> list[Row]:
    """The tail at the row's end, or in a row of its own where it would be cut to nothing."""
    if width >= ROOMY:
        return [line(width, [*cells, (fit(tail, width - used), "dim")])]
    rows = [line(width, cells)]
    return [*rows, line(width, [("    " + fit(tail, width - 4), "dim")])] if tail else rows


_VERDICTS: dict[str, Cell] = {
    "passed": ("✔ passed", "ok"),
    "failed": ("✖ FAILED", "critical"),
    "no_evidence": ("? no evidence", "unknown"),
}


_TROUBLE_FIRST = ("failed", "no_evidence", "passed")


def gate_rows(reports: Sequence[GateReport], width: int, height: int) -> list[Row]:
    """Per candidate its verdict, then each check with value, limit and evidence, trouble first."""
    if not reports:
        return [line(width, [("no candidate in Staging", "dim")])][: max(0, height)]
    rows: list[Row] = []
    for report in reports:
        text, style = _VERDICTS[report.verdict]
        rows.append(
            line(width, [(fit(version_name(report.version), 10) + " ", "bold"), (text, style)])
        )
        checks = sorted(report.checks, key=lambda check: _TROUBLE_FIRST.index(check.verdict))
        longest = max((len(check.name) for check in checks), default=0)
        named = min(max(9, longest), max(9, width // 4))
        for check in checks:
            text, style = _VERDICTS[check.verdict]
            value = f"{check.value:.4g}" if isinstance(check.value, float) else check.value or "–"
            shown = f"{value} {f'({check.limit})' if check.limit else ''}"
            cells: list[Cell] = [
                ("  " + fit(check.name, named) + " ", ""),
                (fit(text, 14), style),
                (fit(shown, 22) + " ", ""),
            ]
            evidence = check.evidence if check.verdict != "passed" or width >= ROOMY else ""
            rows += _with_tail(cells, evidence, width, named + 40)
    return rows[: max(0, height)]
