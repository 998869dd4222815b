"""One set of a plan: read, decide, record the intent, write, read back; and the same undone.

The journal is never believed about the world: what a ref reads as decides what is done with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from backends.base import Ledgered, Reading, Settable
from backends.journal.base import Change, Journal, LeaseLost, Step, StepState
from core.errors import (
    BackendError,
    BadAnswer,
    Conflict,
    Denied,
    ModeldeckError,
    Refused,
    Timeout,
    Unreachable,
)
from core.ledger import Deed
from core.refs import Ref, Value, show, traffic_ref
from core.split import Split

T = TypeVar("T")
ATTEMPTS = 3
READ_BACK_SECONDS = 2.0
MOVING_SECONDS = 120.0
"""How long a controller may take to arrive at what it was asked for."""
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


def journal_failed(error: ModeldeckError) -> bool:
    return isinstance(error, BackendError) and error.backend == "journal"


@dataclass
class Setter:
    """Sets refs and puts them back, each write under a lease that was seen to be ours."""

    journal: Journal
    settable: Callable[[Ref], Settable]
    tell: Tell
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = clock
    _seen_ours: float = float("-inf")

    async def set(self, change: Change, step: Step, *, insist: bool = False) -> None:
        """Bring the ref from `before` to `after`; `insist` tries again where nobody answers.

        Raises Conflict where it holds a third value, else what the backend said.
        """
        sent = step.state in UNKNOWN
        for attempt in range(ATTEMPTS):
            last = attempt + 1 == ATTEMPTS
            reading = await self.read(step.ref)
            if reading.value == step.after:
                if step.state not in ("done", "found"):
                    await self.record(change, step, "done" if sent else "found")
                return
            if reading.value != step.before:
                raise stranger(step, reading)
            await self._check_idle(step.ref)
            await self.record(change, step, "intent")
            try:
                said = await self._write(change, step.ref, step.after, reading)
                await self._arrived(step.ref, step.after)
            except LeaseLost:
                raise
            except _NotSent as refused:
                if not sent and await self._holds(step.ref, step.before):
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
            reading = await self.read(step.ref)
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
            await self._check_idle(step.ref)
            await self.record(change, step, "undo_intent")
            try:
                # Written even where `before` is read: a late request then loses its
                # compare-and-set.
                said = await self._write(change, step.ref, step.before, reading, undo=True)
                await self._arrived(step.ref, step.before)
            except LeaseLost:
                raise
            except _NotSent as refused:
                trouble, unknown = refused.cause, True
                if isinstance(trouble, Denied) and not await self._stays(settable, step):
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
                if settable.guarded or not unknown or await self._stays(settable, step):
                    await self.record(change, step, "undone", said)
                    return None
        raise trouble

    async def read(self, ref: Ref) -> Reading:
        """What the ref holds once nothing moves any more. Asks again where nobody answers."""
        waited = 0.0
        while True:
            reading = await self._read(ref)
            if not reading.moving or waited >= MOVING_SECONDS:
                return reading
            await self.sleep(0.2)
            waited += 0.2

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
        """Send one request. A time-out is waited out, and what is then read decides.

        Raises _NotSent where the system says that the request had no effect.
        """
        settable = self.settable(ref)
        # A program that stood still after its intent was recorded must not write any more.
        while self.clock() - self._seen_ours > self.journal.lease_seconds / 2:
            await self.hold(change)
        try:
            if isinstance(settable, Ledgered):
                return await self._guard(
                    ref,
                    settable.write_for(
                        ref,
                        after,
                        before=reading.value,
                        revision=reading.revision,
                        deed=_deed(change, undo=undo),
                    ),
                )
            await self._guard(
                ref,
                settable.write(ref, after, before=reading.value, revision=reading.revision),
            )
        except (Conflict, Denied, Unreachable, Refused) as error:
            raise _NotSent(error) from error
        except Timeout:
            await self.sleep(settable.settle_seconds)
            now = await self.read(ref)
            # What was there already shows by its revision alone whether it was written.
            unmoved = settable.guarded and now.revision == reading.revision
            if now.value != after or (reading.value == after and unmoved):
                raise
        return ""

    async def _arrived(self, ref: Ref, after: Value) -> None:
        """Wait until the ref reads as what was written."""
        waited = 0.0
        while (now := await self._read(ref)).value != after:
            if waited >= (MOVING_SECONDS if now.moving else READ_BACK_SECONDS):
                raise Conflict(
                    f"{ref} was set to {show(after)} and reads back as {show(now.value)}"
                )
            await self.sleep(0.05)
            waited += 0.05

    async def _read(self, ref: Ref) -> Reading:
        for attempt in range(ATTEMPTS):
            try:
                return await self._guard(ref, self.settable(ref).read(ref))
            except Denied:
                raise
            except BackendError:
                if attempt + 1 == ATTEMPTS:
                    raise
                await self.sleep(0.2 * 2**attempt)
        raise AssertionError("unreachable")

    async def _holds(self, ref: Ref, value: Value) -> bool:
        try:
            return (await self.read(ref)).value == value
        except ModeldeckError:
            return False

    async def _stays(self, settable: Settable, step: Step) -> bool:
        """Whether the ref still is as before once no late request can land any more."""
        await self.sleep(settable.settle_seconds)
        return await self._holds(step.ref, step.before)

    async def _check_idle(self, ref: Ref) -> None:
        """Raises Conflict where the ref is a slot that carries traffic: users are on it."""
        if ref.kind != "slot":
            return
        service, slot = ref.parts
        try:
            split = (await self.read(traffic_ref(service))).value
        except Refused:
            return  # No router is configured.
        if isinstance(split, Split) and slot in split.slots():
            raise Conflict(
                f"{ref} carries traffic of {service} now ({split}): nothing is loaded into it",
                hint="look at `modeldeck changes`, then plan again from what is live now",
            )

    async def _guard(self, ref: Ref, work: Awaitable[T]) -> T:
        """A defect of an adapter is one more answer that cannot be understood."""
        try:
            return await work
        except ModeldeckError:
            raise
        except Exception as error:
            said = f"{ref}: {type(error).__name__}: {error}"
            raise BadAnswer(said, backend=str(ref), operation="set") from error


class _NotSent(Exception):
    """The system refused the request: it had no effect."""

    def __init__(self, cause: ModeldeckError) -> None:
        super().__init__(cause.message)
        self.cause = cause


def _deed(change: Change, *, undo: bool) -> Deed:
    number, kind = change.number, change.plan.kind
    return Deed(change.actor, change.id, number, kind, change.reason, undo)


def stranger(step: Step, reading: Reading) -> Conflict:
    return Conflict(
        f"{step.ref} is {show(reading.value)}{_by(reading)}, not {show(step.before)} "
        "as the plan has it",
        hint="look at `modeldeck changes`, then plan again from what is live now",
    )


def _by(reading: Reading) -> str:
    return f" by {reading.note}" if reading.note else ""
