"""`approvals`: who asked for what, and what was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commands.deck import Deck
from commands.request import approval_json
from commands.spec import Cell, Grid, Spec, Style, option, positional
from core.errors import ModeldeckError
from core.policy import Approval, ApprovalState, advisory
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
        "the service; all without it", completes="service", default=None
    )
    all: bool = option("--all", "also those that no longer count", default=False)


@dataclass(frozen=True)
class ApprovalsReport:
    approvals: tuple[Approval, ...]
    now: datetime
    worth: str

    def data(self) -> Mapping[str, Any]:
        found = [approval_json(one, one.state(self.now)) for one in self.approvals]
        return {"approvals": found, "note": self.worth}

    def grids(self) -> Sequence[Grid]:
        columns = ("", "service", "asked by", "", "what", "until", "reason")
        grid = Grid(
            columns, [_row(one, self.now) for one in self.approvals], empty="nobody waits for one"
        )
        return [grid, Grid((), [((self.worth, "dim"),)])] if self.approvals else [grid]

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
    if args.service:
        deck.service(args.service)
    found, now = await deck.journal.approvals(args.service)
    counting = tuple(one for one in found if args.all or one.state(now) in _COUNTS)
    return ApprovalsReport(counting, now, advisory(shared=deck.config.journal.shared))


SPEC = Spec(
    "approvals",
    "query",
    "The requests for approval that wait or still count; --all has every one",
    Args,
    run,
    ("modeldeck approvals", "modeldeck approvals tumor --all", "modeldeck approvals -o json"),
    watch=True,
)
