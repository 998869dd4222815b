"""A console that does what comes to its mind, on a system that fails, in real time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from backends.base import Settable
from backends.journal.base import Journal
from commands.apply import Applier
from commands.outcome import Outcome, Verified
from core.errors import BackendError, ModeldeckError
from core.promotion import promote
from core.refs import Ref
from core.releases import rollback
from core.strategies import abort, canary, shadow
from core.versions import Stage
from tests.commands.harness.fleet import PASSED, R1, release_keeper, seen
from tests.commands.harness.journals import open_journal
from tests.commands.harness.settable import Faults, SimSettable
from tests.commands.harness.world import World

LEASE = 0.8
SETTLE = 0.2
OVER = "over"
"""The file that ends a round for its consoles."""


class SlowSettable(SimSettable):
    """Answers late now and then, so that others come in between."""

    async def read(self, ref: Ref) -> Any:
        await self._pause()
        return await super().read(ref)

    async def write(self, ref: Ref, after: Any, *, before: Any, revision: str) -> None:
        await self._pause()
        await super().write(ref, after, before=before, revision=revision)
        await self._pause()

    async def _pause(self) -> None:
        rng = self.faults.rng
        if rng is not None and rng.random() < 0.3:
            await asyncio.sleep(rng.random() * 0.02)


def found(folder: str) -> None:
    """What serves is the first release, as the door records it before the first change."""
    asyncio.run(_found(Path(folder)))


async def _found(folder: Path) -> None:
    _, journal, _ = _open(folder, Faults(), [])
    await journal.add_release(replace(R1, number=0))
    await journal.close()


def console(folder: str, seed: int, seconds: float, unguarded: list[str]) -> list[str]:
    """Change after change until the round or the time is over; how each of them ended."""
    return asyncio.run(_console(Path(folder), random.Random(seed), seconds, unguarded))


async def _console(
    folder: Path, rng: random.Random, seconds: float, unguarded: list[str]
) -> list[str]:
    world, journal, settable = _open(folder, Faults(rng=rng, rate=0.06), unguarded)
    said: list[str] = []
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end and not (folder / OVER).exists():
            stop = asyncio.Event()
            applier = Applier(
                journal,
                settable,
                f"console {os.getpid()}",
                verify=lambda _plan: _verify(rng),
                after_done=cast(Any, release_keeper(journal, world.values)),
                stop=stop,
            )
            if rng.random() < 0.15:
                asyncio.get_running_loop().call_later(rng.random() * 0.2, stop.set)
            try:
                outcome = await _something(applier, world, rng)
                said.append(f"{outcome.change.number} {outcome.state}" if outcome else "nothing")
            except ModeldeckError as error:
                said.append(error.code)
            await asyncio.sleep(rng.random() * 0.03)
    finally:
        await journal.close()
    return said


async def _something(applier: Applier, world: World, rng: random.Random) -> Outcome | None:
    cut_off = [c for c in await applier.journal.open_changes() if not c.running]
    if cut_off and rng.random() < 0.6:
        return await applier.recover(cut_off[0].number)
    standing = await applier.journal.standing("fraud")
    releases = tuple(await applier.journal.releases("fraud"))
    now = seen(world.values(), releases, None)
    candidate = now.need_model().find(rng.choice(["13", "12"]))
    assert candidate is not None
    makers = [
        lambda: canary(now, candidate, rng.choice([500, 2500]), None),
        lambda: shadow(now, candidate, 1000),
        lambda: promote(now, candidate, Stage.PRODUCTION, PASSED),
        # The way of an archived version back to new traffic: without it all would soon rest.
        lambda: promote(now, candidate, Stage.STAGING, None),
        lambda: rollback(now, None, None, "soak"),
        lambda: abort(now),
    ]
    plan = rng.choice(makers)()
    if plan.refused or not plan.sets:
        return None
    planned = replace(plan, standing=standing)
    return await applier.apply(planned, actor=applier.holder, command=plan.kind)


async def _verify(rng: random.Random) -> Verified:
    await asyncio.sleep(rng.random() * 0.05)
    drawn = rng.random()
    if drawn < 0.05:
        raise BackendError("no counts", backend="simulated")
    return Verified(drawn > 0.3, "soak", against=drawn < 0.1)


def _open(folder: Path, faults: Faults, unguarded: list[str]) -> tuple[World, Journal, Any]:
    world = World(folder / "world", virtual=False)
    journal = open_journal(folder, lease_seconds=LEASE)
    made: dict[bool, Settable] = {
        guarded: SlowSettable(
            world,
            guarded=guarded,
            settle_seconds=SETTLE,
            faults=faults,
            late_after=lambda: random.random() * SETTLE * 0.8,
        )
        for guarded in (True, False)
    }
    return world, journal, lambda ref: made[ref.kind not in unguarded]


def recover_everything(folder: str, unguarded: list[str]) -> list[str]:
    """End what is open once all leases are over, on a system that works again."""
    return asyncio.run(_recover_everything(Path(folder), unguarded))


async def _recover_everything(folder: Path, unguarded: list[str]) -> list[str]:
    _, journal, settable = _open(folder, Faults(), unguarded)
    said = []
    deadline = time.monotonic() + 30
    try:
        while open_ones := await journal.open_changes():
            assert time.monotonic() < deadline, said
            with contextlib.suppress(ModeldeckError):
                outcome = await Applier(journal, settable, "the last").recover(open_ones[0].number)
                said.append(outcome.state)
            await asyncio.sleep(0.05)
    finally:
        await journal.close()
    return said
