"""What speaks for the version that a plan promotes, and against it: short where all is well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.card import FIELDS, Card
from core.errors import ModeldeckError
from core.gate import GateReport
from core.lineage import Lineage
from core.lineage_keys import TITLES
from core.plan import Finding
from core.versions import version_name
from tui.cells import Cell, Row, fit, line, wrap
from tui.panels.evidence import (
    GATE_MARKS,
    bare_value,
    card_mark,
    gate_mark,
    lineage_mark,
    reasons,
    said,
    trouble_first,
    value_of,
)
from tui.seam import Readiness, TrafficView
from tui.words import share

LABEL = 9


def readiness_rows(ready: Readiness, width: int, findings: Sequence[Finding] = ()) -> list[Row]:
    """Gate, lineage, model card and traffic, each with its verdict first.

    The checks that the plan's own findings name are told there.
    """
    rows: list[Row] = []
    if isinstance(ready.gate, GateReport):
        rows += _gate("gate", ready.gate, width, findings)
    else:
        rows += _part("gate", ready.gate, width)
    rows += _part("lineage", ready.lineage, width)
    rows += _part("card", ready.card, width)
    if ready.traffic is not None:
        rows += _part("traffic", ready.traffic, width)
    return rows


def _part(label: str, found: Any, width: int) -> list[Row]:
    if isinstance(found, ModeldeckError):
        return _labelled(label, (f"? unreachable: {found.message}", "unknown"), width)
    if isinstance(found, Lineage):
        told = (
            (TITLES[i.name], i.verdict, i.because) for i in found.items if i.verdict != "present"
        )
        return [*_labelled(label, lineage_mark(found), width), *reasons(told, width)]
    if isinstance(found, Card):
        empty = ((FIELDS[f.name], f.verdict, f.because) for f in found.fields)
        return [*_labelled(label, card_mark(found), width), *reasons(empty, width)]
    return _traffic(label, found, width)


def _labelled(label: str, told: Cell, width: int) -> list[Row]:
    lines = wrap(told[0], max(8, width - LABEL))
    heads = [label, *[""] * (len(lines) - 1)]
    return [
        line(width, [(fit(head, LABEL), "dim"), (text, told[1])])
        for head, text in zip(heads, lines, strict=True)
    ]


def _gate(label: str, report: GateReport, width: int, findings: Sequence[Finding]) -> list[Row]:
    rows = _labelled(label, gate_mark(report), width)
    if report.verdict == "passed":
        good = "; ".join(f"{check.name} {bare_value(check)}" for check in report.checks)
        return rows + [line(width, [(f"    {text}", "dim")]) for text in wrap(good, width - 4)]
    for check in trouble_first(report):
        told = any(f.message.startswith(f"gate: {check.name} ") for f in findings)
        if check.verdict != "passed" and not told:
            text, style = GATE_MARKS[check.verdict]
            words = f"{check.name} {text.split(' ', 1)[1]}: {value_of(check)}: {check.evidence}"
            rows += said(words, width, (f"  {text[0]}", style), style)
    return rows


def _traffic(label: str, views: Sequence[TrafficView], width: int) -> list[Row]:
    parts = []
    for view in views:
        name = version_name(view.version) if view.version else f"slot {view.slot} empty"
        part = f"{name} {share(view.wanted)} %"
        if view.requests is not None and view.wanted:
            part += f" ({view.requests:,} requests, {view.errors or 0:,} errors)"
        if view.shadow:
            part += f", shadow {share(view.shadow)} %"
        parts.append(part)
    return _labelled(label, ("now " + (" · ".join(parts) or "nothing"), ""), width)
