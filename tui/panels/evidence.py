"""What speaks for one version: the gate's checks, its lineage, its model card; trouble in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from core.card import FIELDS, Card
from core.gate import Check, GateReport
from core.lineage import Lineage
from core.lineage_keys import TITLES
from core.text import clean
from tui.cells import Cell, Row, fit, line, width_of, wrap

ROOMY = 76
"""Cells from which on there is room for a sentence at a row's end."""
TWO_COLUMNS = 50
LEGIBLE = 12
"""Cells in which the beginning of a sentence still says something."""
NAMED = 3
"""Titles that one reason names."""
MOST_LINES = 3
"""Lines that one reason may take; the version's page has all of it."""

GATE_MARKS: Mapping[str, Cell] = {
    "passed": ("✔ passed", "ok"),
    "failed": ("✖ FAILED", "critical"),
    "no_evidence": ("? no evidence", "unknown"),
}
MARKS: Mapping[str, Cell] = {
    "present": ("✔", "ok"),
    "missing": ("✖", "critical"),
    "broken": ("✖", "critical"),
    "empty": ("✖", "critical"),
    "unreachable": ("?", "unknown"),
}
"""Of an item of the lineage and of a field of the card."""

_TROUBLE_FIRST = ("failed", "no_evidence", "passed")


def with_tail(cells: Sequence[Cell], tail: str, width: int, used: int) -> list[Row]:
    """The tail at the row's end, or in a row of its own where it would be cut to nothing."""
    if width >= ROOMY:
        return [line(width, [*cells, (fit(tail, width - used), "dim")])]
    rows = [line(width, cells)]
    return [*rows, line(width, [("    " + fit(tail, width - 4), "dim")])] if tail else rows


def trouble_first(report: GateReport) -> list[Check]:
    return sorted(report.checks, key=lambda check: _TROUBLE_FIRST.index(check.verdict))


def value_of(check: Check) -> str:
    """ "0.983 (>= 0.95)"."""
    value = bare_value(check)
    return f"{value} ({clean(check.limit)})" if check.limit else value


def bare_value(check: Check) -> str:
    """The value alone, "–" where there is none."""
    return clean(f"{check.value:.4g}" if isinstance(check.value, float) else check.value or "–")


def gate_mark(report: GateReport, stale: bool = False) -> Cell:
    """The verdict, and how many checks pass."""
    text, style = verdict_of(report.verdict, stale)
    if not report.checks:
        return ("? no check is configured", style)
    return (f"{text}, {report.tally}", style)


def verdict_of(verdict: str, stale: bool) -> Cell:
    """What was known once is not known now."""
    text, style = GATE_MARKS[verdict]
    return (f"? was {text.split(' ', 1)[1]}", "unknown") if stale else (text, style)


def gate_rows(report: GateReport, width: int, height: int, *, stale: bool = False) -> list[Row]:
    """A check per row with its value and limit, trouble first; below trouble its evidence."""
    rows: list[Row] = []
    checks = trouble_first(report)
    if not checks:
        return [line(width, [("the config asks this gate for nothing", "dim")])][: max(0, height)]
    named = min(max(width_of(clean(check.name)) for check in checks), max(9, width * 2 // 5))
    for check in checks:
        text, style = verdict_of(check.verdict, stale)
        mark, word = text.split(" ", 1)
        told = value_of(check)
        cells: list[Cell] = [(mark + " ", style), (fit(check.name, named) + "  ", "")]
        if check.verdict == "passed" and not stale:
            cells.append((fit(told, min(width_of(told), width - named - 4)), ""))
            rest = width - named - width_of(told) - 6
            tail = fit(check.evidence, rest) if rest >= LEGIBLE else ""
            rows.append(line(width, [*cells, ("  ", ""), (tail, "dim")]))
        else:
            rows.append(line(width, [*cells, (word + "  ", style), (told, "")]))
            rows += said(check.evidence, width)
    if len(rows) > height > 0:
        more = f"… {len(rows) - height + 1} more rows: enter"
        rows = [*rows[: height - 1], line(width, [(more, "dim")])]
    return rows[: max(0, height)]


def said(text: str, width: int, mark: Cell = ("", ""), style: str = "dim") -> list[Row]:
    """A reason in a few indented rows."""
    lines = wrap(text, width - 4)
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], lines[MOST_LINES - 1] + "…"]
    first = fit(mark[0], 4) if mark[0] else "    "
    heads = [(first, mark[1])] + [("    ", "")] * (len(lines) - 1)
    return [line(width, [head, (part, style)]) for head, part in zip(heads, lines, strict=True)]


