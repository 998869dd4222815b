"""A change that others went on from, on another machine: what it set stands, and is not taken back.

Its alias is not what it left there, which looks like somebody else's value. The ledger knows more:
its own entry is followed by one that began where it ended. To undo then would take tags from under
whoever moved on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backends.base import Ledgered, Settable
from backends.journal.base import Change, LeaseLost, Step, StepState
from commands.setter import Setter
from commands.systems import journal_failed
from core.errors import Conflict, Denied, ModeldeckError
from core.ledger import Entry
from core.refs import Ref, show


@dataclass(frozen=True, slots=True)
class MovedOn:
    """The step whose ref others moved on, and the entry that it rests on now."""

    step: Step
    entry: Entry

    @property
    def text(self) -> str:
        return (
            f"{self.step.ref} was set to {show(self.step.after)}; {self.entry.by} then moved it on "
            f"to {show(self.entry.after)} with entry {self.entry.number} of the ledger"
        )


async def moved_on(change: Change, settable: Callable[[Ref], Settable]) -> MovedOn | None:
    """Never raises: without a ledger, or where it does not answer, nobody is known to have."""
    for step in change.steps:
        if step.ref.kind not in ("alias", "prompt") or step.state == "pending":
            continue
        try:
            system = settable(step.ref)
            if not isinstance(system, Ledgered):
                continue
            model, alias = step.ref.parts
            chain = (await system.ledger([model])).get(model)
        except ModeldeckError:
            continue
        entry = chain.moved_on(change.id, alias) if chain else None
        if entry is not None:
            return MovedOn(step, entry)
    return None


async def set_the_rest(
    setter: Setter, change: Change, moved: MovedOn
) -> tuple[Sequence[str], bool]:
    """Set what is left of the plan where it still is as planned; what is not so now is said.

    It is of things that whoever moved on knows nothing of, such as the tag of the version before.
    The second value tells whether something could not be asked, so that it must be tried again.
    """
    left: list[str] = []
    unfinished = False
    for step in change.steps:
        if step.state in ("done", "found", "foreign"):
            continue
        if step.ref == moved.step.ref:
            await setter.record(change, step, "done", moved.text)
            continue
        try:
            await setter.set(change, step)
        except LeaseLost:
            raise
        except ModeldeckError as error:
            if journal_failed(error):
                raise
            unfinished |= not isinstance(error, Conflict | Denied)
            state: StepState = "foreign" if isinstance(error, Conflict) else "failed"
            await setter.record(change, step, state, error.message)
            left.append(error.message)
    return left, unfinished
