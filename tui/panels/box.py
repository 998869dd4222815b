"""The plan box as rows: what is planned, what a key would do now, what happens, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from core.errors import ModeldeckError
from core.refs import Ref
from core.text import clean
from tui.cells import Cell, Row, line, row_width, wrap
from tui.frame import Rule
from tui.panels.plan import plan_rows
from tui.seam import Facts, Outcome, Progress, Proposal

Phase = Literal["closed", "asking", "shown", "applying", "ended", "failed"]


@dataclass(frozen=True, slots=True)
class BoxView:
    """All that the box shows. `whole` is the plan as proposed, `proposal` what is left of it."""

    phase: Phase
    facts: Facts
    line: str
    whole: Proposal | None = None
    proposal: Proposal | None = None
    cursor: Ref | None = None
    left_out: frozenset[Ref] = frozenset()
    parts: bool = False
    """Whether parts may be left out."""
    word: str = ""
    typed: str = ""
    states: Mapping[Ref, Progress] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    outcome: Outcome | None = None
    error: ModeldeckError | None = None
    hint: str = ""

    @property
    def refused(self) -> bool:
        return self.proposal is None or bool(self.proposal.plan.refused)


def box_title(view: BoxView) -> Rule:
    plan = view.proposal.plan if view.proposal else None
    name = f"{plan.kind} {plan.service}" if plan else view.line
    place = ("PRODUCTION", "danger") if view.facts.production else (view.facts.environment, "safe")
    return Rule(((name, "title"),), (place,))


def box_body(view: BoxView, width: int) -> list[Row]:
    """The part that scrolls where it is longer than the screen."""
    if view.phase == "asking":
        return [line(width, [("asking what this would do …", "dim")])]
    if view.error is not None:
        rows = [line(width, [(text, "critical")]) for text in wrap(view.error.message, width)]
        if view.error.hint:
            rows += [line(width, [(text, "")]) for text in wrap(view.error.hint, width)]
        return rows
    if view.whole is None or view.proposal is None:
        return []
    running = view.phase in ("applying", "ended")
    drawn = view.proposal
    if not running:
        # Every set, those left out too, beside what the narrowed plan says of itself.
        drawn = replace(drawn, plan=replace(drawn.plan, sets=view.whole.plan.sets))
    rows = plan_rows(
        drawn,
        width,
        cursor=view.cursor,
        left_out=view.left_out,
        states=view.states if running else None,
    )
    for note in view.notes:
        rows += [line(width, [(text, "accent")]) for text in wrap(note, width)]
    return rows


def box_tail(view: BoxView, width: int) -> list[Row]:
    """The last lines, always visible."""
    rows: list[Row] = []
    if view.phase == "shown" and view.word and not view.refused:
        typed: list[Cell] = [
            ("type ", ""), (clean(view.word), "bold"), (" to go on: ", ""),
            (clean(view.typed), "bold"), ("▏", "accent") if view.typed != view.word else (" ✔", "ok"),
        ]  # fmt: skip
        rows.append(line(width, typed))
    if view.outcome is not None:
        rows += _ending(view.outcome, width)
    rows += [line(width, [(text, "warning")]) for text in wrap(view.hint, width) if view.hint]
    return [*rows, *_laid_out(_keys(view), width)]


def _laid_out(keys: list[Cell], width: int) -> list[Row]:
    """The keys in a row, or one per row where that is too narrow."""
    if row_width(keys) <= width:
        return [line(width, keys)]
    rows: list[list[Cell]] = [[]]
    for cell in keys:
        if cell[1] == "key" and rows[-1]:
            rows.append([])
        rows[-1].append((cell[0].rstrip() if cell[1] != "key" else cell[0], cell[1]))
    return [line(width, row) for row in rows]


def _ending(outcome: Outcome, width: int) -> list[Row]:
    word = clean(outcome.state).replace("_", " ")
    number = f"change {outcome.change}: " if outcome.change is not None else ""
    mark, style = ("✔ ", "ok") if outcome.ok else ("✖ ", "critical")
    rows = [line(width, [(mark + number + word, style)])]
    for said in outcome.lines:
        rows += [line(width, [(text, "")]) for text in wrap(said, width)]
    return rows


def _keys(view: BoxView) -> list[Cell]:
    if view.phase == "applying":
        return [("applying …", "accent"), ("   q stops after the set in hand", "dim")]
    if view.phase != "shown":
        return [("esc", "key"), (" cancels" if view.phase == "asking" else " closes", "")]
    if view.refused:
        return [("refused", "critical"), ("      ", ""), ("esc", "key"), (" closes", "")]
    back = view.proposal is not None and view.proposal.plan.goal == "back"
    dim = "dim" if view.typed != view.word else ""
    cells: list[Cell] = [("space", "key"), (" leaves a part out      ", "")] if view.parts else []
    cells += [("y", dim or "key"), (" goes back      " if back else " goes ahead      ", dim)]
    return [*cells, ("esc", "key"), (" cancels (No)", "")]
