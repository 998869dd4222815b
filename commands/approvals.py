"""`approvals`: who asked for what, and what was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commands.deck import Deck
from commands.request import approval_json, asked_grids
from commands.spec import Cell, Grid, Spec, Style, option, positional
from core.errors import ModeldeckError
from core.policy import Approval, ApprovalState, advisory, names_request, parse_number
from core.units import show_time

STYLE: Mapping[ApprovalState, Style] = {
    "waiting": "warning",
    "approved": "ok",
    "rejected": "critical",
    "expired": "dim",
    "used": "dim",
}
_COUNTS = ("waiting", "approved")


@dataclass(frozen=True, slots=True)
class Args:
    service: str | None = positional(
        "a service, or one request such as A-12 with its whole plan; all without it",
        completes="asked",
        default=None,
    )
    all: bool = option("--all", "also those that no longer count", default=False)


@dataclass(frozen=True)
class ApprovalsReport:
    approvals: tuple[Approval, ...]
    now: datetime
    worth: str
    whole: bool = False
    """Whether one request was asked for, and is shown with its plan."""

    def data(self) -> Mapping[str, Any]:
        found = [approval_json(one, one.state(self.now)) for one in self.approvals]
        return {"approvals": found, "note": self.worth}

    def grids(self) -> Sequence[Grid]:
        if self.whole:
            return [grid for one in self.approvals for grid in self._told(one)]
        columns = ("", "service", "asked by", "", "what", "until", "reason")
        grid = Grid(
            columns, [_row(one, self.now) for one in self.approvals], empty="nobody waits for one"
        )
        return [grid, Grid((), [((self.worth, "dim"),)])] if self.approvals else [grid]

    def _told(self, one: Approval) -> Sequence[Grid]:
        answers: list[Sequence[Cell]] = [
            (show_time(said.at), said.actor, said.verdict, said.reason) for said in one.answers
        ]
        state: Sequence[Cell] = ((one.said(self.now), STYLE[one.state(self.now)]),)
        said = Grid((), [state, ((self.worth, "dim"),)])
        return [*asked_grids(one), *([Grid((), answers)] if answers else []), said]

    def error(self) -> ModeldeckError | None:
        return None


def _row(one: Approval, now: datetime) -> Sequence[Cell]:
    state = one.state(now)
    return (
        one.name,
        (one.plan.service, "strong"),
        one.actor,
        (state, STYLE[state]),
        one.plan.title,
        show_time(one.expires),
        one.reason,
    )


async def run(deck: Deck, args: Args) -> ApprovalsReport:
    worth = advisory(shared=deck.config.journal.shared)
    name = args.service
    if name and name not in deck.config.services and names_request(name):
        one, now = await deck.journal.approval(parse_number(name))
        return ApprovalsReport((deck.counted(one),), now, worth, whole=True)
    if name:
        deck.service(name)
    found, now = await deck.journal.approvals(name)
    all_of_them = [deck.counted(one) for one in found]
    counting = tuple(one for one in all_of_them if args.all or one.state(now) in _COUNTS)
    return ApprovalsReport(counting, now, worth)


SPEC = Spec(
    "approvals",
    "query",
    "The requests for approval that wait or still count; --all has every one",
    Args,
    run,
    (
        "modeldeck approvals",
        "modeldeck approvals A-12",
        "modeldeck approvals tumor --all",
        "modeldeck approvals -o json",
    ),
    watch=True,
)
