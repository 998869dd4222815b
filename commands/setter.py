"""One set of a plan: read, decide, record the intent, write, read back; and the same undone.

The journal is never believed about the world: what a ref reads as decides what is done with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from backends.base import Reading, Settable
from backends.journal.base import Change, Journal, LeaseLost, Step, StepState
from commands.systems import ATTEMPTS, NotSent, Systems, journal_failed
from core.errors import BackendError, Conflict, Denied, ModeldeckError, Unreachable
from core.ledger import Deed
from core.refs import Ref, Value, show

UNKNOWN: frozenset[StepState] = frozenset({"intent", "undo_intent", "failed"})
"""Steps of which nobody knows whether a request had, or will have, its effect."""


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of a running change: which set, and how far it got; or a note."""

    index: int | None
    state: StepState | Literal["verifying", "note"]
    text: str = ""


Tell = Callable[[Progress], None]


def clock() -> float:
    """Seconds that pass while this program, or its whole machine, stands still."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass
class Setter:
    """Sets refs and puts them back, each write under a lease that was seen to be ours."""

    journal: Journal
    settable: Callable[[Ref], Settable]
    tell: Tell
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = clock
    who: str = ""
    """Who goes on with a change that somebody else began; "" for whoever began it."""
    why: str = ""
    _seen_ours: float = float("-inf")

    def __post_init__(self) -> None:
        self._systems = Systems(self.settable, self.sleep)

    async def read(self, ref: Ref) -> Reading:
        """What the ref holds once nothing moves any more. Asks again where nobody answers."""
        return await self._systems.read(ref)

    async def set(self, change: Change, step: Step, *, insist: bool = False) -> None:
        """Bring the ref from `before` to `after`; `insist` tries again where nobody answers.

        Raises Conflict where it holds a third value, else what the backend said.
        """
        sent = step.state in UNKNOWN
        for attempt in range(ATTEMPTS):
            last = attempt + 1 == ATTEMPTS
            reading = await self._systems.read(step.ref)
            if reading.value == step.after:
                if step.state not in ("done", "found"):
                    await self.record(change, step, "done" if sent else "found")
                return
            if reading.value != step.before:
                raise stranger(step, reading)
            await self._systems.check_idle(step.ref)
            await self.record(change, step, "intent")
            try:
                said = await self._write(change, step.ref, step.after, reading)
            except LeaseLost:
                raise
            except NotSent as refused:
                if not sent and await self._systems.holds(step.ref, step.before):
                    # Nothing of ours is there or on its way: an undo has nothing to do here.
                    await self.record(change, step, "pending", refused.cause.message)
                again = isinstance(refused.cause, Conflict) or (
                    insist and isinstance(refused.cause, Unreachable)
                )
                if last or not again:
                    raise refused.cause from refused
            except BackendError as error:
                sent = True
                if last or not insist or journal_failed(error):
                    raise
            else:
                await self.record(change, step, "done", said)
                return
            await self.sleep(0.2 * 2**attempt)

    async def put_back(self, change: Change, step: Step) -> str | None:
        """Undo one step. Returns in words what was left alone: somebody else's value.

        Raises Denied or Conflict where the system does not let it be put back, BackendError
        where nobody answers.
        """
        settable = self.settable(step.ref)
        unknown = step.state in UNKNOWN
        trouble: ModeldeckError = Conflict(f"{step.ref} does not stay {show(step.before)}")
        for attempt in range(ATTEMPTS):
            if attempt:
                await self.sleep(0.2 * 2**attempt)
            reading = await self._systems.read(step.ref)
            if reading.value not in (step.before, step.after):
                said = (
                    f"{step.ref} is {show(reading.value)}{_by(reading)}, neither "
                    f"{show(step.before)} nor {show(step.after)}, and was left so"
                )
                await self.record(change, step, "foreign", said)
                return said
            if reading.value == step.before and not unknown:
                await self.record(change, step, "undone", "found as before")
                return None
            await self._systems.check_idle(step.ref)
            await self.record(change, step, "undo_intent")
            try:
                # Written even where `before` is read: a late request then loses its
                # compare-and-set.
                said = await self._write(change, step.ref, step.before, reading, undo=True)
            except LeaseLost:
                raise
            except NotSent as refused:
                trouble, unknown = refused.cause, True
                if isinstance(trouble, Denied) and not await self._systems.stays(
                    step.ref, step.before
                ):
                    raise trouble from refused
                if isinstance(trouble, Denied):
                    await self.record(change, step, "undone", "found as before")
                    return None
            except (Conflict, BackendError) as error:
                if journal_failed(error):
                    raise
                trouble, unknown = error, True
            else:
                # Where the system compares nothing, only time tells that no late request comes.
                if (
                    settable.guarded
                    or not unknown
                    or await self._systems.stays(step.ref, step.before)
                ):
                    await self.record(change, step, "undone", said)
                    return None
        raise trouble

    async def record(self, change: Change, step: Step, state: StepState, note: str = "") -> None:
        asked = self.clock()
        await self.journal.step(change, step.index, state, note)
        self._seen_ours = asked
        shown: StepState = "failed" if state == "pending" else state
        self.say(Progress(step.index, shown, note))

    def say(self, progress: Progress) -> None:
        # Whoever watches may have gone: a closed terminal must not stop a change in the middle.
        with contextlib.suppress(Exception):
            self.tell(progress)

    async def hold(self, change: Change) -> None:
        """Renew the lease. Raises LeaseLost."""
        asked = self.clock()
        await self.journal.renew(change)
        self._seen_ours = asked

    async def _write(
        self, change: Change, ref: Ref, after: Value, reading: Reading, *, undo: bool = False
    ) -> str:
        """Send one request and see it arrive. Raises what `Systems.write` raises, and Conflict."""

        async def still_ours() -> None:
            while self.clock() - self._seen_ours > self.journal.lease_seconds / 2:
                await self.hold(change)

        # A program that stood still after its intent was recorded must not write any more; nor one
        # that did while it waited for its turn.
        await still_ours()
        deed = self._deed(change, undo=undo)
        said = await self._systems.write(ref, after, reading, deed, still_ours)
        await self._systems.arrived(ref, after)
        return said

    def _deed(self, change: Change, *, undo: bool) -> Deed:
        who, why = (self.who, self.why) if self.who else (change.actor, change.reason)
        return Deed(who, change.id, change.number, change.plan.kind, why, undo)


def stranger(step: Step, reading: Reading) -> Conflict:
    return Conflict(
        f"{step.ref} is {show(reading.value)}{_by(reading)}, not {show(step.before)} "
        "as the plan has it",
        hint="look at `modeldeck changes`, then plan again from what is live now",
    )


def _by(reading: Reading) -> str:
    return f" by {reading.note}" if reading.note else ""
