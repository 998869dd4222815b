"""Polling: each source on its own rhythm, never twice at once, backing off while it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from core.errors import ModeldeckError
from core.snapshot import Snapshot

T = TypeVar("T")

LONGEST_PAUSE = 30.0
"""Seconds between two tries of a source that keeps failing, or that keeps answering in part."""
PATIENCE = 10.0
"""Seconds without an answer after which the panel says so; the poll itself goes on waiting."""
GOODBYE = 0.5
"""Seconds that cancelled polls get to end; what still hangs then is left behind."""


class NoAnswer(ModeldeckError):
    """A poll that has not come back; it is still waited for, and not asked a second time."""

    code = "no_answer"


class Poller(Generic[T]):
    """Polls one source for as long as `run` is awaited.

    `publish` is called with each snapshot that differs in value or error from the one before;
    `snapshot` always holds the latest, whose `taken_at` moves on with every good answer.
    """

    def __init__(
        self,
        name: str,
        every: float,
        read: Callable[[], Awaitable[T]],
        publish: Callable[[Snapshot[T]], None],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: float = PATIENCE,
        known: Snapshot[T] | None = None,
        whole: Callable[[T], bool] = lambda _value: True,
    ) -> None:
        """`known` is what an earlier poller of the source knew: it is not asked for again before
        its time."""
        self.name = name
        self.every = every
        self.snapshot: Snapshot[T] = known or Snapshot(name)
        self._read = read
        self._publish = publish
        self._now = now
        self._whole = whole
        self._patience = patience
        self._hurry = asyncio.Event()
        self._failures = 0

    def poll_now(self) -> None:
        """Ask at once, unless an answer is already awaited."""
        self._hurry.set()

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        age = self.snapshot.age(self._now())
        if age is not None and age < self._rhythm() and self.snapshot.error is None:
            await self._rest(self._rhythm() - age)
        while True:
            self._hurry.clear()
            await self._poll()
            if self._failures:
                pause = min(LONGEST_PAUSE, 2.0 ** (self._failures - 1))
            else:
                # On a grid that all sources of one rhythm share: their answers come together,
                # and are drawn together. A poll longer than its rhythm still rests.
                every = self._rhythm()
                pause = every - loop.time() % every
                if pause < every / 4:
                    pause += every
            await self._rest(pause)

    def _rhythm(self) -> float:
        value = self.snapshot.value
        if value is None or self._whole(value):
            return self.every
        return min(self.every, LONGEST_PAUSE)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def _poll(self) -> None:
        asked = asyncio.ensure_future(self._read())
        try:
            done, _ = await asyncio.wait({asked}, timeout=self._patience)
            if not done:
                self._failed(NoAnswer(f"no answer for {self._patience:.0f} s, still waiting"), None)
                await asyncio.wait({asked})
        except asyncio.CancelledError:
            asked.cancel()
            raise
        if asked.cancelled():
            self._failed(NoAnswer("the poll was given up"), self._next_try())
            return
        error = asked.exception()
        if error is None:
            self._succeeded(asked.result())
            return
        if not isinstance(error, ModeldeckError):
            if not isinstance(error, Exception):
                raise error
            error = ModeldeckError(
                f"{type(error).__name__}: {error}", hint="this is a defect of modeldeck"
            )
        self._failed(error, self._next_try())

    def _next_try(self) -> datetime:
        pause = min(LONGEST_PAUSE, 2.0**self._failures)
        return self._now() + timedelta(seconds=pause)

    def _succeeded(self, value: T) -> None:
        self._failures = 0
        before = self.snapshot
        self.snapshot = Snapshot(self.name, value, self._now())
        if before.error is not None or before.taken_at is None or before.value != value:
            self._publish(self.snapshot)

    def _failed(self, error: ModeldeckError, next_try: datetime | None) -> None:
        if next_try is not None:
            self._failures += 1
        before = self.snapshot
        self.snapshot = Snapshot(self.name, before.value, before.taken_at, error, next_try)
        self._publish(self.snapshot)


class Pollers:
    """The pollers that run now, by name. Started and stopped one by one."""

    def __init__(self) -> None:
        self._running: dict[str, tuple[Poller[Any], asyncio.Task[None]]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._running

    def start(self, poller: Poller[Any]) -> None:
        """Does nothing where a poller of that name already runs."""
        if poller.name not in self._running:
            task = asyncio.create_task(poller.run(), name=f"poll {poller.name}")
            self._running[poller.name] = (poller, task)

    def keep(self, names: Iterable[str]) -> None:
        """Stop every poller that is not named."""
        wanted = set(names)
        for name in [name for name in self._running if name not in wanted]:
            _, task = self._running.pop(name)
            task.cancel()
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    def snapshots(self) -> dict[str, tuple[Snapshot[Any], float]]:
        """The latest snapshot and the rhythm of each."""
        return {
            name: (poller.snapshot, poller.every) for name, (poller, _) in self._running.items()
        }

    def poll_now(self, names: Iterable[str] | None = None) -> None:
        """All of them, or those that are named and run."""
        for name in self._running if names is None else names:
            if name in self._running:
                self._running[name][0].poll_now()

    async def close(self) -> bool:
        """Cancel all; False where one did not end in time."""
        self.keep(())
        if not self._leaving:
            return True
        _, hanging = await asyncio.wait(set(self._leaving), timeout=GOODBYE)
        return not hanging
