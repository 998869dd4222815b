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
from commands.systems import Systems


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


class _NeverWaits(Systems):
    async def stays(self, ref: Any, value: Any) -> bool:  # noqa: ARG002
        return True


class _NoWaitWhereNothingCompares(Setter):
    def __post_init__(self) -> None:
        self._systems = _NeverWaits(self.settable, self.sleep)


class _NothingIsFoundDone(Setter):
    """What is set already is taken for somebody else's."""

    async def set(self, change: Change, step: Step, *, insist: bool = False) -> None:
        reading = await self.read(step.ref)
        if reading.value == step.after and step.state != "done":
            raise commands.setter.stranger(step, reading)
        await super().set(change, step, insist=insist)


class _NoClock(Setter):
    """The lease is checked with the intent, and not once more before the request leaves."""

    async def _write(
        self, change: Change, ref: Any, after: Any, reading: Reading, **more: Any
    ) -> str:
        self._seen_ours = float("inf")
        return await super()._write(change, ref, after, reading, **more)


class _OverwritesStrangers(Setter):
    async def set(self, change: Change, step: Step, *, insist: bool = False) -> None:
        reading = await self.read(step.ref)
        if reading.value not in (step.before, step.after):
            step = replace(step, before=reading.value)
        await super().set(change, step, insist=insist)


class _NeverLooksAtTraffic(Systems):
    async def check_idle(self, ref: Any) -> None:
        pass


class _LoadsUnderTraffic(Setter):
    def __post_init__(self) -> None:
        self._systems = _NeverLooksAtTraffic(self.settable, self.sleep)


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
