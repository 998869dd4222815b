"""A console that died while a request of it was on its way, which lands when nobody expects it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from backends.journal.base import LEASE_SECONDS
from backends.journal.sqlite import SqliteJournal
from commands.apply import Applier
from commands.outcome import Outcome
from core.errors import Timeout
from core.refs import Ref, Value, alias_ref
from tests.commands.harness.fleet import KINDS, plan_of
from tests.commands.harness.journals import let_leases_expire
from tests.commands.harness.settable import Faults, SimSettable
from tests.commands.harness.world import MemoryWorld

ALIAS = alias_ref("fraud", "champion")
TIMEOUT, SETTLE = 20.0, 5.0


class Killed(BaseException):
    """The program is no more."""


class Doomed(SimSettable):
    """Its program dies with the first request that is not answered."""

    async def write(self, ref: Ref, after: Value, **more: Any) -> None:
        try:
            await super().write(ref, after, **more)
        except Timeout as error:
            raise Killed from error


def test_a_request_that_lands_at_the_end_of_its_time_out_does_not_outlive_a_recovery(
    tmp_path: Path,
) -> None:
    """With a time-out that is twice as long as a lease, on a system that compares nothing."""
    world = MemoryWorld(KINDS["promote"].start)
    faults = Faults()
    faults.plan("write", ALIAS, "late")

    def applier(journal: SqliteJournal, system: type[SimSettable]) -> Applier:
        settable = system(world, False, SETTLE, faults, lambda: TIMEOUT + SETTLE - 1, TIMEOUT)

        async def sleep(seconds: float) -> None:
            world.advance(seconds)

        return Applier(
            journal, lambda _ref: settable, system.__name__, sleep=sleep, clock=world.now
        )

    async def story() -> Outcome:
        journal = SqliteJournal(tmp_path / "journal.db")
        try:
            with pytest.raises(Killed):
                await applier(journal, Doomed).apply(plan_of("promote"), actor="ann")
            # It had seen its lease half of one before, at the most.
            let_leases_expire(tmp_path, LEASE_SECONDS + 1)
            world.advance(LEASE_SECONDS / 2)
            (left,) = await journal.open_changes()
            return await applier(journal, SimSettable).recover(left.number)
        finally:
            await journal.close()

    outcome = asyncio.run(story())
    assert outcome.state == "undone"
    world.advance(TIMEOUT + SETTLE)
    assert world.values() == KINDS["promote"].start
    assert [one["who"] for one in world.log() if one["ref"] == str(ALIAS)].count("late") == 1
