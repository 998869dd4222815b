"""A change whose undo a system refused: it stays in sight until somebody has settled it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from backends.base import Reading
from backends.journal.base import Change
from commands import recover
from commands.apply import Applier
from commands.configfile import Loaded, parse
from commands.deck import Deck
from commands.outcome import Outcome
from commands.recover import Args
from commands.sources.fleet import read_fleet
from commands.status import StatusReport
from core.errors import Conflict, Denied, ModeldeckError, Refused, Unfinished, UsageError
from core.plan import Plan, Set
from core.refs import Ref, Value
from core.status import OpenChange, State

ALIAS = Ref("alias", "fraud@champion")
STAGE = Ref("stage", "fraud/13")


@dataclass
class System:
    """Refs that can be set, as often as the ref's system lets them."""

    values: dict[Ref, Value] = field(default_factory=lambda: {ALIAS: "12", STAGE: "Staging"})
    lets: dict[Ref, int] = field(default_factory=dict)
    guarded: bool = True
    settle_seconds: float = 0.0
    timeout: float = 0.0

    async def read(self, ref: Ref) -> Reading:
        return Reading(self.values[ref], None)

    async def write(self, ref: Ref, after: Value, **_: Any) -> None:
        left = self.lets.get(ref, 99)
        if not left:
            raise Denied(f"{ref} may not be set", backend="simulated", operation="write")
        self.lets[ref] = left - 1
        self.values[ref] = after


class Desk:
    """A deck on the system, and changes of it."""

    def __init__(self, folder: Path) -> None:
        text = f'[journal]\npath = "{folder}/j.db"\n[services.fraud]\n[services.other]\n'
        self.system = System()
        self.deck = Deck(Loaded(parse(text, "deck.toml"), None))
        self.deck.settable = lambda _ref: self.system  # type: ignore[assignment, return-value, method-assign]
        self.applier = Applier(self.deck.journal, self.deck.settable, "me", sleep=_at_once)

    async def change(self, service: str = "fraud") -> Outcome:
        sets = (Set(ALIAS, "12", "13"), Set(STAGE, "Staging", "Production"))
        plan = Plan("promote", service, "forward", "v13 to Production", sets)
        return await self.applier.apply(plan, actor="ana")

    async def left_half_way(self) -> Change:
        self.system.lets = {ALIAS: 1, STAGE: 0}
        outcome = await self.change()
        assert outcome.state == "needs_person"
        return outcome.change

    async def matter(self) -> OpenChange | None:
        return (await read_fleet(self.deck, "fraud")).services[0].open_change

    async def recovers(self, number: int | None = None) -> Plan:
        return await recover.run(self.deck, Args(None if number is None else str(number)))


async def _at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


Story = Callable[[Desk], Awaitable[None]]


@pytest.fixture
def told(tmp_path: Path) -> Callable[[Story], None]:
    def tell(story: Story) -> None:
        async def run() -> None:
            desk = Desk(tmp_path)
            async with desk.deck:
                await story(desk)

        asyncio.run(run())

    return tell


def test_it_is_critical_and_says_what_to_do(told: Callable[[Story], None]) -> None:
    async def story(desk: Desk) -> None:
        number = (await desk.left_half_way()).number
        fleet = await read_fleet(desk.deck)
        status = {s.service: s for s in fleet.services}["fraud"]
        assert status.state is State.CRITICAL
        assert status.open_change is not None
        assert status.open_change.needs_person
        report = StatusReport(fleet.services)
        error = report.error()
        assert isinstance(error, Unfinished)
        assert "needs a person" in error.message
        assert f"recover {number}" in str(error.hint)
        shown = {row["service"]: row["open_change"] for row in report.data()["services"]}
        assert shown["fraud"]["state"] == "needs_person"
        assert shown["other"] is None

    told(story)


def test_recover_names_what_is_wrong_and_closes_it_once_it_is_right(
    told: Callable[[Story], None],
) -> None:
    async def story(desk: Desk) -> None:
        number = (await desk.left_half_way()).number
        for named in (number, None):
            with pytest.raises(Refused) as refused:
                await desk.recovers(named)
            assert f"{ALIAS} is 13 and should be 12" in refused.value.message
            assert "by hand" in str(refused.value.hint)
            assert "rollback fraud" in str(refused.value.hint)
        desk.system.values[ALIAS] = "12"
        plan = await desk.recovers(number)
        assert plan.evidence == {"recovers": number}
        assert (await desk.applier.recover(number)).state == "undone"
        assert await desk.matter() is None
        with pytest.raises(Refused, match="has ended"):
            await desk.recovers(number)

    told(story)


def test_only_a_change_that_is_done_settles_it(told: Callable[[Story], None]) -> None:
    async def story(desk: Desk) -> None:
        number = (await desk.left_half_way()).number
        desk.system.values[ALIAS] = "12"
        desk.system.lets = {ALIAS: 2, STAGE: 0}
        assert (await desk.change()).state == "undone"
        matter = await desk.matter()
        assert matter is not None
        assert matter.number == number
        desk.system.lets = {}
        other = Plan("x", "other", "forward", "x", (Set(Ref("traffic", "other"), None, None),))
        desk.system.values[Ref("traffic", "other")] = None
        assert (await desk.applier.apply(other, actor="ana")).state == "done"
        assert await desk.matter() is not None, "a change of another service settles nothing"
        assert (await desk.change()).state == "done"
        assert await desk.matter() is None
        with pytest.raises(UsageError, match="has ended"):
            await desk.applier.recover(number)

    told(story)


def test_the_later_of_two_comes_first(told: Callable[[Story], None]) -> None:
    async def story(desk: Desk) -> None:
        first = (await desk.left_half_way()).number
        desk.system.values[ALIAS] = "12"
        second = (await desk.left_half_way()).number
        matter = await desk.matter()
        assert matter is not None
        assert matter.number == second
        with pytest.raises(Conflict, match=f"change {second} of fraud came after"):
            await desk.applier.recover(first)
        with pytest.raises(ModeldeckError):
            await desk.recovers()

    told(story)
