"""The one place that applies a plan (`docs/architecture.md`, "A change is a list of sets").

Every write is preceded by a committed intent and a check of the lease, and followed by reading
back. The journal is never believed about the world: each set is read before it is decided.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from backends.base import Reading, Settable
from backends.journal.base import (
    LEASE_SECONDS,
    Change,
    ChangeState,
    Journal,
    LeaseLost,
    Step,
    StepState,
)
from core.errors import (
    EXIT_INTERRUPTED,
    EXIT_NO,
    BackendError,
    BadAnswer,
    Conflict,
    Denied,
    ModeldeckError,
    Timeout,
    Unfinished,
)
from core.plan import Plan
from core.refs import Ref, Value, show

BACK_ATTEMPTS = 3
READ_BACK_SECONDS = 2.0


class Interrupted(ModeldeckError):
    """The operator, or a signal, asked to stop."""

    exit_code = EXIT_INTERRUPTED
    code = "interrupted"


class NotSeen(ModeldeckError):
    """What was written is not what arrives."""

    exit_code = EXIT_NO
    code = "not_seen"


@dataclass(frozen=True, slots=True)
class Progress:
    """One line of a running change: which set, and how far it got; or a note."""

    index: int | None
    state: StepState | Literal["verifying", "note"]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether the plan's effect was seen from outside; `against` is evidence that it is not so."""

    verified: bool
    text: str = ""
    against: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a change ended."""

    change: Change
    state: ChangeState
    verified: bool
    text: str
    cause: ModeldeckError | None = None

    @property
    def exit_code(self) -> int:
        if self.state == "done":
            return 0
        if self.state in ("unfinished", "needs_person", "running"):
            return Unfinished.exit_code
        if self.state == "conflict":
            return Conflict.exit_code
        return self.cause.exit_code if self.cause else EXIT_NO


Tell = Callable[[Progress], None]
Verify = Callable[[Plan], Awaitable[Verified]]
AfterDone = Callable[[Change], Awaitable[int | None]]


async def unverified(_plan: Plan) -> Verified:
    return Verified(False, "nothing can be observed from outside")


async def no_release(_change: Change) -> int | None:
    return None


@dataclass
class Applier:
    """Applies plans. `stop` is set by a signal or by the console when it quits.

    `after_done` is asked for the number of the release that a finished change made.
    """

    journal: Journal
    settable: Callable[[Ref], Settable]
    holder: str
    verify: Verify = unverified
    after_done: AfterDone = no_release
    tell: Tell = lambda _progress: None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def apply(
        self, plan: Plan, *, actor: str, reason: str = "", command: str = "", key: str | None = None
    ) -> Outcome:
        """Begin the plan's change and bring it to an end. Raises only where nothing was begun."""
        change = await self.journal.begin(
            plan, actor=actor, reason=reason, command=command, key=key, holder=self.holder
        )
        if change.repeated:
            said = f"change {change.number} with this key: {change.note}".rstrip(": ")
            return Outcome(change, change.state, change.verified, said)
        return await self._held(change, self._run(change))

    async def recover(self, number: int) -> Outcome:
        """Finish or undo a change that was cut off. Raises Conflict while somebody holds it."""
        change = await self.journal.take_over(number, self.holder)
        return await self._held(change, self._recover(change))

    async def _recover(self, change: Change) -> Outcome:
        if change.goal == "back":
            return await self._go_back(change)
        if change.goal == "forward":
            readings = [await self._read_patiently(step.ref) for step in change.steps]
            everything = all(
                reading is not None and reading.value == step.after
                for reading, step in zip(readings, change.steps, strict=True)
            )
            if everything:
                for step in change.steps:
                    await self._step(change, step, "done", "found as wanted")
                return await self._finish_forward(change)
        cause = Unfinished(f"change {change.number} was cut off")
        return await self._undo(change, cause)

    async def _held(self, change: Change, work: Awaitable[Outcome]) -> Outcome:
        """Run `work` while the lease is renewed beside it; losing it ends everything."""
        task = asyncio.ensure_future(work)
        keeper = asyncio.create_task(self._keep(change))
        try:
            return await task
        except LeaseLost as lost:
            return Outcome(change, "unfinished", False, lost.message, lost)
        except BackendError as error:
            if error.backend != "journal":
                raise
            # Without a journal nothing more may be written; what is set stays for `recover`.
            said = f"the journal failed in the middle: {error.message}"
            return Outcome(change, "unfinished", False, said, error)
        finally:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper

    async def _keep(self, change: Change) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 4)
            # A lost lease is met by the next step, which checks it before it writes.
            with contextlib.suppress(ModeldeckError):
                await self.journal.renew(change)

    async def _run(self, change: Change) -> Outcome:
        if change.plan.goal == "back":
            return await self._go_back(change)
        for step in change.steps:
            try:
                if self.stop.is_set():
                    raise Interrupted("interrupted: what was set is put back")
                await self._set(change, step)
            except LeaseLost:
                raise
            except ModeldeckError as cause:
                if _journal_failed(cause):
                    raise
                return await self._undo(change, cause)
        return await self._finish_forward(change)

    async def _finish_forward(self, change: Change) -> Outcome:
        verified = await self._verified(change)
        if verified.against:
            return await self._undo(change, NotSeen(f"not seen on live traffic: {verified.text}"))
        if self.stop.is_set() and not verified.verified:
            return await self._undo(change, Interrupted("interrupted: what was set is put back"))
        return await self._done(change, verified)

    async def _done(self, change: Change, verified: Verified) -> Outcome:
        release = await self.after_done(change)
        await self.journal.finish(
            change, "done", verified=verified.verified, note=verified.text, release=release
        )
        ended = replace(change, release=release, state="done", open=False)
        return Outcome(ended, "done", verified.verified, verified.text)

    async def _verified(self, change: Change) -> Verified:
        self.tell(Progress(None, "verifying"))
        look = asyncio.ensure_future(self.verify(change.plan))
        stopped = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({look, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not look.done():
                return Verified(False, "interrupted before it was seen")
            return look.result()
        except BackendError as error:
            return Verified(False, f"could not be observed: {error.message}")
        finally:
            for task in (look, stopped):
                task.cancel()

    async def _set(self, change: Change, step: Step) -> None:
        """One set of a forward plan, or one attempt on the way back."""
        settable = self.settable(step.ref)
        reading = await settable.read(step.ref)
        if reading.value == step.after:
            await self._step(change, step, "done" if step.state == "intent" else "found")
            return
        if reading.value != step.before:
            raise _stranger(step, reading)
        await self._step(change, step, "intent")
        await self._write(settable, step.ref, step.before, step.after, reading)
        await self._step(change, step, "done")

    async def _write(
        self, settable: Settable, ref: Ref, before: Value, after: Value, reading: Reading
    ) -> None:
        """Write and read back. A time-out is waited out, and what is then read decides."""
        try:
            await settable.write(ref, after, before=before, revision=reading.revision)
        except Timeout:
            await self.sleep(settable.settle_seconds)
            if (await settable.read(ref)).value != after:
                raise
            return
        waited = 0.0
        while (now := await settable.read(ref)).value != after:
            if not now.moving and waited >= READ_BACK_SECONDS:
                raise Conflict(
                    f"{ref} was set to {show(after)} and reads back as {show(now.value)}"
                )
            await self.sleep(0.05)
            waited += 0.05

    async def _step(self, change: Change, step: Step, state: StepState, note: str = "") -> None:
        await self.journal.step(change, step.index, state, note)
        self.tell(Progress(step.index, state, note))

    async def _undo(self, change: Change, cause: ModeldeckError) -> Outcome:
        """Put back what was set or may have been set, last first."""
        await self.journal.turn_back(change)
        now = await self.journal.change(change.number)
        assert now is not None
        left = [
            f"{step.ref} was {show(step.after)} already and was left so"
            for step in now.steps
            if step.state == "found"
        ]
        needs_person = unfinished = False
        for step in reversed(now.steps):
            if step.state in ("pending", "found", "undone", "foreign"):
                continue
            try:
                said = await self._put_back(change, step)
                if said:
                    left.append(said)
            except LeaseLost:
                raise
            except (Denied, BadAnswer, Conflict) as error:
                needs_person = True
                left.append(f"{step.ref} could not be put back: {error.message}")
                await self._step(change, step, "failed", error.message)
            except BackendError as error:
                if _journal_failed(error):
                    raise
                unfinished = True
                left.append(f"{step.ref} could not be put back yet: {error.message}")
                await self._step(change, step, "failed", error.message)
        state: ChangeState = "conflict" if isinstance(cause, Conflict) else "undone"
        if unfinished:
            state = "unfinished"
        if needs_person:
            state = "needs_person"
        text = "; ".join([cause.message, *left])
        await self.journal.finish(change, state, verified=False, note=text, release=None)
        return Outcome(change, state, False, text, cause)

    async def _put_back(self, change: Change, step: Step) -> str | None:
        """Undo one step. Returns what was left alone, in words."""
        settable = self.settable(step.ref)
        reading = await self._must_read(step.ref)
        unknown = step.state in ("intent", "undo_intent", "failed")
        if reading.value not in (step.before, step.after):
            said = f"{step.ref} is {show(reading.value)} by somebody else and was left so"
            await self._step(change, step, "foreign", said)
            return said
        if reading.value == step.before and not unknown:
            await self._step(change, step, "undone", "found as before")
            return None
        await self._step(change, step, "undo_intent")
        # Written even where `before` is read: a late request then loses its compare-and-set.
        await self._write_back(settable, step, reading)
        if unknown and not settable.guarded:
            await self.sleep(settable.settle_seconds)
            late = await self._must_read(step.ref)
            if late.value == step.after:
                await self._write_back(settable, step, late)
            elif late.value != step.before:
                raise _stranger(step, late)
        await self._step(change, step, "undone")
        return None

    async def _write_back(self, settable: Settable, step: Step, reading: Reading) -> None:
        await self._write(settable, step.ref, reading.value, step.before, reading)

    async def _go_back(self, change: Change) -> Outcome:
        """Keep what is set, go on with the rest, and end as unfinished where some is missing."""
        left: list[str] = []
        cause: ModeldeckError | None = None
        for step in change.steps:
            if step.state in ("done", "found"):
                continue
            try:
                await self._insist(change, step)
            except LeaseLost:
                raise
            except ModeldeckError as error:
                if _journal_failed(error):
                    raise
                cause = error
                left.append(error.message)
                state: StepState = "foreign" if isinstance(error, Conflict) else "failed"
                await self._step(change, step, state, error.message)
        verified = await self._verified(change)
        if cause is None:
            return await self._done(change, replace(verified, against=False))
        text = "; ".join(left)
        await self.journal.finish(
            change, "unfinished", verified=verified.verified, note=text, release=None
        )
        return Outcome(change, "unfinished", verified.verified, text, cause)

    async def _insist(self, change: Change, step: Step) -> None:
        """A set on the way back: tried again where the backend did not answer."""
        for attempt in range(BACK_ATTEMPTS):
            try:
                await self._set(change, step)
                return
            except (Conflict, Denied):
                raise
            except BackendError as error:
                if _journal_failed(error) or attempt + 1 == BACK_ATTEMPTS:
                    raise
                await self.sleep(0.2 * 2**attempt)

    async def _must_read(self, ref: Ref) -> Reading:
        for attempt in range(BACK_ATTEMPTS):
            try:
                return await self.settable(ref).read(ref)
            except BackendError:
                if attempt + 1 == BACK_ATTEMPTS:
                    raise
                await self.sleep(0.2 * 2**attempt)
        raise AssertionError("unreachable")

    async def _read_patiently(self, ref: Ref) -> Reading | None:
        try:
            return await self._must_read(ref)
        except BackendError:
            return None


def _journal_failed(error: ModeldeckError) -> bool:
    return isinstance(error, BackendError) and error.backend == "journal"


def _stranger(step: Step, reading: Reading) -> Conflict:
    who = f" by {reading.note}" if reading.note else ""
    return Conflict(
        f"{step.ref} is {show(reading.value)}{who}, not {show(step.before)} as the plan has it",
        hint="look at `modeldeck changes`, then plan again from what is live now",
    )
