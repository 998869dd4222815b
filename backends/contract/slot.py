"""What every slot must do, beside `SettableContract` where it can load versions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import pytest

from backends.base import Slot
from backends.contract.settable import said_well
from core.errors import Denied
from core.refs import Ref


class SlotHarness(Protocol):
    """A running engine."""

    ref: Ref
    holds: str | None
    """The version that it holds at the start."""
    versions: tuple[str, ...]
    """Versions that it could load; none where it loads none."""
    missing_version: str

    def open(self) -> Slot:
        """A fresh adapter. The suite closes it."""


class SlotContract:
    """What a slot holds, and loading."""

    def run(self, harness: SlotHarness, body: Callable[[Slot], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            slot = harness.open()
            try:
                return await body(slot)
            finally:
                await slot.close()

        return asyncio.run(whole())

    async def put(self, slot: Slot, ref: Ref, version: str | None) -> None:
        now = await slot.read(ref)
        await slot.write(ref, version, before=now.value, revision=now.revision)

    def test_is_a_slot(self, harness: SlotHarness) -> None:
        async def body(slot: Slot) -> None:
            assert isinstance(slot, Slot)
            assert slot.address
            assert slot.can_load == bool(harness.versions)
            assert bool(slot.why_not) != slot.can_load

        self.run(harness, body)

    def test_state_and_ref_say_the_same(self, harness: SlotHarness) -> None:
        async def body(slot: Slot) -> None:
            state = await slot.state()
            assert state.version == harness.holds
            assert state.ready == (harness.holds is not None)
            assert (await slot.read(harness.ref)).value == harness.holds

        self.run(harness, body)

    def test_a_loaded_version_is_ready_when_the_write_returns(self, harness: SlotHarness) -> None:
        async def body(slot: Slot) -> None:
            for version in (*harness.versions, *harness.versions[:1]):
                await self.put(slot, harness.ref, version)
                state = await slot.state()
                assert (state.version, state.ready) == (version, True)
            if harness.versions:
                await self.put(slot, harness.ref, None)
                assert (await slot.state()).version is None

        self.run(harness, body)

    def test_a_version_that_is_not_there_is_denied_and_leaves_the_slot_as_it_is(
        self, harness: SlotHarness
    ) -> None:
        async def body(slot: Slot) -> None:
            if harness.versions:
                await self.put(slot, harness.ref, harness.versions[0])
            before = await slot.state()
            with pytest.raises(Denied) as raised:
                await self.put(slot, harness.ref, harness.missing_version)
            said_well(raised.value)
            assert await slot.state() == before

        self.run(harness, body)

    def test_pages_carry_the_slot(self, harness: SlotHarness) -> None:
        async def body(slot: Slot) -> None:
            for page in await slot.pages(frozenset({"no_such_metric"})):
                assert page.slot == harness.ref.parts[1]
                assert page.vantage == "engine"
                assert page.taken > 0
                assert not any(page.series.values())

        self.run(harness, body)

    def test_check_says_that_it_answers(self, harness: SlotHarness) -> None:
        async def body(slot: Slot) -> None:
            lines = await slot.check()
            assert lines
            assert all(line.ok is not False for line in lines), lines

        self.run(harness, body)
