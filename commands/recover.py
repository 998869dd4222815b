"""`recover`: finish or undo a change that was cut off."""

from __future__ import annotations

from dataclasses import dataclass

from backends.journal.base import Change
from commands.deck import Deck
from commands.spec import Spec, positional
from core.errors import Refused, UsageError
from core.plan import Finding, Plan
from core.units import show_time


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


async def _find(deck: Deck, text: str | None) -> Change:
    if text is not None:
        if not text.isdigit():
            raise UsageError(f"{text!r} is no change: changes have numbers")
        found = await deck.journal.change(int(text))
        if found is None:
            raise UsageError(f"there is no change {text}", hint="modeldeck changes lists them")
        if not found.open:
            raise Refused(f"change {text} has ended ({found.state}): there is nothing to recover")
        return found
    open_ones = await deck.journal.open_changes()
    if len(open_ones) == 1:
        return open_ones[0]
    if not open_ones:
        raise Refused("nothing to recover: every change has ended")
    numbers = ", ".join(f"{c.number} ({c.plan.service})" for c in open_ones)
    raise UsageError(f"several changes are open: {numbers}", hint="name one of them")


SPEC = Spec(
    "recover",
    "change",
    "Finish or undo a change that was cut off",
    Args,
    run,
    ("modeldeck recover", "modeldeck recover 214 --yes"),
)