def lineage_mark(lineage: Lineage, stale: bool = False) -> Cell:
    """ "✔ 10 of 10 present", under the sign of the worst item."""
    return _counted([item.verdict for item in lineage.items], stale)


def card_mark(card: Card, stale: bool = False) -> Cell:
    """The same of the fields."""
    return _counted([field.verdict for field in card.fields], stale)


def _counted(verdicts: Sequence[str], stale: bool) -> Cell:
    worst = next((word for word in MARKS if word in verdicts and word != "present"), "present")
    glyph, style = ("?", "unknown") if stale else MARKS[worst]
    was = "was " if stale else ""
    return (f"{glyph} {was}{verdicts.count('present')} of {len(verdicts)} present", style)


def lineage_rows(lineage: Lineage, width: int, height: int, *, stale: bool = False) -> list[Row]:
    """The ten items, always in the same places, and below them why any is not present."""
    entries = [
        _entry(
            TITLES[item.name],
            item.verdict,
            clean(item.value or "") if item.verdict == "present" else item.verdict,
            stale,
        )
        for item in lineage.items
    ]
    each = (width - 2) // 2
    rows = _places(entries, width, each)
    rows += reasons(
        ((TITLES[item.name], item.verdict, item.because) for item in lineage.items), width
    )
    return rows[: max(0, height)]


def card_rows(card: Card, width: int, height: int, *, stale: bool = False) -> list[Row]:
    """The seven fields, always in the same places, and below them why any is not filled."""
    entries = [
        _entry(FIELDS[field.name], field.verdict, "" if field.verdict == "present" else field.verdict, stale)
        for field in card.fields
    ]  # fmt: skip
    widest = max((width_of(title) for _, title, _ in entries), default=0)
    rows = _places(entries, width, max(width // 2, min(widest + 3, width * 2 // 3)))
    rows += reasons(
        ((FIELDS[field.name], field.verdict, field.because) for field in card.fields), width
    )
    return rows[: max(0, height)]


_Entry = tuple[Cell, str, Cell]
"""A mark, a title, and a word or a value."""


def _entry(title: str, verdict: str, word: str, stale: bool) -> _Entry:
    mark, style = ("?", "unknown") if stale else MARKS[verdict]
    return ((mark, style), title, (word, "dim" if verdict == "present" else style))


def _places(entries: Sequence[_Entry], width: int, first: int) -> list[Row]:
    """Down the first column, then down the second one, where there is room for two."""
    if width < TWO_COLUMNS:
        return [line(width, _placed(entry, width)) for entry in entries]
    deep = -(-len(entries) // 2)
    rows = []
    for place in range(deep):
        cells = _placed(entries[place], first)
        if place + deep < len(entries):
            cells = [*cells, ("  ", ""), *_placed(entries[place + deep], width - first - 2)]
        rows.append(line(width, cells))
    return rows


def _placed(entry: _Entry, width: int) -> list[Cell]:
    (mark, style), title, (word, word_style) = entry
    named = min(17, width - 2) if width_of(title) <= 17 else min(width_of(title), width - 2)
    rest = width - 3 - named
    return [(mark + " ", style), (fit(title, named), ""), (" ", ""), (fit(word, rest), word_style)]


def reasons(found: Iterable[tuple[str, str, str]], width: int) -> list[Row]:
    """Of (title, verdict, because): what shares a reason says it once, under its verdict."""
    groups: dict[tuple[str, str], list[str]] = {}
    for title, verdict, because in found:
        if because or verdict != "present":
            groups.setdefault((verdict, because), []).append(title)
    rows: list[Row] = []
    for (verdict, because), titles in sorted(groups.items(), key=lambda group: group[0][0] == "present"):  # fmt: skip
        mark, style = MARKS[verdict]
        # The reason is to be seen; which they are, the marks say too.
        more = f" and {len(titles) - NAMED} more" if len(titles) > NAMED + 1 else ""
        named = ", ".join(titles[:NAMED] if more else titles) + more
        if verdict == "present":
            rows += said(f"{named}: {because}", width, style="dim")
        else:
            why = f": {because}" if because else ""
            rows += said(f"{verdict} {named}{why}", width, (f"  {mark}", style), style)
    return rows
