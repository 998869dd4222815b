"""One host's GPUs: keeps a sampler running there and says what its silence means."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from backends.gpus.child import Child
from backends.gpus.inventory import Inventory
from backends.gpus.wire import common_error, read_gpus
from backends.gpus.words import NO_PYNVML, Words, crash_words, hang_words, host_words
from core.gpus import Gpu, GpuReport, HostStatus, host_status, unseen
from core.status import State
from core.text import clean


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds. A slow driver is soon reported and given up only much later: without
    persistence mode it takes seconds per GPU to wake up, and would never get there otherwise."""

    report: float = 4.0
    """Beyond the interval between two samples."""
    give_up: float = 30.0
    retry_first: float = 1.0
    retry_last: float = 60.0
    stuck: int = 3
    """This many samplers that the driver holds are enough: no more are started."""


class HostGpus:
    """Everything happens in `report` and when a line arrives: no task runs beside them."""

    def __init__(
        self,
        host: str,
        arguments: Sequence[str],
        *,
        interval: float,
        expected: int | None,
        patience: Patience,
    ) -> None:
        """`arguments` of the Python that samples every `interval` seconds."""
        self.host = host
        self._arguments = arguments
        self._deadline = interval + patience.report
        self._expected = expected
        self._patience = patience
        self._child: Child | None = None
        self._stuck: list[Child] = []
        self._failures = 0
        self._retry_at = 0.0
        self._news = asyncio.Event()
        self._inventory = Inventory()
        self._gpus: tuple[Gpu, ...] = ()
        self._sample: Mapping[str, Any] | None = None
        self._silent_since = 0.0
        self._waiting: Mapping[str, Any] = {}
        self._problem: Words | None = None
        self._crashed: Child | None = None
        self._told = False
        """Whether the running sampler has said itself why it ends."""

    async def report(self) -> GpuReport:
        """The newest sample, or why there is none; only the first call waits for one."""
        self._supervise()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._deadline - self._silence()):
                while self._sample is None and self._problem is None and self._child is not None:
                    self._news.clear()
                    await self._news.wait()
        return self._as_it_is()

    async def close(self) -> None:
        """Ends the sampler, and does not wait for one that the driver holds."""
        if self._child is not None:
            self._abandon(self._child)
        self._sample = None
        until = time.monotonic() + 0.5
        while not self._reaped() and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    def _reaped(self) -> bool:
        self._stuck = [child for child in self._stuck if not child.reap()]
        return not self._stuck

    def _supervise(self) -> None:
        """Gives up a sampler that has been silent for too long, and starts one where none runs."""
        self._reaped()
        if self._child is not None:
            # What arrived while this process was busy or stopped counts before its silence.
            self._child.read()
        if self._child is not None:
            quiet = time.monotonic() - max(self._child.started, self._silent_since)
            if quiet > self._deadline + self._patience.give_up:
                self._abandon(self._child)
                self._back_off()
        held = len(self._stuck) >= self._patience.stuck
        if self._child is None and not held and time.monotonic() >= self._retry_at:
            self._start()

    def _start(self) -> None:
        self._waiting, self._told = {}, False
        if not self._silent_since:
            self._silent_since = time.monotonic()
        try:
            self._child = Child(self._arguments, self._hear)
        except OSError as error:
            said = f"the sampler could not be started: {error.strerror}"
            self._problem = Words(State.UNKNOWN, said, "")
            self._back_off()

    def _abandon(self, child: Child) -> None:
        child.leave()
        self._child = None
        self._stuck.append(child)

    def _back_off(self) -> None:
        wait = self._patience.retry_first * 2 ** min(self._failures, 16)
        self._failures += 1
        self._retry_at = time.monotonic() + min(wait, self._patience.retry_last)

    def _silence(self) -> float:
        return time.monotonic() - self._silent_since

    def _hear(self, message: Mapping[str, Any]) -> None:
        if not message:
            if self._child is not None:
                if not self._told:
                    # It crashed; what was wrong before is not what is wrong now.
                    self._crashed, self._problem = self._child, None
                self._abandon(self._child)
                self._back_off()
        elif isinstance(sample := message.get("sample"), dict):
            self._take(sample)
        elif isinstance(error := message.get("error"), dict):
            code, call = error.get("code"), clean(error.get("call"))
            self._problem = host_words(code, call) if isinstance(code, int) else NO_PYNVML
            self._sample, self._silent_since, self._told = None, time.monotonic(), True
        elif isinstance(waiting := message.get("waiting"), dict):
            self._waiting = waiting
            if self._silence() > self._deadline:
                self._problem = self._crashed = None
        self._news.set()

    def _take(self, sample: Mapping[str, Any]) -> None:
        try:
            gpus = read_gpus(self.host, sample)
        except ValueError as error:
            said = f"the sampler wrote what is no sample: {clean(error)}"
            self._problem, self._sample = Words(State.UNKNOWN, said, ""), None
            return
        self._sample, self._silent_since = sample, time.monotonic()
        self._gpus = self._inventory.complete(gpus)
        self._waiting, self._crashed, self._failures = {}, None, 0
        code = common_error(sample)
        self._problem = host_words(code, "every call") if code is not None else None

    def _as_it_is(self) -> GpuReport:
        expected = self._expected if self._expected is not None else self._inventory.most or None
        taken = self._sample.get("taken") if self._sample else None
        when = datetime.fromtimestamp(taken, UTC) if isinstance(taken, int | float) else None
        fresh = self._sample is not None and self._silence() <= self._deadline
        if fresh and self._sample is not None and self._problem is None:
            driver = clean(self._sample.get("driver") or "")
            status = host_status(
                self.host, self._gpus, expected=expected, driver=driver, taken=when
            )
            return GpuReport(self._gpus, {self.host: status})
        words = self._problem or self._why_silent()
        state = words.state
        if state is State.NOT_CONFIGURED and expected:
            state = State.CRITICAL
        status = HostStatus(
            self.host,
            state,
            words.because,
            words.hint,
            expected=expected,
            taken=when,
            next_try=self._next_try(),
        )
        rows = tuple(unseen(gpu, State.UNKNOWN, words.because) for gpu in self._gpus)
        return GpuReport(rows, {self.host: status})

    def _why_silent(self) -> Words:
        if self._crashed is not None:
            return crash_words(self._crashed.status)
        call, gpu = self._waiting.get("call"), self._waiting.get("gpu")
        return hang_words(
            self._silence(),
            clean(call) if isinstance(call, str) else "",
            gpu if isinstance(gpu, int) else None,
            held=len(self._stuck) if len(self._stuck) >= self._patience.stuck else 0,
        )

    def _next_try(self) -> datetime | None:
        left = self._retry_at - time.monotonic()
        if self._child is not None or left <= 0:
            return None
        return datetime.now(UTC) + timedelta(seconds=left)
