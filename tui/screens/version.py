"""One version, with nothing left out: every check, every item, and the text of its model card."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from commands.sources.ledger import said_of
from core.card import FIELDS, Card
from core.gate import GateReport
from core.lineage import Lineage
from core.lineage_keys import TITLES
from core.text import clean
from core.versions import Version, version_name
from tui.cells import Cell, Row, blank, fill, fit, line, wrap
from tui.feeds import Feed
from tui.frame import Line, bottom, boxed, plain
from tui.panels.evidence import (
    MARKS,
    card_mark,
    gate_mark,
    lineage_mark,
    trouble_first,
    value_of,
    verdict_of,
)
from tui.panels.feed import section
from tui.panels.versions import chosen_of, outside
from tui.screens.scene import Picture, Scene
from tui.screens.service import choice_of
from tui.seam import SourceKind, VersionsView
from tui.words import ago

INDENT = 16
"""Cells of a verdict."""
MOST_TEXT = 400
"""Lines of a model card's field that are shown; `modeldeck card` prints all of it."""


def version(scene: Scene) -> Picture:
    """Scrolls; ← and → lead to the other versions of the service."""
    name = scene.service or ""
    width = scene.width - (4 if scene.wide else 2)
    feed: Feed[VersionsView] = scene.feed("versions", name)
    view = feed.value
    chosen = chosen_of(view, scene.cursor) if view is not None else None
    head = section(_title(name, chosen), feed, scene.now, width, lambda value, _s: _about(value, chosen, width, scene))  # fmt: skip
    lines: list[Line] = [head.rule, *head.rows]
    if chosen is not None:
        doubtful = feed.stale(scene.now)
        for what, kind, mark, draw in PARTS:
            found: Feed[Any] = scene.feed(kind, name, chosen.number)
            title: list[Cell] = [(what, "title")]
            if found.value is not None:
                title += [("  ", ""), mark(found.value, doubtful or found.stale(scene.now))]
            made = section(
                tuple(title), found, scene.now, width, partial(draw, width), stale=doubtful
            )
            lines += [made.rule, *made.rows]
    rows = (
        [*boxed(lines, scene.width), bottom(scene.width)]
        if scene.wide
        else plain(lines, scene.width)
    )
    top = max(0, min(scene.top, len(rows) - scene.height))
    choice = choice_of(view, chosen, top) if view is not None and chosen is not None else None
    return Picture(
        fill(rows[top:], scene.width, scene.height),
        service=scene.service,
        top=top,
        height=scene.height,
        length=len(rows),
        choice=choice,
    )


def _title(name: str, chosen: Version | None) -> str:
    return clean(f"{name} {version_name(chosen.number)}" if chosen is not None else name)


def _about(view: VersionsView, chosen: Version | None, width: int, scene: Scene) -> list[Row]:
    if chosen is None:
        return [line(width, [("the registry has no version of this model", "dim")])]
    stage = str(chosen.stage(view.champion_alias))
    parts = [stage, *(f"@{alias}" for alias in chosen.aliases), chosen.status]
    if chosen.created is not None:
        parts.append(f"made {ago(chosen.created, scene.now)} ago")
    if chosen.run_id:
        parts.append(f"run {chosen.run_id}")
    rows = _wrapped(" · ".join(parts), width)
    if chosen.blocked is not None:
        rows += _wrapped(f"▲ blocked: {chosen.blocked}", width, "warning")
    if (odd := chosen.disagreement(view.champion_alias)) is not None:
        rows += _wrapped(f"▲ {odd}", width, "warning")
    moved = outside(chosen, view)
    for text in moved:
        rows += _wrapped(f"▲ {text}", width, "outside")
    if view.chain is not None and not moved:
        for alias in chosen.aliases:
            if told := said_of(view.chain, alias, chosen.number):
                rows += _wrapped(told, width, "dim")
    if chosen.description:
        rows += _wrapped(chosen.description, width, "dim")[:4]
    return rows


def _wrapped(text: str, width: int, style: str = "", indent: int = 0) -> list[Row]:
    pad = " " * indent
    return [line(width, [(pad + part, style)]) for part in wrap(text, width - indent)]


def _gate(width: int, report: GateReport, stale: bool) -> list[Row]:
    rows: list[Row] = []
    for check in trouble_first(report):
        mark, style = verdict_of(check.verdict, stale)
        lines = wrap(f"{check.name}  {value_of(check)}", width - INDENT)
        heads = [(fit(mark, INDENT), style), *[(" " * INDENT, "")] * (len(lines) - 1)]
        rows += [
            line(width, [head, (text, "bold")]) for head, text in zip(heads, lines, strict=True)
        ]
        rows += _wrapped(check.evidence, width, "dim", INDENT) if check.evidence else []
    return rows or [line(width, [("the config asks this gate for nothing", "dim")])]


def _lineage(width: int, lineage: Lineage, stale: bool) -> list[Row]:
    rows: list[Row] = []
    for item in lineage.items:
        rows += _entry(item.verdict, TITLES[item.name], item.source, width, stale)
        if item.value:
            rows += _wrapped(item.value, width, "", INDENT)
        if item.because:
            style = "dim" if item.verdict == "present" else MARKS[item.verdict][1]
            rows += _wrapped(item.because, width, style, INDENT)
    return rows


def _card(width: int, card: Card, stale: bool) -> list[Row]:
    rows: list[Row] = []
    for field in card.fields:
        rows += _entry(field.verdict, FIELDS[field.name], field.source, width, stale)
        text = field.text.split("\n")
        for one in text[:MOST_TEXT] if field.text else []:
            rows += _wrapped(one, width, "", 4) if one.strip() else [blank(width)]
        if len(text) > MOST_TEXT:
            rows += _wrapped(f"… {len(text) - MOST_TEXT} more lines", width, "dim", 4)
        if field.because:
            rows += _wrapped(field.because, width, MARKS[field.verdict][1], INDENT)
    return rows


def _entry(verdict: str, title: str, source: str | None, width: int, stale: bool) -> list[Row]:
    mark, style = ("? was", "unknown") if stale else MARKS[verdict]
    cells: list[Cell] = [(fit(f"{mark} {verdict}", INDENT), style), (title, "bold")]
    if source:
        cells.append((f"  from {clean(source)}", "dim"))
    return [line(width, cells)]


PARTS: tuple[
    tuple[str, SourceKind, Callable[[Any, bool], Cell], Callable[[int, Any, bool], list[Row]]], ...
] = (
    ("Gate", "gate", gate_mark, _gate),
    ("Lineage", "lineage", lineage_mark, _lineage),
    ("Model card", "card", card_mark, _card),
)
