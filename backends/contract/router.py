"""What every traffic router must do, beside `SettableContract` for its split."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import pytest

from backends.base import Router, SlotCounts
from backends.contract.settable import said_well
from core.errors import Denied
from core.refs import Ref, Value
from core.split import WHOLE, Split


class RouterHarness(Protocol):
    """A router with live slots behind it. All traffic starts on the first one."""

    ref: Ref
    slots: tuple[str, str]

    def open(self) -> Router:
        """A fresh adapter. The suite closes it."""

    def send(self, requests: int) -> Counter[str]:
        """Send them one after another; how many each slot answered. None may fail."""

    def mirrored(self) -> Counter[str]:
        """How many mirrored requests each slot has had so far."""

    def fail(self, slot: str) -> None:
        """From now on the slot answers 500."""

    def restart(self) -> None:
        """Kill the router and start it again."""

    def outside(self, value: Value) -> None:
        """Set the split as somebody else would."""


class RouterContract:
    """Splits that really move traffic, and counters that tell."""

    def run(self, harness: RouterHarness, body: Callable[[Router], Awaitable[Any]]) -> Any:
        async def whole() -> Any:
            router = harness.open()
            try:
                return await body(router)
            finally:
                await router.close()

        return asyncio.run(whole())

    async def put(self, router: Router, harness: RouterHarness, split: Split) -> None:
        now = await router.read(harness.ref)
        await router.write(harness.ref, split, before=now.value, revision=now.revision)

    async def send(self, harness: RouterHarness, requests: int) -> Counter[str]:
        return await asyncio.to_thread(harness.send, requests)

    def test_is_a_router(self, harness: RouterHarness) -> None:
        async def body(router: Router) -> None:
            assert isinstance(router, Router)
            assert 1 <= router.ability.smallest_step <= WHOLE
            assert router.ability.seconds > 0

        self.run(harness, body)

    def test_starts_with_all_traffic_on_one_slot(self, harness: RouterHarness) -> None:
        async def body(router: Router) -> None:
            first, second = harness.slots
            assert (await router.read(harness.ref)).value == Split.all_on(first)
            counts = await router.counts()
            assert counts == {first: SlotCounts(0, 0, 0), second: SlotCounts(0, 0, 0)}

        self.run(harness, body)

    def test_a_split_that_was_written_is_the_split_that_arrives(
        self, harness: RouterHarness
    ) -> None:
        async def body(router: Router) -> None:
            first, second = harness.slots
            await self.put(router, harness, Split.of({first: 7000, second: 3000}))
            before = await router.counts()
            answered = await self.send(harness, 600)
            # Five standard deviations of a binomial: false alarms once in a million.
            assert abs(answered[second] - 180) < 5 * (600 * 0.3 * 0.7) ** 0.5
            after = await router.counts()
            for slot in harness.slots:
                assert after[slot].requests - before[slot].requests == answered[slot]
                assert after[slot].errors == before[slot].errors

        self.run(harness, body)

    def test_after_a_cutover_not_one_request_goes_to_the_old_slot(
        self, harness: RouterHarness
    ) -> None:
        async def body(router: Router) -> None:
            for slot in (*reversed(harness.slots), *harness.slots):
                await self.put(router, harness, Split.all_on(slot))
                assert await self.send(harness, 50) == Counter({slot: 50})

        self.run(harness, body)

    def test_every_smallest_step_reads_back(self, harness: RouterHarness) -> None:
        async def body(router: Router) -> None:
            first, second = harness.slots
            step = router.ability.smallest_step
            for share in (step, WHOLE // 2, WHOLE - step):
                split = Split.of({first: WHOLE - share, second: share})
                await self.put(router, harness, split)
                assert (await router.read(harness.ref)).value == split

        self.run(harness, body)

    def test_a_restart_of_the_router_loses_no_split(self, harness: RouterHarness) -> None:
        async def body(router: Router) -> None:
            first, second = harness.slots
            shadow = {second: 2500} if router.ability.shadow else {}
            split = Split.of({first: 0, second: WHOLE}, shadow)
            await self.put(router, harness, split)
            await asyncio.to_thread(harness.restart)
            assert (await router.read(harness.ref)).value == split
            assert await self.send(harness, 50) == Counter({second: 50})

        self.run(harness, body)

    def test_shadow_requests_are_copies_that_nobody_counts_as_live(
        self, harness: RouterHarness
    ) -> None:
        async def body(router: Router) -> None:
            first, second = harness.slots
            split = Split.of({first: WHOLE}, {second: 5000})
            if not router.ability.shadow:
                assert router.ability.limits
                with pytest.raises(Denied) as raised:
                    await self.put(router, harness, split)
                said_well(raised.value)
                return
            await self.put(router, harness, split)
            assert (await router.read(harness.ref)).value == split
            assert await self.send(harness, 400) == Counter({first: 400})
            copies = harness.mirrored()[second]
            assert abs(copies - 200) < 5 * (400 * 0.5 * 0.5) ** 0.5
            counts = await router.counts()
            assert (counts[first].requests, counts[second].requests) == (400, 0)
            assert (counts[first].mirrored, counts[second].mirrored) == (0, copies)
            await self.put(router, harness, split.with_shadow({}))
            await self.send(harness, 100)
            assert harness.mirrored()[second] == copies

        self.run(harness, body)

    def test_errors_are_counted_on_the_slot_that_made_them(self, harness: RouterHarness) -> None:
        async def body(router: Router) -> None:
            first, second = harness.slots
            await self.put(router, harness, Split.of({first: 5000, second: 5000}))
            harness.fail(second)
            answered = await self.send(harness, 100)
            counts = await router.counts()
            assert counts[first].errors == 0
            assert counts[second].errors == answered[second] > 0

        self.run(harness, body)

    def test_pages_show_each_slot(self, harness: RouterHarness) -> None:
        async def body(router: Router) -> None:
            await self.send(harness, 5)
            pages = await router.pages(frozenset({"no_such_metric"}))
            assert {page.slot for page in pages} == set(harness.slots)
            assert all(page.vantage == "proxy" and page.taken > 0 for page in pages)
            assert all(not any(page.series.values()) for page in pages)

        self.run(harness, body)

    def test_an_unknown_slot_is_denied(self, harness: RouterHarness) -> None:
        async def body(router: Router) -> None:
            with pytest.raises(Denied) as raised:
                await self.put(router, harness, Split.all_on("no-such-slot"))
            said_well(raised.value)
            assert (await router.read(harness.ref)).value == Split.all_on(harness.slots[0])

        self.run(harness, body)

    def test_check_says_that_it_answers(self, harness: RouterHarness) -> None:
        async def body(router: Router) -> None:
            lines = await router.check()
            assert lines
            assert all(line.ok is not False for line in lines), lines

        self.run(harness, body)
