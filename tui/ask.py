"""A typed line to a plan or an answer, and a confirmed plan through the one door."""

from __future__ import annotations

import shlex
from asyncio import Event as StopEvent
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from commands import catalog
from commands.changeview import outcome_lines
from commands.deck import Deck
from commands.door import carry_out, check_allowed, check_writable, default_reason
from commands.readiness import raises_stage
from commands.request import asks_approval, request
from commands.setter import Progress as Applied
from commands.spec import Grid, Spec, plan_of, to_line
from core.errors import ModeldeckError, Refused, UsageError
from core.plan import Finding, Plan
from core.refs import Ref
from tui.line import check_line, misplaced, split_words, with_service
from tui.seam import Answer, Outcome, Progress, Proposal, Readiness, SetState

Notes = Callable[[str], Awaitable[tuple[str, ...]]]
Ready = Callable[[str, str, Plan], Awaitable[Readiness]]
"""From a service, a version as it was typed, and the plan."""


async def propose(
    deck: Deck, line: str, service: str | None, notes: Notes, readiness: Ready
) -> Proposal | Answer:
    """Run a line. A query is answered, a change is planned; nothing is changed by it."""
    words = _words(line)
    known = {"service": list(deck.config.services)}
    if words[0] == "fault":
        return _fault(deck, words[1:])
    wrong = check_line(
        line + " ", {**known, **({"fault": []} if deck.config.demo else {})}, service
    )
    if wrong is not None:
        raise UsageError(wrong, hint="? shows the keys, : lists the commands with tab")
    spec = catalog.find(words[0])
    if "--help" in words or "-h" in words:
        return _help(spec)
    from commands.parse import parse_line

    parsed = parse_line(with_service(spec, words[1:], known, service), spec)
    text = to_line(spec, parsed.args)
    if spec.kind == "record":
        check_writable(deck)
    if spec.kind != "change":
        report = await spec.run(deck, parsed.args)
        return Answer(spec.name, tuple(report.grids()), text, spec.kind == "record")
    plan = await plan_of(spec, deck, parsed.args)
    if asks_approval(parsed.args) and not plan.refused:
        # Nothing in production is touched: what is asked for is shown once it is recorded.
        asked = await request(deck, parsed, plan)
        return Answer(spec.name, tuple(asked.grids()), text, True)
    override = parsed.common.override
    plan = await _with_refusal(deck, plan, override)
    reason = parsed.common.reason or ""
    if not reason and plan.goal == "back":
        reason = await default_reason(deck, plan.service)
    if reason:
        text += f" --reason {shlex.quote(reason)}"
    if override is not None:
        text += f" --override {shlex.quote(override)}"
    ready = None
    if raises_stage(plan):
        ready = await readiness(plan.service, parsed.args.version, plan)
    return Proposal(plan, text, await notes(plan.service), reason, override, readiness=ready)


async def _with_refusal(deck: Deck, plan: Plan, override: str | None) -> Plan:
    """The plan with what the door would say, so that the box shows it before y is pressed."""
    try:
        return await check_allowed(deck, plan, override)
    except Refused as error:
        if plan.refused:
            return plan
        said = Finding("refused", error.message, error.hint)
        return replace(plan, findings=(said, *plan.findings))


def _words(line: str) -> list[str]:
    try:
        words = split_words(line)
    except ValueError as error:
        raise UsageError("a quote is not closed") from error
    if not words:
        raise UsageError("no command was typed")
    if words[0] == "modeldeck" and len(words) > 1:
        words = words[1:]
    for word in words:
        if said := misplaced(word):
            raise UsageError(said)
    return words


def _help(spec: Spec) -> Answer:
    rows = [(example,) for example in spec.examples]
    return Answer(f"{spec.name}: {spec.summary}", (Grid((), rows, "examples"),))


def _fault(deck: Deck, words: list[str]) -> Answer:
    """`:fault NAME`, for the embedded fleet alone."""
    if deck.config.demo is None:
        raise UsageError("faults are staged in the embedded fleet alone: modeldeck demo")
    from commands.demo import FAULTS, switch

    if len(words) != 1:
        rows = [(fault.name, fault.story) for fault in FAULTS.values()]
        return Answer("fault NAME switches one on", (Grid((), rows),))
    fault = switch(Path(deck.config.demo), words[0])
    line = f"modeldeck demo --state {shlex.quote(deck.config.demo)} --fault {fault.name}"
    return Answer(f"fault {fault.name}", (Grid((), [(fault.story,), (fault.does,)]),), line)


def leave_out(proposal: Proposal, refs: frozenset[Ref]) -> Proposal:
    """The proposal without some of its sets, and the line that does the same where one does."""
    plan = proposal.plan.without(refs)
    whole, line = proposal.plan.sets, proposal.line
    parts = {part for item in plan.sets for part in item.group.split()}
    same = [p for p in parts if plan.sets == tuple(i for i in whole if p in i.group.split())]
    if plan.kind == "rollback" and same:
        line += f" --only {min(same)}"
    else:
        line += "  # in part: " + ", ".join(str(item.ref) for item in plan.sets)
    return replace(proposal, plan=plan, line=line)


_STATES: dict[str, SetState] = {
    "intent": "writing",
    "done": "done",
    "found": "done",
    "undo_intent": "undoing",
    "undone": "undone",
    "failed": "failed",
    "foreign": "stranger",
}


async def carry_out_proposal(
    deck: Deck, proposal: Proposal, progress: Callable[[Progress], None], stop: StopEvent
) -> Outcome:
    """Apply it, telling each set as it happens. What was never begun ends as refused."""
    plan = proposal.plan

    def tell(applied: Applied) -> None:
        if applied.index is None:
            progress(Progress(None, "writing", "looking at live traffic"))
        else:
            ref = plan.sets[applied.index].ref
            progress(Progress(ref, _STATES[applied.state], applied.text))

    try:
        outcome = await carry_out(
            deck,
            plan,
            reason=proposal.reason,
            command=proposal.line,
            override=proposal.override,
            tell=tell,
            stop=stop,
        )
    except ModeldeckError as error:
        said = (error.message, error.hint) if error.hint else (error.message,)
        return Outcome(error.code, said, exit_code=error.exit_code)
    lines = tuple(outcome_lines(outcome))
    return Outcome(outcome.state, lines, outcome.change.number, outcome.exit_code)
