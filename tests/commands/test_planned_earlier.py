"""A plan that was made while somebody else's change was carried out, and agreed to afterwards."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from backends.journal import changes
from backends.journal.base import Journal
from backends.journal.sqlite import SqliteJournal
from commands.apply import Applier
from commands.outcome import Verified
from core.errors import Conflict, ModeldeckError
from core.plan import Plan
from tests.commands.harness.fleet import KINDS, R1, release_keeper, seen, whole
from tests.commands.harness.points import PointJournal, Points, PointSettable
from tests.commands.harness.settable import SimSettable
from tests.commands.harness.world import MemoryWorld


@dataclass
class Case:
    """`first` is carried out, `second` planned after its write number `at` and begun at its end."""

    first: str
    second: str
    at: int

    async def run(self, folder: Path) -> tuple[bool, str | None, bool]:
        """Whether there was such a write, why the end is not whole, and whether the second plan
        was turned away for what had been changed since."""
        world = MemoryWorld(KINDS[self.first].start)
        journal = SqliteJournal(folder / f"{self.first} {self.second} {self.at}.db")
        plans: list[Plan] = []

        async def plan() -> None:
            standing = await journal.standing("fraud")
            try:
                made = KINDS[self.second].plan(seen(world.values(), (R1,)))
            except ModeldeckError:
                return
            if made.sets and not made.refused:
                plans.append(replace(made, standing=standing))

        writes = 0

        async def act(_index: int, name: str) -> None:
            nonlocal writes
            if name.startswith("after write"):
                writes += 1
                if writes == self.at:
                    await plan()

        points = Points(act)

        def console(name: str, points: Points) -> Applier:
            settable = PointSettable(SimSettable(world), points)

            async def sleep(seconds: float) -> None:
                world.advance(seconds)

            async def verify(_plan: Plan) -> Verified:
                return Verified(True, "seen")

            return Applier(
                cast(Journal, PointJournal(journal, points)),
                lambda _ref: settable,
                name,
                verify=verify,
                after_done=cast(Any, release_keeper(journal, world.values)),
                sleep=sleep,
                clock=world.now,
            )

        turned_away = False
        try:
            await console("ana", points).apply(
                KINDS[self.first].plan(seen(world.values(), (R1,))), actor="ana"
            )
            for made in plans:
                try:
                    await console("ben", Points()).apply(made, actor="ben")
                except Conflict as error:
                    turned_away = "has changed fraud since this was planned" in error.message
            return writes >= self.at, whole(world.values()), turned_away
        finally:
            await journal.close()


def ends(folder: Path) -> tuple[list[tuple[Case, str]], int]:
    """The ends of every order that are not whole, and how many plans were turned away."""

    async def main() -> tuple[list[tuple[Case, str]], int]:
        broken, away = [], 0
        for first in KINDS:
            for second in KINDS:
                at, reached = 1, True
                while reached:
                    case = Case(first, second, at)
                    reached, why, turned_away = await case.run(folder)
                    away += turned_away
                    if why is not None:
                        broken.append((case, why))
                    at += 1
        return broken, away

    return asyncio.run(main())


def test_it_never_leaves_a_service_half_way(tmp_path: Path) -> None:
    broken, away = ends(tmp_path)
    assert not broken
    assert away > 10


def test_without_asking_what_was_changed_since_it_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof that the one above looks where the danger is."""
    monkeypatch.setattr(changes, "_still_so", lambda _db, _plan: None)
    broken, away = ends(tmp_path)
    assert broken
    assert not away
