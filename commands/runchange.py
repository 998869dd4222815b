"""A change from a shell: show the plan, have it confirmed, carry it out, say how it ended."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

from commands.changeview import (
    finding_lines,
    outcome_data,
    outcome_error,
    outcome_lines,
    plan_data,
    plan_grids,
)
from commands.common import Common
from commands.deck import Deck
from commands.door import (
    carry_out,
    check_allowed,
    check_findings,
    check_script_confirmation,
    needed_confirmation,
)
from commands.outcome import Outcome
from commands.output import confirmed, envelope, print_error, print_grids, print_json
from commands.parse import Parsed
from commands.readiness import ask_readiness, promotion_grids, readiness_data
from commands.request import asks_approval, check_request, run_request
from commands.setter import Progress
from commands.spec import plan_of, to_line
from core.errors import EXIT_OK, ModeldeckError, Refused, UsageError
from core.plan import Plan
from core.redaction import shown


async def run_change(deck: Deck, parsed: Parsed) -> int:
    """The exit code of a change."""
    spec, common = parsed.spec, parsed.common
    line = to_line(spec, parsed.args)
    if common.key and not common.dry_run:
        # Before planning: what was asked for is done already, and a plan might refuse it.
        earlier = await deck.journal.keyed(common.key)
        if earlier is not None and earlier.command == line:
            return await _ended(deck, Outcome.repeated(earlier), common)
    plan = await plan_of(spec, deck, parsed.args)
    if common.dry_run:
        return await _dry_run(deck, parsed, plan)
    asks = asks_approval(parsed.args)
    try:
        if asks:
            check_findings(plan)
        else:
            plan = await check_allowed(deck, plan, common.override)
    except ModeldeckError as error:
        return await _refused(deck, parsed, plan, error)
    if asks:
        return await run_request(deck, parsed, plan)
    if not plan.sets:
        return _nothing(plan, common)
    try:
        confirmed = check_script_confirmation(deck, plan, yes=common.yes, confirm=common.confirm)
    except Refused as error:
        return await _refused(deck, parsed, plan, error)
    if not confirmed:
        await _ask(deck, parsed, plan)
    elif not common.json and not common.quiet:
        _warn(plan)
    outcome = await _carry_out(deck, plan, common, line)
    return await _ended(deck, outcome, common)


async def _dry_run(deck: Deck, parsed: Parsed, plan: Plan) -> int:
    common = parsed.common
    error: ModeldeckError | None = None
    try:
        if asks_approval(parsed.args):
            check_request(deck, parsed, plan)
        else:
            plan = await check_allowed(deck, plan, common.override)
    except ModeldeckError as refused:
        error = refused
    if common.json:
        data = plan_data(plan, "refused" if error else "planned")
        ready = await ask_readiness(deck, plan, parsed.args)
        if ready is not None:
            data["readiness"] = readiness_data(ready)
        print_json(envelope(plan.kind, data, error))
    else:
        await _show(deck, parsed, plan)
    if error is not None:
        print_error(error)
    return error.exit_code if error else EXIT_OK


async def _refused(deck: Deck, parsed: Parsed, plan: Plan, error: ModeldeckError) -> int:
    if parsed.common.json:
        print_json(envelope(plan.kind, plan_data(plan, "refused"), error))
    elif not parsed.common.quiet:
        await _show(deck, parsed, plan)
    print_error(error)
    return error.exit_code


async def _show(deck: Deck, parsed: Parsed, plan: Plan) -> None:
    """The plan, below what speaks for the version that it promotes."""
    beside = await promotion_grids(deck, plan, parsed.args)
    grid, *findings = plan_grids(plan)
    color = False if parsed.common.no_color else None
    print_grids([grid, *beside, *findings], color=color)


def _nothing(plan: Plan, common: Common) -> int:
    if common.json:
        print_json(envelope(plan.kind, {**plan_data(plan, "done"), "verified": True}, None))
    else:
        print(f"nothing to do: {shown(plan.title)} is already so")
    return EXIT_OK


def _warn(plan: Plan) -> None:
    """Of a plan that nobody was shown: what speaks against it, or what it leaves undone."""
    for line, _ in finding_lines([one for one in plan.findings if one.level == "warning"]):
        print(shown(line), file=sys.stderr)


async def _ask(deck: Deck, parsed: Parsed, plan: Plan) -> None:
    """Ask on the terminal. Raises Refused for any answer but the right one."""
    common = parsed.common
    need = needed_confirmation(deck, plan)
    flag = f"--confirm {plan.service}" if need == "name" else "--yes"
    if not sys.stdin.isatty() or common.json:
        raise UsageError(
            f"{plan.kind} changes {plan.service}, and nothing confirmed it",
            hint=f"add {flag} to apply it, or --dry-run to see the plan",
        )
    await _show(deck, parsed, plan)
    if deck.production:
        print(f"environment {shown(deck.environment)} is PRODUCTION", file=sys.stderr)
    if need == "name":
        name = shown(plan.service)
        print(f"type {name} to apply it: ", end="", file=sys.stderr, flush=True)
        right = sys.stdin.readline().strip() == name
    else:
        right = confirmed("apply it?")
    if not right:
        raise Refused("not confirmed: nothing was changed")


async def _carry_out(deck: Deck, plan: Plan, common: Common, line: str) -> Outcome:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)

    def tell(progress: Progress) -> None:
        if common.quiet or common.json:
            return
        if progress.index is None:
            print("  looking at live traffic …", file=sys.stderr)
        elif progress.state != "intent":
            ref = plan.sets[progress.index].ref
            note = f" ({shown(progress.text)})" if progress.text else ""
            print(f"  {shown(ref)} {progress.state}{note}", file=sys.stderr)

    return await carry_out(
        deck,
        plan,
        reason=common.reason or "",
        command=line,
        key=common.key,
        override=common.override,
        tell=tell,
        stop=stop,
    )


async def _ended(deck: Deck, outcome: Outcome, common: Common) -> int:
    error = outcome_error(outcome)
    if common.json:
        print_json(envelope(outcome.change.plan.kind, await _data(deck, outcome), error))
    elif error is None:
        for line in outcome_lines(outcome):
            print(shown(line))
    if error is not None:
        print_error(error)
    return outcome.exit_code


async def _data(deck: Deck, outcome: Outcome) -> dict[str, Any]:
    """The steps as the journal has them at the end; as begun where it cannot be read any more."""
    steps: Any = outcome.change.steps
    try:
        change = await deck.journal.change(outcome.change.number)
        steps = change.steps if change else steps
    except ModeldeckError:
        pass
    return outcome_data(outcome, steps)
