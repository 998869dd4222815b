"""The one place that applies a plan (`docs/architecture.md`, "A change is a list of sets").

How one set is made and undone is in `commands.setter`; here is the order of the sets, what is
done when one fails, and how a change ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from backends.base import Settable
from backends.journal.base import (
    RECOVERED_BY,
    Change,
    ChangeState,
    Journal,
    LeaseLost,
    Step,
    StepState,
)
from commands.movedon import MovedOn, moved_on, set_the_rest
from commands.outcome import Interrupted, NotSeen, Outcome, Verified
from commands.setter import UNKNOWN, Progress, Setter, Tell, clock
from commands.systems import journal_failed
from core.errors import (
    BackendError,
    Conflict,
    Denied,
    ModeldeckError,
    Unfinished,
)
from core.plan import Plan
from core.redaction import redact
from core.refs import Ref, show
from core.split import Split

Verify = Callable[[Plan], Awaitable[Verified]]
AfterDone = Callable[[Change], Awaitable[int | None]]


async def unverified(_plan: Plan) -> Verified:
    return Verified(False, "nothing can be observed from outside")


async def no_release(_change: Change) -> int | None:
    return None


@dataclass
class Applier:
    """Applies plans. `stop` is set by a signal or by the console when it quits.

    `after_done` is asked for the number of the release that a finished change made. Cancelling
    a call leaves the change as a crash would: open, and for `recover` to end.
    """

    journal: Journal
    settable: Callable[[Ref], Settable]
    holder: str
    verify: Verify = unverified
    after_done: AfterDone = no_release
    tell: Tell = lambda _progress: None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = clock

    def __post_init__(self) -> None:
        self._setter = Setter(self.journal, self.settable, self.tell, self.sleep, self.clock)

    async def apply(
        self, plan: Plan, *, actor: str, reason: str = "", command: str = "", key: str | None = None
    ) -> Outcome:
        """Begin the plan's change and bring it to an end. Raises only where nothing was begun."""
        self._setter.who = self._setter.why = ""
        overtaken = await self._overtaken(plan) if plan.goal == "back" else None
        change = await self.journal.begin(
            plan, actor=actor, reason=reason, command=command, key=key, holder=self.holder
        )
        if change.repeated:
            return Outcome.repeated(change)
        return await self._held(change, self._run(change, overtaken))

    async def recover(self, number: int, *, actor: str = "", reason: str = "") -> Outcome:
        """Finish or undo a change that was cut off. Raises Conflict while somebody holds it.

        What is still set or put back is `actor`'s doing, who need not be who began the change.
        """
        change = await self.journal.take_over(number, self.holder)
        self._setter.who, self._setter.why = redact(actor), redact(reason)
        return await self._held(change, self._recover(change))

    async def _overtaken(self, plan: Plan) -> Change | None:
        """The cut-off change whose place a way back is about to take."""
        cut_off = [c for c in await self.journal.open_changes() if not c.running]
        return next((c for c in cut_off if c.plan.service == plan.service), None)

    async def _recover(self, change: Change) -> Outcome:
        # What lands later than that is reckoned with wherever something is put back.
        await self._let_land(change, settle=False)
        if change.goal == "back":
            return await self._go_back(change, again=True)
        if change.goal == "forward" and await self._all_set(change):
            for step in change.steps:
                if step.state not in ("done", "found"):
                    state: StepState = "done" if step.state in UNKNOWN else "found"
                    await self._setter.record(change, step, state, "found as wanted")
            return await self._finish_forward(change)
        return await self._undo(change, Unfinished(f"change {change.number} was cut off"))

    async def _all_set(self, change: Change) -> bool:
        for step in change.steps:
            try:
                if (await self._setter.read(step.ref)).value != step.after:
                    return False
            except ModeldeckError:
                return False
        return True

    async def _held(self, change: Change, work: Awaitable[Outcome]) -> Outcome:
        """Run `work` while the lease is renewed beside it; losing it ends everything."""
        keeper = asyncio.create_task(self._keep(change))
        try:
            return await work
        except LeaseLost as lost:
            return Outcome(change, "unfinished", False, lost.message, lost)
        except BackendError as error:
            if not journal_failed(error):
                raise
            # Without a journal nothing more may be written; what is set stays for `recover`.
            said = f"the journal failed in the middle: {error.message}"
            return Outcome(change, "unfinished", False, said, error)
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    async def _keep(self, change: Change) -> None:
        while True:
            await asyncio.sleep(self.journal.lease_seconds / 4)
            # A lost lease is met by the next step, which checks it before it writes.
            with contextlib.suppress(ModeldeckError):
                await self._setter.hold(change)

    async def _run(self, change: Change, overtaken: Change | None) -> Outcome:
        if change.plan.goal == "back":
            if overtaken is not None:
                await self._let_land(overtaken, settle=True)
            return await self._go_back(change)
        for step in change.steps:
            try:
                if self.stop.is_set():
                    raise Interrupted("interrupted: what was set is put back")
                await self._setter.set(change, step)
            except LeaseLost:
                raise
            except ModeldeckError as cause:
                if journal_failed(cause):
                    raise
                return await self._undo(change, cause)
        return await self._finish_forward(change)

    async def _let_land(self, cut_off: Change, *, settle: bool) -> None:
        """Wait until no request of a cut-off change is waited for any more; with `settle`, until
        none can land on top of ours.

        Its lease has ended, and its program sent nothing once half of that was over.
        """
        late = 0.0
        for step in cut_off.steps:
            if step.state in UNKNOWN:
                with contextlib.suppress(ModeldeckError):
                    system = self.settable(step.ref)
                    lands = system.timeout + (system.settle_seconds if settle else 0.0)
                    late = max(late, lands - self.journal.lease_seconds / 2)
        if late > 0:
            await self.sleep(late)

    async def _finish_forward(self, change: Change) -> Outcome:
        verified = await self._verified(change)
        if verified.against:
            return await self._undo(change, NotSeen(f"not seen on live traffic: {verified.text}"))
        if self.stop.is_set() and not verified.verified:
            return await self._undo(change, Interrupted("interrupted: what was set is put back"))
        return await self._done(change, verified)

    async def _done(self, change: Change, verified: Verified) -> Outcome:
        await self._setter.hold(change)
        release = None
        # What serves now is recorded if it can be told; the change is done either way.
        with contextlib.suppress(Exception):
            release = await self.after_done(change)
        await self._finish(
            change, "done", verified=verified.verified, note=verified.text, release=release
        )
        ended = replace(change, release=release, state="done", open=False)
        return Outcome(ended, "done", verified.verified, verified.text)

    async def _finish(
        self, change: Change, state: ChangeState, *, verified: bool, note: str, release: int | None
    ) -> None:
        """Record the result, with whoever recovered the change."""
        if self._setter.who:
            said = ": ".join(filter(None, (RECOVERED_BY + self._setter.who, self._setter.why)))
            note = "; ".join(filter(None, (said, note)))
        await self.journal.finish(change, state, verified=verified, note=note, release=release)

    async def _verified(self, change: Change) -> Verified:
        self._setter.say(Progress(None, "verifying"))
        look = asyncio.ensure_future(self.verify(change.plan))
        stopped = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({look, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not look.done():
                return Verified(False, "interrupted before it was seen")
            return look.result()
        except ModeldeckError as error:
            return Verified(False, f"could not be observed: {error.message}")
        except Exception as error:
            # Not being able to look is no reason to leave a change half-way.
            return Verified(False, f"could not be observed: {type(error).__name__}: {error}")
        finally:
            look.cancel()
            stopped.cancel()
            await asyncio.gather(look, stopped, return_exceptions=True)

    async def _undo(self, change: Change, cause: ModeldeckError) -> Outcome:
        """Put back what was set or may have been set, last first."""
        seen = await self.journal.change(change.number)
        moved = await moved_on(seen, self.settable) if seen and seen.goal == "forward" else None
        if seen and moved:
            return await self._stands(seen, moved, cause)
        await self.journal.turn_back(change)
        now = await self.journal.change(change.number)
        assert now is not None
        left = [
            f"{step.ref} was {show(step.after)} already and was left so"
            for step in now.steps
            if step.state == "found"
        ]
        contested = isinstance(cause, Conflict) or any(s.state == "foreign" for s in now.steps)
        refused = unfinished = False
        for step in reversed(now.steps):
            if step.state in ("pending", "found", "undone", "foreign"):
                continue
            try:
                said = await self._setter.put_back(change, step)
                if said:
                    contested = True
                    left.append(said)
                continue
            except LeaseLost:
                raise
            except (Denied, Conflict) as error:
                refused, trouble = True, error.message
            except ModeldeckError as error:
                if journal_failed(error):
                    raise
                unfinished, trouble = True, error.message
            left.append(f"{step.ref} could not be put back to {show(step.before)}: {trouble}")
            await self._setter.record(change, step, "failed", trouble)
        state: ChangeState = "conflict" if contested else "undone"
        if refused:
            state = "needs_person"
        if unfinished:
            # Open, so that `recover` tries again; what was refused is then refused again.
            state = "unfinished"
        text = "; ".join([cause.message, *left])
        await self._finish(change, state, verified=False, note=text, release=None)
        return Outcome(change, state, False, text, cause)

    async def _stands(self, change: Change, moved: MovedOn, cause: ModeldeckError) -> Outcome:
        """It was done, and others have gone on from it: no release of ours serves any more."""
        left, unfinished = await set_the_rest(self._setter, change, moved)
        state: ChangeState = "needs_person" if left else "done"
        if unfinished:
            state = "unfinished"
        why = "interrupted" if isinstance(cause, Interrupted) else cause.message
        text = "; ".join([why, moved.text, *left])
        await self._finish(change, state, verified=False, note=text, release=None)
        return Outcome(replace(change, state=state, open=unfinished), state, False, text, cause)

    async def _go_back(self, change: Change, *, again: bool = False) -> Outcome:
        """Keep what is set, go on with the rest, and end as unfinished where some is missing.

        `again`: somebody recovers it; what then belongs to others, or is refused, is final.
        """
        causes: list[ModeldeckError] = []
        empty: dict[str, Ref] = {}
        for step in change.steps:
            try:
                _check_loaded(step, empty)
                await self._setter.set(change, step, insist=True)
            except LeaseLost:
                raise
            except ModeldeckError as error:
                if journal_failed(error):
                    raise
                causes.append(error)
                if step.ref.kind == "slot":
                    empty[step.ref.parts[1]] = step.ref
                foreign = isinstance(error, Conflict)
                await self._setter.record(
                    change, step, "foreign" if foreign else "failed", error.message
                )
        verified = await self._verified(change)
        if not causes:
            return await self._done(change, replace(verified, against=False))
        state: ChangeState = "unfinished"
        if again and all(isinstance(cause, Conflict | Denied | Unfinished) for cause in causes):
            refused = any(isinstance(cause, Denied) for cause in causes)
            state = "needs_person" if refused else "conflict"
        text = "; ".join(cause.message for cause in causes)
        await self._finish(change, state, verified=verified.verified, note=text, release=None)
        return Outcome(change, state, verified.verified, text, causes[-1])


def _check_loaded(step: Step, empty: dict[str, Ref]) -> None:
    """Raises Unfinished where traffic would go to a slot whose version could not be loaded."""
    if step.ref.kind == "traffic" and isinstance(step.after, Split):
        for slot in sorted(step.after.slots() & set(empty)):
            raise Unfinished(f"{step.ref} stays as it is: {empty[slot]} holds the wrong version")
