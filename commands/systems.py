"""The systems that a plan sets, as they are spoken to: one ref read until it rests, one request
sent and waited out, its arrival seen. What is recorded of it, and under whose lease, is the setter's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from backends.base import Ledgered, Reading, Settable, StillOurs
from backends.journal.base import LeaseLost
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


def journal_failed(error: ModeldeckError) -> bool:
    return isinstance(error, BackendError) and error.backend == "journal"


class NotSent(Exception):
    """The system refused the request: it had no effect."""

    def __init__(self, cause: ModeldeckError) -> None:
        super().__init__(cause.message)
        self.cause = cause


@dataclass
class Systems:
    """Whatever holds the refs of a plan. `sleep` is how time passes."""

    settable: Callable[[Ref], Settable]
    sleep: Callable[[float], Awaitable[None]]

    async def read(self, ref: Ref) -> Reading:
        """What the ref holds once nothing moves any more. Asks again where nobody answers."""
        waited = 0.0
        while True:
            reading = await self._read(ref)
            if not reading.moving or waited >= MOVING_SECONDS:
                return reading
            await self.sleep(0.2)
            waited += 0.2

    async def write(
        self, ref: Ref, after: Value, reading: Reading, deed: Deed, still_ours: StillOurs
    ) -> str:
        """Send one request. A time-out is waited out, and what is then read decides.

        Raises NotSent where the system says that the request had no effect, and what `still_ours`
        raises where the system has the writer wait.
        """
        settable = self.settable(ref)
        try:
            if isinstance(settable, Ledgered):
                return await self._guard(
                    ref,
                    settable.write_for(
                        ref,
                        after,
                        before=reading.value,
                        revision=reading.revision,
                        deed=deed,
                        still_ours=still_ours,
                    ),
                )
            await self._guard(
                ref,
                settable.write(ref, after, before=reading.value, revision=reading.revision),
            )
        except (Conflict, Denied, Unreachable, Refused) as error:
            if isinstance(error, LeaseLost) or journal_failed(error):
                raise
            raise NotSent(error) from error
        except Timeout as error:
            if journal_failed(error):
                raise
            await self.sleep(settable.settle_seconds)
            now = await self.read(ref)
            # What was there already shows by its revision alone whether it was written.
            unmoved = settable.guarded and now.revision == reading.revision
            if now.value != after or (reading.value == after and unmoved):
                raise
        return ""

    async def arrived(self, ref: Ref, after: Value) -> None:
        """Wait until the ref reads as what was written."""
        waited = 0.0
        while (now := await self._read(ref)).value != after:
            if waited >= (MOVING_SECONDS if now.moving else READ_BACK_SECONDS):
                raise Conflict(
                    f"{ref} was set to {show(after)} and reads back as {show(now.value)}"
                )
            await self.sleep(0.05)
            waited += 0.05

    async def holds(self, ref: Ref, value: Value) -> bool:
        try:
            return (await self.read(ref)).value == value
        except ModeldeckError:
            return False

    async def stays(self, ref: Ref, value: Value) -> bool:
        """Whether the ref still holds the value once no late request can land any more."""
        await self.sleep(self.settable(ref).settle_seconds)
        return await self.holds(ref, value)

    async def check_idle(self, ref: Ref) -> None:
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

    async def _guard(self, ref: Ref, work: Awaitable[T]) -> T:
        """A defect of an adapter is one more answer that cannot be understood."""
        try:
            return await work
        except ModeldeckError:
            raise
        except Exception as error:
            said = f"{ref}: {type(error).__name__}: {error}"
            raise BadAnswer(said, backend=str(ref), operation="set") from error
