"""`--request`: ask another person to approve exactly this plan, instead of applying it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from commands.changeview import plan_data, plan_grids
from commands.deck import Deck
from commands.door import check_findings, check_writable
from commands.gate import VERDICTS
from commands.output import envelope, print_error, print_grids, print_json
from commands.parse import Parsed
from commands.spec import Cell, Grid, option, to_line
from core.errors import BackendError, ModeldeckError, Refused, UsageError
from core.gate import GateReport
from core.gate.report import show_number
from core.plan import Plan
from core.policy import Approval, advisory, promotes
from core.redaction import shown
from core.units import parse_duration, show_time

LOOK_EVERY = 1.0
"""Seconds between two looks at a request that somebody waits for."""


def request_option() -> Any:
    return option(
        "--request", "ask another person to approve the plan, and apply nothing", default=False
    )


def wait_option() -> Any:
    return option(
        "--wait",
        "with --request: wait this long for the answer; exit 0 approved, 3 not",
        default=None,
        metavar="DURATION",
    )


def asks_approval(args: Any) -> bool:
    """Whether these arguments of a command ask for an approval."""
    return bool(getattr(args, "request", False)) or getattr(args, "wait", None) is not None


@dataclass(frozen=True)
class Requested:
    """A recorded request, with the plan that it is bound to."""

    approval: Approval
    plan: Plan
    state: str
    worth: str
    """What an approval is worth here, in words."""

    def data(self) -> Mapping[str, Any]:
        return {**plan_data(self.plan), "approval": approval_json(self.approval, self.state)}

    def grids(self) -> Sequence[Grid]:
        approval = self.approval
        rows = [
            (f"{approval.name} is {self.state}, until {show_time(approval.expires)}",),
            (f"another person answers: modeldeck approve {approval.name}",),
            (f"then {approval.command} applies it, as long as nothing differs",),
            (self.worth,),
        ]
        return [*plan_grids(self.plan), Grid((), rows)]


def approval_json(approval: Approval, state: str) -> dict[str, Any]:
    return {
        "approval": approval.name,
        "service": approval.plan.service,
        "state": state,
        "title": approval.plan.title,
        "command": approval.command,
        "by": approval.actor,
        "reason": approval.reason or None,
        "needed": approval.needed,
        "created": show_time(approval.created),
        "expires": show_time(approval.expires),
        "answers": [
            {
                "by": one.actor,
                "verdict": one.verdict,
                "reason": one.reason or None,
                "at": show_time(one.at),
            }
            for one in approval.answers
        ],
        "change": approval.change,
        "hash": approval.plan.hash,
        "sets": [
            {"ref": one["ref"], "before": one["before"], "after": one["after"]}
            for one in (item.to_json() for item in approval.plan.sets)
        ],
        "findings": [finding.to_json() for finding in approval.plan.findings],
        "gate": approval.plan.evidence.get("gate"),
    }


def asked_grids(approval: Approval) -> list[Grid]:
    """What somebody is asked to approve: the plan, and what the gate said when it was asked for."""
    sets, *findings = plan_grids(approval.plan)
    why = f": {approval.reason}" if approval.reason else ""
    who = f"asked for by {approval.actor} at {show_time(approval.created)}{why}"
    asked = Grid((), [(who,), (approval.command,)])
    return [sets, *_gate_grids(approval), *findings, asked]


def _gate_grids(approval: Approval) -> list[Grid]:
    judged = approval.plan.evidence.get("gate")
    if judged is None:
        return [Grid((), [(("? no gate was asked", "unknown"),)])]
    gate = GateReport.from_json(judged)
    text, style = VERDICTS[gate.verdict]
    said = f"{text}, {gate.tally}, when it was asked for"
    rows: list[Sequence[Cell]] = [("gate", (said, style), "")]
    for check in gate.checks:
        if check.verdict != "passed":
            against = f"{show_number(check.value)} against {check.limit or 'no limit'}"
            rows.append((check.name, VERDICTS[check.verdict], f"{against} ({check.evidence})"))
    return [Grid((), rows)]


def check_request(deck: Deck, parsed: Parsed, plan: Plan) -> None:
    """Raises Refused where an approval would not help, or is not needed."""
    _waits(parsed.args)
    check_writable(deck)
    check_findings(plan)
    service = deck.service(plan.service)
    if not plan.sets:
        raise Refused(f"nothing to approve: {plan.title} is already so")
    if service.policy.mode != "approved" or not promotes(plan):
        raise Refused(
            f"the policy of {plan.service} asks for no approval of this",
            hint="leave out --request to apply it",
        )


async def request(deck: Deck, parsed: Parsed, plan: Plan) -> Requested:
    """Record the request. Raises Refused where an approval would not help, or is not needed."""
    check_request(deck, parsed, plan)
    service = deck.service(plan.service)
    line = to_line(parsed.spec, replace(parsed.args, request=False, wait=None))
    approval = await deck.journal.ask_approval(
        plan,
        actor=deck.actor,
        reason=parsed.common.reason or "",
        command=line,
        needed=service.policy.approvals,
        lasts=service.policy.expires,
    )
    worth = advisory(shared=deck.config.journal.shared)
    return Requested(approval, plan, await _state(deck, approval), worth)


async def _state(deck: Deck, approval: Approval) -> str:
    _, now = await deck.journal.approval(approval.number)
    return deck.counted(approval).state(now)


async def run_request(deck: Deck, parsed: Parsed, plan: Plan) -> int:
    """Record it, wait where that was asked for, and print it; the exit code."""
    seconds = _waits(parsed.args)
    found = await request(deck, parsed, plan)
    error: ModeldeckError | None = None
    if seconds is not None:
        if not parsed.common.quiet:
            name = found.approval.name
            print(f"  {name} {found.state}: modeldeck approve {name}", file=sys.stderr, flush=True)
        found, error = await _wait(deck, found, seconds, quiet=parsed.common.quiet)
    if parsed.common.json:
        print_json(envelope(plan.kind, found.data(), error))
    else:
        print_grids(found.grids(), color=False if parsed.common.no_color else None)
    if error is not None:
        print_error(error)
    return error.exit_code if error else 0


def _waits(args: Any) -> float | None:
    if args.wait is None:
        return None
    if not args.request:
        raise UsageError("--wait waits for the answer to a request: add --request")
    try:
        return parse_duration(args.wait)
    except ValueError as error:
        raise UsageError(f"--wait: {error}") from error


async def _wait(
    deck: Deck, asked: Requested, seconds: float, *, quiet: bool = False
) -> tuple[Requested, ModeldeckError | None]:
    """The request once it was answered or the time is over, and why it was not approved.

    A journal that cannot be asked for a while is asked again.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    told = quiet
    while True:
        over = loop.time() >= deadline
        try:
            approval, now = await deck.journal.approval(asked.approval.number)
        except BackendError as error:
            if over:
                return asked, error
            if not told:
                print(f"  {shown(error.message)}: asked again", file=sys.stderr, flush=True)
            told = True
        else:
            approval = deck.counted(approval)
            state = approval.state(now)
            asked = replace(asked, approval=approval, state=state)
            if state == "approved":
                return asked, None
            if state != "waiting" or over:
                return asked, Refused(approval.said(now))
        await asyncio.sleep(min(LOOK_EVERY, max(0.0, deadline - loop.time())))
