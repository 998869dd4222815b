"""What a console does in a process of its own: apply a plan or recover a change."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from backends.base import Settable
from backends.journal.base import Journal
from commands.apply import Applier
from commands.outcome import Outcome, Verified
from core.errors import Conflict
from core.plan import Plan
from core.refs import Ref
from tests.commands.harness.fleet import plan_of, release_keeper
from tests.commands.harness.journals import open_journal
from tests.commands.harness.ledger import SimRegistry
from tests.commands.harness.points import PointJournal, Points, PointSettable
from tests.commands.harness.settable import Faults, SimSettable
from tests.commands.harness.world import World

UNGUARDED = ("alias", "stage", "block", "prompt")
"""What a registry such as MLflow's sets without comparing."""


def settables(
    world: World, unguarded: tuple[str, ...], faults: Faults, wrap: Callable[[Settable], Settable]
) -> Callable[[Ref], Settable]:
    made = {
        guarded: wrap(SimSettable(world, guarded=guarded, faults=faults))
        for guarded in (True, False)
    }
    return lambda ref: made[ref.kind not in unguarded]


async def with_applier(
    folder: Path,
    points: Points,
    work: Callable[[Applier], Any],
    *,
    unguarded: tuple[str, ...] = (),
    faults: Faults | None = None,
    ledger: bool = False,
) -> Any:
    """`work` with an applier on the folder's world and journal, in the world's own time."""
    world = World(folder / "world")
    real = open_journal(folder)
    journal = cast(Journal, PointJournal(real, points))

    registry = SimRegistry(world, points) if ledger else None
    others = settables(world, unguarded, faults or Faults(), lambda s: PointSettable(s, points))

    def settable(ref: Ref) -> Settable:
        return registry if registry and ref.kind in ("alias", "stage") else others(ref)

    async def sleep(seconds: float) -> None:
        world.advance(seconds)

    async def verify(_plan: Plan) -> Verified:
        await points.hit("verify")
        return Verified(True, "seen")

    applier = Applier(
        journal,
        settable,
        f"console {os.getpid()}",
        verify=verify,
        after_done=cast(Any, release_keeper(journal, world.values)),
        sleep=sleep,
        clock=world.now,
    )
    try:
        return await work(applier)
    finally:
        await real.close()


def run(
    folder: str,
    *,
    kind: str | None = None,
    recover: int | None = None,
    at: int | None = None,
    act: str = "kill",
    unguarded: tuple[str, ...] = (),
    ledger: bool = False,
) -> dict[str, Any]:
    """Apply the plan of a kind, or recover a change; die or freeze at point number `at`."""
    number = signal.SIGKILL if act == "kill" else signal.SIGSTOP

    async def stop_here(index: int, _name: str) -> None:
        if index == at:
            os.kill(os.getpid(), number)

    points = Points(stop_here if at is not None else None)

    async def work(applier: Applier) -> Outcome:
        if recover is not None:
            return await applier.recover(recover)
        assert kind is not None
        return await applier.apply(plan_of(kind), actor="ann", command=f"modeldeck {kind}")

    made = with_applier(Path(folder), points, work, unguarded=tuple(unguarded), ledger=ledger)
    outcome = asyncio.run(made)
    return {"state": outcome.state, "text": outcome.text, "points": points.passed}


def run_in_real_time(
    folder: str, *, kind: str | None = None, recover: int | None = None, point: str = ""
) -> dict[str, Any]:
    """Like `run`, with short leases and the machine's clock; stands still at the named point."""

    async def stop_here(_index: int, name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGSTOP)

    async def main() -> dict[str, Any]:
        points = Points(stop_here)
        world = World(Path(folder) / "world", virtual=False)
        real = open_journal(Path(folder), lease_seconds=2.0)
        applier = Applier(
            cast(Journal, PointJournal(real, points)),
            settables(world, UNGUARDED, Faults(), lambda s: PointSettable(s, points)),
            f"console {os.getpid()}",
        )
        try:
            if recover is None:
                assert kind is not None
                outcome = await applier.apply(plan_of(kind), actor="ann")
            else:
                outcome = await applier.recover(recover)
        except Conflict as conflict:
            return {"state": "conflict", "text": conflict.message}
        finally:
            await real.close()
        return {"state": outcome.state, "text": outcome.text}

    return asyncio.run(main())
