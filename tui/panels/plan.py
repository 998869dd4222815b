"""A plan as the operator must see it before it runs, and the same sets while they happen."""

from __future__ import annotations

from collections.abc import Mapping

from core.plan import Set
from core.refs import Ref, show
from tui.cells import Cell, Row, fit, line, width_of, wrap
from tui.panels.readiness import readiness_rows
from tui.seam import Progress, Proposal

_STATES: dict[str, Cell] = {
    "waiting": ("·", "dim"),
    "writing": ("…", "accent"),
    "done": ("✔", "ok"),
    "undoing": ("…", "warning"),
    "undone": ("↶", "warning"),
    "failed": ("✖", "critical"),
    "stranger": ("▲", "warning"),
}
_WORDS = {"undone": "put back", "failed": "FAILED", "stranger": "somebody else's value, left so"}
_LEVELS = {"info": "", "warning": "warning", "refused": "critical"}


def plan_rows(
    proposal: Proposal,
    width: int,
    *,
    cursor: Ref | None = None,
    left_out: frozenset[Ref] = frozenset(),
    states: Mapping[Ref, Progress] | None = None,
) -> list[Row]:
    """All that the box says of the plan, without its keys, in as many rows as it takes.

    Before the plan runs `states` is None; then it holds what became of each set.
    """
    plan = proposal.plan
    rows = [line(width, [(text, "bold")]) for text in wrap(plan.title, width)]
    for item in plan.sets:
        rows += _set(item, plan.sets, width, item.ref == cursor, item.ref in left_out, states)
    if not plan.sets:
        rows.append(line(width, [("nothing would be set: everything is already so", "dim")]))
    if proposal.readiness is not None and states is None:
        rows += readiness_rows(proposal.readiness, width, plan.findings)
    for finding in plan.findings:
        mark = {"info": "  ", "warning": "▲ ", "refused": "✖ "}[finding.level]
        rows += _wrapped(mark, finding.message, width, _LEVELS[finding.level])
        if finding.hint:
            rows += _wrapped("  ", finding.hint, width, "dim")
    for note in proposal.notes:
        rows += _wrapped("", note, width, "")
    if proposal.reason:
        rows += _wrapped("reason: ", proposal.reason, width, "")
    rows += _wrapped("$ ", proposal.line, width, "accent")
    return rows


def _wrapped(mark: str, text: str, width: int, style: str) -> list[Row]:
    lines = wrap(text, max(1, width - len(mark)))
    heads = [mark] + [" " * len(mark)] * (len(lines) - 1)
    return [line(width, [(head + part, style)]) for head, part in zip(heads, lines, strict=True)]


def _set(
    item: Set,
    every: tuple[Set, ...],
    width: int,
    chosen: bool,
    left_out: bool,
    states: Mapping[Ref, Progress] | None,
) -> list[Row]:
    """One set in a row, or in two where the values are long."""
    mark: Cell = ("□ ", "dim") if left_out else ("■ ", "")
    note = "" if item.guarded else "unguarded"
    note_style = "warning"
    if states is not None:
        progress = states.get(item.ref)
        glyph, style = _STATES[progress.state if progress else "waiting"]
        mark = (f"{glyph} ", style)
        note = ""
        if progress is not None:
            note = progress.note or _WORDS.get(progress.state, "")
            note_style = style
    dim = "dim" if left_out else ""
    ref_style = "cursor" if chosen else dim
    before, after = show(item.before), show(item.after)
    ref_width = max(width_of(str(s.ref)) for s in every)
    before_width = max(width_of(show(s.before)) for s in every)
    after_width = max(width_of(show(s.after)) for s in every)
    values = before_width + after_width + 5
    if 2 + ref_width + 2 + values + (len(note) + 2 if note else 0) <= width:
        cells: list[Cell] = [
            mark,
            (fit(item.ref, ref_width), ref_style),
            ("  ", ""),
            (fit(before, before_width), dim),
            ("  →  ", dim),
            (fit(after, after_width), dim or "bold"),
        ]
        if note:
            cells.append(("  " + fit(note, width_of(note)), note_style))
        return [line(width, cells)]
    rows = [line(width, [mark, (fit(item.ref, max(0, width - 2)).rstrip(), ref_style)])]
    rows += _wrapped("    ", f"{before}  →  {after}", width, dim or "bold")
    if note:
        rows += _wrapped("    ", note, width, note_style)
    return rows
