"""Polling: one poll of a source at a time, its own rhythm, patience, and a quick end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from core.errors import Unreachable
from core.snapshot import Snapshot
from tui.pollers import NoAnswer, Poller, Pollers

NOW = datetime(2026, 3, 4, 2, 14, 7, tzinfo=UTC)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while True:
            if holds():
                return
            await asyncio.sleep(0)


def down() -> Unreachable:
    return Unreachable("nothing answers at :5000", backend="mlflow", operation="list")


async def polled(
    read: Callable[[], Awaitable[Any]], enough: Callable[[list[Snapshot[Any]]], bool], **how: Any
) -> list[Snapshot[Any]]:
    """What is published until it is enough."""
    seen: list[Snapshot[Any]] = []
    poller: Poller[Any] = Poller("x", 0.01, read, seen.append, now=lambda: NOW, **how)
    task = asyncio.create_task(poller.run())
    await until(lambda: enough(seen))
    task.cancel()
    await asyncio.wait({task})
    return seen


def test_only_what_differs_is_published_and_the_age_moves_on() -> None:
    async def story() -> None:
        asked = 0

        async def read() -> int:
            nonlocal asked
            asked += 1
            return 7

        seen: list[Snapshot[int]] = []
        times = iter(NOW + timedelta(seconds=n) for n in range(100_000))
        poller = Poller("x", 0.001, read, seen.append, now=lambda: next(times))
        task = asyncio.create_task(poller.run())
        await until(lambda: asked >= 5)
        task.cancel()
        await asyncio.wait({task})
        assert [snapshot.value for snapshot in seen] == [7]
        assert seen[0].taken_at is not None
        assert poller.snapshot.taken_at is not None
        assert poller.snapshot.taken_at > seen[0].taken_at

    asyncio.run(story())


def test_a_failure_keeps_the_last_values_and_says_when_it_is_asked_again() -> None:
    answers: list[Any] = [1, down()]

    async def read() -> int:
        found = answers.pop(0) if answers else down()
        if isinstance(found, Exception):
            raise found
        return int(found)

    good, bad = asyncio.run(polled(read, lambda seen: len(seen) == 2))
    assert (good.value, good.error) == (1, None)
    assert bad.value == 1
    assert bad.taken_at == NOW
    assert bad.error is not None
    assert "nothing answers" in bad.error.message
    assert bad.next_try == NOW + timedelta(seconds=1)


def test_the_pause_doubles_up_to_thirty_seconds() -> None:
    async def story() -> None:
        async def read() -> int:
            raise down()

        pauses = []
        poller = Poller("x", 1.0, read, lambda _snapshot: None, now=lambda: NOW)
        task = asyncio.create_task(poller.run())
        async with asyncio.timeout(10):
            while len(pauses) < 7:
                await asyncio.sleep(0)
                wanted = poller.snapshot.next_try
                if wanted is not None and (not pauses or pauses[-1] is not wanted):
                    pauses.append(wanted)
                    poller.poll_now()
        task.cancel()
        assert [(at - NOW).total_seconds() for at in pauses] == [1, 2, 4, 8, 16, 30, 30]

    asyncio.run(story())


def test_one_good_answer_ends_the_back_off() -> None:
    answers: list[Any] = [down(), down(), 5, down()]

    async def read() -> int:
        found = answers.pop(0) if answers else down()
        if isinstance(found, Exception):
            raise found
        return int(found)

    async def story() -> None:
        seen: list[Snapshot[int]] = []
        poller = Poller("x", 0.01, read, seen.append, now=lambda: NOW)
        task = asyncio.create_task(poller.run())
        async with asyncio.timeout(10):
            while len(seen) < 4:
                poller.poll_now()
                await asyncio.sleep(0)
        task.cancel()
        assert seen[2].error is None
        assert seen[3].next_try == NOW + timedelta(seconds=1)

    asyncio.run(story())


def test_a_poll_that_hangs_is_said_to_and_never_asked_twice() -> None:
    asked = 0

    async def read() -> int:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        return 1

    async def story() -> None:
        seen: list[Snapshot[int]] = []
        poller = Poller("x", 0.001, read, seen.append, now=lambda: NOW, patience=0.01)
        task = asyncio.create_task(poller.run())
        await until(lambda: bool(seen))
        for _ in range(50):
            poller.poll_now()
            await asyncio.sleep(0)
        assert isinstance(seen[0].error, NoAnswer)
        assert asked == 1
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=5)
        assert done

    asyncio.run(story())


def test_a_defect_in_a_reader_is_shown_and_does_not_end_the_polling() -> None:
    answers: list[Any] = [ZeroDivisionError("division by zero"), 3]

    async def read() -> int:
        found = answers.pop(0) if answers else 3
        if isinstance(found, Exception):
            raise found
        return int(found)

    async def story() -> None:
        seen: list[Snapshot[int]] = []
        poller = Poller("x", 0.01, read, seen.append, now=lambda: NOW)
        task = asyncio.create_task(poller.run())
        async with asyncio.timeout(10):
            while len(seen) < 2:
                poller.poll_now()
                await asyncio.sleep(0)
        task.cancel()
        assert seen[0].error is not None
        assert "ZeroDivisionError" in seen[0].error.message
        assert seen[1].value == 3

    asyncio.run(story())


def test_pollers_stop_what_is_no_longer_looked_at() -> None:
    async def story() -> None:
        async def never() -> None:
            await asyncio.Event().wait()

        pollers = Pollers()
        for name in ("services", "figures/a", "figures/b"):
            pollers.start(Poller(name, 1.0, never, lambda _snapshot: None))
        pollers.keep(["services", "figures/b"])
        assert sorted(pollers.snapshots()) == ["figures/b", "services"]
        assert await pollers.close()

    asyncio.run(story())


def test_closing_does_not_wait_for_what_ignores_its_end() -> None:
    async def story() -> None:
        let_go = asyncio.Event()

        async def stubborn() -> None:
            while not let_go.is_set():
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    continue

        pollers = Pollers()
        pollers.start(Poller("x", 1.0, stubborn, lambda _snapshot: None))
        await asyncio.sleep(0)
        # The poll ignores that it is cancelled; the poller itself ends, and closing with it.
        async with asyncio.timeout(5):
            await pollers.close()
        let_go.set()
        await asyncio.sleep(0)

    asyncio.run(story())
