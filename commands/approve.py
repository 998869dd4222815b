"""`approve`: let the plan of another person through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commands.changeview import plan_grids
from commands.deck import Deck
from commands.request import approval_json
from commands.spec import Grid, Spec, option, positional
from core.errors import ModeldeckError
from core.policy import AnswerVerdict, Approval, advisory, parse_number


@dataclass(frozen=True, slots=True)
class Args:
    approval: str = positional(
        "the request, such as A-12", completes="approval", metavar="APPROVAL"
    )
    reason: str = option("--reason", "why, for the journal", default="", metavar="TEXT")


@dataclass(frozen=True)
class AnswerReport:
    """A request as it stands after an answer."""

    approval: Approval
    now: datetime
    worth: str

    def data(self) -> Mapping[str, Any]:
        return approval_json(self.approval, self.approval.state(self.now))

    def grids(self) -> Sequence[Grid]:
        approval = self.approval
        said = [(approval.said(self.now),)]
        if approval.state(self.now) == "approved":
            said += [(f"{approval.command} applies it, as long as nothing differs",)]
            said += [(self.worth,)]
        return [*plan_grids(approval.plan), Grid((), said)]

    def error(self) -> ModeldeckError | None:
        return None


async def answer(deck: Deck, text: str, verdict: AnswerVerdict, reason: str) -> AnswerReport:
    """Record an answer of this person. Raises Refused where it may not be given."""
    approval = await deck.journal.answer_approval(
        parse_number(text), actor=deck.actor, verdict=verdict, reason=reason
    )
    _, now = await deck.journal.approvals(approval.plan.service, limit=1)
    return AnswerReport(approval, now, advisory(shared=deck.config.journal.shared))


async def run(deck: Deck, args: Args) -> AnswerReport:
    return await answer(deck, args.approval, "approved", args.reason)


SPEC = Spec(
    "approve",
    "record",
    "Approve the plan that another person asked for; it is still theirs to apply",
    Args,
    run,
    ("modeldeck approve A-12", 'modeldeck approve A-12 --reason "slices checked by hand"'),
)
