"""`recover`: finish or undo a change that was cut off."""

from __future__ import annotations

from dataclasses import dataclass

from backends.journal.base import Change
from commands.deck import Deck
from commands.setter import UNKNOWN
from commands.spec import Spec, positional
from core.errors import Refused, UsageError
from core.plan import Finding, Plan
from core.refs import show
from core.units import parse_number, show_time


@dataclass(frozen=True, slots=True)
class Args:
    change: str | None = positional(
        "the change's number; not needed where only one was cut off",
        completes="change",
        default=None,
    )


async def run(deck: Deck, args: Args) -> Plan:
    change = await _find(deck, args.change)
    if change.running:
        raise Refused(
            f"change {change.number} is being applied by {change.actor} right now",
            hint="its lease ends by itself seconds after its program does",
        )
    plan = change.plan
    if change.state == "needs_person":
        await _check_put_right(deck, change)
    back = change.goal == "back"
    way = "finishes it" if back else "undoes it, or finishes it where everything is already set"
    findings = (
        Finding("info", f"{plan.kind} by {change.actor}, begun {show_time(change.created)}"),
        Finding("info", f"every ref is read first; then this {way}"),
    )
    title = f"change {change.number}: {plan.title}"
    # Cleaning up what was cut off is always a way back, whatever the change wanted.
    evidence = {"recovers": change.number}
    return Plan("recover", plan.service, "back", title, plan.sets, findings, evidence)


async def _check_put_right(deck: Deck, change: Change) -> None:
    """Raises Refused, naming what is left to a person, until all of it reads as it should."""
    wrong = []
    for step in change.steps:
        if step.state in UNKNOWN:
            wanted = step.before if change.goal == "undo" else step.after
            value = (await deck.settable(step.ref).read(step.ref)).value
            if value != wanted:
                wrong.append(f"{step.ref} is {show(value)} and should be {show(wanted)}")
    if wrong:
        raise Refused(
            f"change {change.number} of {change.plan.service} needs a person: {'; '.join(wrong)}",
            hint=f"set it by hand, then modeldeck recover {change.number} closes the change; "
            f"so does any later change that ends done: modeldeck rollback {change.plan.service}",
        )


async def _find(deck: Deck, text: str | None) -> Change:
    if text is not None:
        number = parse_number(text)
        if number is None:
            raise UsageError(
                f"{text!r} is no change: changes have numbers", hint="modeldeck changes lists them"
            )
        found = await deck.journal.change(number)
        if found is None:
            raise UsageError(f"there is no change {text}", hint="modeldeck changes lists them")
        left = await deck.journal.unsettled()
        if found.number not in (change.number for change in left):
            raise Refused(f"change {text} has ended ({found.state}): there is nothing to recover")
        return found
    unsettled = await deck.journal.unsettled()
    # What can be finished here goes before what waits for a person.
    open_ones = [change for change in unsettled if change.open] or unsettled
    if len(open_ones) == 1:
        return open_ones[0]
    if not open_ones:
        raise Refused("nothing to recover: every change has ended")
    numbers = ", ".join(f"{c.number} ({c.plan.service})" for c in open_ones)
    raise UsageError(f"several changes are unsettled: {numbers}", hint="name one of them")


SPEC = Spec(
    "recover",
    "change",
    "Finish or undo a change that was cut off",
    Args,
    run,
    ("modeldeck recover", "modeldeck recover 214 --yes"),
)
