"""`approve`: let the plan of another person through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commands.deck import Deck
from commands.request import approval_json, asked_grids
from commands.spec import Grid, Spec, option, positional
from core.errors import ModeldeckError
from core.policy import AnswerVerdict, Approval, advisory, check_answer, parse_number


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
        return [*asked_grids(approval), Grid((), said)]

    def error(self) -> ModeldeckError | None:
        return None


async def answer(deck: Deck, text: str, verdict: AnswerVerdict, reason: str) -> AnswerReport:
    """Record an answer of this person. Raises Refused where it may not be given."""
    number = parse_number(text)
    asked, _ = await deck.journal.approval(number)
    service = deck.config.services.get(asked.plan.service)
    await deck.journal.answer_approval(
        number,
        actor=deck.actor,
        verdict=verdict,
        reason=reason,
        policy=service.policy if service is not None else None,
    )
    approval, now = await deck.journal.approval(number)
    worth = advisory(shared=deck.config.journal.shared)
    return AnswerReport(deck.counted(approval), now, worth)


async def question(deck: Deck, args: Args) -> Sequence[Grid]:
    """What is approved, for whoever reads it before they say so. Raises Refused where this person
    may not."""
    approval, now = await deck.journal.approval(parse_number(args.approval))
    approval = deck.counted(approval)
    check_answer(approval, deck.actor, "approved", now)
    return asked_grids(approval)


async def run(deck: Deck, args: Args) -> AnswerReport:
    return await answer(deck, args.approval, "approved", args.reason)


SPEC = Spec(
    "approve",
    "record",
    "Approve the plan that another person asked for; it is still theirs to apply",
    Args,
    run,
    ("modeldeck approve A-12", 'modeldeck approve A-12 --reason "slices checked by hand"'),
    question=question,
)
