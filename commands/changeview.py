"""A change as JSON and as text: the plan before it runs, and the outcome after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from commands.outcome import Outcome
from commands.spec import Cell, Grid, Style
from core.errors import ModeldeckError, Unfinished
from core.plan import Finding, Plan
from core.refs import encode, show

_LEVEL: Mapping[str, tuple[str, Style]] = {
    "info": ("  ", ""),
    "warning": ("▲ ", "warning"),
    "refused": ("✖ ", "critical"),
}


def plan_data(plan: Plan, state: str = "planned") -> dict[str, Any]:
    """The fields of a change that was not begun."""
    return {
        "change": None,
        "service": plan.service,
        "state": state,
        "verified": False,
        "title": plan.title,
        "sets": [
            {
                "ref": str(item.ref),
                "before": encode(item.before),
                "after": encode(item.after),
                "state": "planned",
            }
            for item in plan.sets
        ],
        "findings": [finding.to_json() for finding in plan.findings],
        "release": None,
        "evidence": dict(plan.evidence),
    }


def outcome_data(outcome: Outcome, steps: Sequence[Any]) -> dict[str, Any]:
    """The fields of a change that was begun; `steps` as the journal has them now."""
    change = outcome.change
    data = plan_data(change.plan, outcome.state)
    data["change"] = change.number
    data["verified"] = outcome.verified
    data["text"] = outcome.text
    data["release"] = f"r{change.release}" if change.release is not None else None
    for row, step in zip(data["sets"], steps, strict=False):
        row["state"] = step.state
    return data


def plan_grids(plan: Plan) -> list[Grid]:
    """The plan as it is shown before it is confirmed."""
    rows: list[Sequence[Cell]] = [
        (
            "■",
            str(item.ref),
            show(item.before),
            "→",
            show(item.after),
            ("" if item.guarded else "unguarded", "dim"),
        )
        for item in plan.sets
    ]
    findings: list[Sequence[Cell]] = [(line,) for line in finding_lines(plan.findings)]
    grids = [Grid((), rows, f"{plan.kind}: {plan.title}", "  nothing to set: it is already so")]
    if findings:
        grids.append(Grid((), findings))
    return grids


def finding_lines(findings: Sequence[Finding]) -> list[tuple[str, Style]]:
    """Each finding with its mark, and its hint below it."""
    lines: list[tuple[str, Style]] = []
    for finding in findings:
        mark, style = _LEVEL[finding.level]
        lines.append((mark + finding.message, style))
        if finding.hint:
            lines.append(("    " + finding.hint, "dim"))
    return lines


def outcome_lines(outcome: Outcome) -> list[str]:
    change = outcome.change
    words = {
        "done": "done",
        "undone": "undone: everything is as before",
        "conflict": "conflict: nothing of this change is left behind",
        "unfinished": f"unfinished: modeldeck recover {change.number} finishes or undoes it",
        "needs_person": "needs a person: part of it is not as it should be",
    }
    lines = [f"change {change.number} {words.get(outcome.state, outcome.state)}"]
    if outcome.state == "done":
        seen = "not verified"
        if outcome.verified:
            seen = "seen on live traffic" if change.plan.find("traffic") else "read back as set"
        lines[0] += f", {seen}"
        if outcome.text and outcome.text != seen:
            lines[0] += f" ({outcome.text})"
        if change.release is not None:
            lines.append(f"release r{change.release} serves")
    elif outcome.text:
        lines.append(outcome.text)
    return lines


class ChangeFailed(ModeldeckError):
    """A change that was begun and did not end well; `code` is the state that it ended in, or what
    is wrong with one that is done."""

    def __init__(self, outcome: Outcome) -> None:
        hint = outcome.cause.hint if outcome.cause else None
        if outcome.exit_code == Unfinished.exit_code:
            hint = f"modeldeck changes {outcome.change.plan.service} shows what is live and why"
        if outcome.state == "needs_person":
            hint = f"modeldeck recover {outcome.change.number} names what to put right by hand"
        super().__init__("; ".join(outcome_lines(outcome)), hint=hint)
        self.exit_code = outcome.exit_code
        self.code = outcome.state
        if outcome.state == "done" and outcome.cause is not None:
            self.code = outcome.cause.code


def outcome_error(outcome: Outcome) -> ModeldeckError | None:
    """The error of an outcome that is not a success."""
    return None if outcome.exit_code == 0 else ChangeFailed(outcome)
