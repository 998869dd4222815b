"""`reject`: refuse the plan of another person."""

from __future__ import annotations

from dataclasses import dataclass

from commands.approve import AnswerReport, answer
from commands.deck import Deck
from commands.spec import Spec, option, positional
from core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Args:
    approval: str = positional(
        "the request, such as A-12", completes="approval", metavar="APPROVAL"
    )
    reason: str | None = option("--reason", "why not", default=None, metavar="TEXT")


async def run(deck: Deck, args: Args) -> AnswerReport:
    if not (args.reason or "").strip():
        raise UsageError(
            "reject needs a reason: the one who asked reads it",
            hint=f'modeldeck reject {args.approval} --reason "the slices are too small"',
        )
    return await answer(deck, args.approval, "rejected", args.reason or "")


SPEC = Spec(
    "reject",
    "record",
    "Reject the plan that another person asked for, also after it was approved",
    Args,
    run,
    ('modeldeck reject A-12 --reason "the slices are too small"',),
)
