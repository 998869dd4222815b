"""Engines that lack one rule each (`changes.md`); the machine must catch every one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import commands.setter
from backends.base import Reading
from backends.journal import changes
from backends.journal.base import Change, Step, StepState
from commands.apply import Applier
from commands.setter import UNKNOWN, Setter


class _NoIntent(Setter):
    async def record(self, change: Change, step: Step, state: StepState, note: str = "") -> None:
        if state not in ("intent", "undo_intent"):
            await super().record(change, step, state, note)


class _UndoSkipsUnknown(Setter):
    async def put_back(self, change: Change, step: Step) -> str | None:
        if step.state in UNKNOWN:
            await self.record(change, step, "undone")
            return None
        return await super().put_back(change, step)


class _UndoTrustsWhatItReads(Setter):
    """Writes `before` only where something else is read."""

    async def put_back(self, change: Change, step: Step) -> str | None:
        reading = await self.read(step.ref)
        known = replace(step, state="done") if reading.value == step.before else step
        return await super().put_back(change, known)


class _NoWaitWhereNothingCompares(Setter):
    async def _stays(self, settable: Any, step: Step) -> bool:  # noqa: ARG002
        return True


class _NothingIsFoundDone(Setter):
    """What is set already is taken for somebody else's."""

    async def set(self, change: Change, step: Step, *, insist: bool = False) -> None:
        reading = await self.read(step.ref)
        if reading.value == step.after and step.state != "done":
            raise commands.setter.stranger(step, reading)
        await super().set(change, step, insist=insist)


class _NoClock(Setter):
    """The lease is checked with the intent, and not once more before the request leaves."""

    async def _write(self, change: Change, ref: Any, after: Any, reading: Reading) -> None:
        self._seen_ours = float("inf")
        await super()._write(change, ref, after, reading)


class _OverwritesStrangers(Setter):
    async def set(self, change: Change, step: Step, *, insist: bool = False) -> None:
        reading = await self.read(step.ref)
        if reading.value not in (step.before, step.after):
            step = replace(step, before=reading.value)
        await super().set(change, step, insist=insist)


class _LoadsUnderTraffic(Setter):
    async def _check_idle(self, ref: Any) -> None:
        pass


def _with(setter: type[Setter]) -> type[Applier]:
    class Mutant(Applier):
        def __post_init__(self) -> None:
            self._setter = setter(self.journal, self.settable, self.tell, self.sleep, self.clock)

    return Mutant


class _NoAdoption(Applier):
    async def _all_set(self, change: Change) -> bool:  # noqa: ARG002
        return False


def no_check(db: Any, change: Change) -> float:  # noqa: ARG001
    return changes.now(db)


MUTANTS: dict[str, type[Applier]] = {
    "no intent before the write": _with(_NoIntent),
    "undo skips unknown outcomes": _with(_UndoSkipsUnknown),
    "undo writes nothing where before is read": _with(_UndoTrustsWhatItReads),
    "no waiting where the system compares nothing": _with(_NoWaitWhereNothingCompares),
    "no adoption after a crash": _NoAdoption,
    "no adoption of a set": _with(_NothingIsFoundDone),
    "no look at the clock before the write": _with(_NoClock),
    "a third value is overwritten": _with(_OverwritesStrangers),
    "a slot is loaded while it carries traffic": _with(_LoadsUnderTraffic),
}
