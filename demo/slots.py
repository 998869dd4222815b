"""The supervisor's side of `demo.prefork`: slots as processes that can be kept running."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
from collections.abc import Sequence
from pathlib import Path

from demo.processes import Executed, ended


class Forked:
    """A model server that the prefork process started."""

    def __init__(self, prefork: Prefork, pid: int) -> None:
        self.pid = pid
        self._prefork = prefork
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def wait(self) -> str:
        return await self._ended

    def signal(self, number: int) -> None:
        if not self._ended.done():
            self._prefork.order(pid=self.pid, signal=int(number))

    def finish(self, why: str) -> None:
        if not self._ended.done():
            self._ended.set_result(why)


class Prefork:
    """Speaks with the prefork process, over however many lives that process has."""

    def __init__(self) -> None:
        self._process: Executed | None = None
        self._ready = asyncio.Event()
        self._count = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Forked]] = {}
        self._children: dict[int, Forked] = {}
        self._reader: asyncio.Task[None] | None = None
        self._closing = False

    async def attach(self, process: Executed) -> Executed:
        """Listen to a new prefork process."""
        if self._reader:
            # What the one before it left unanswered is settled first.
            await self._reader
        self._process = process
        self._reader = asyncio.create_task(self._read(process))
        return process

    @property
    def ready(self) -> bool:
        return self._ready.is_set()

    async def fork(self, arguments: Sequence[str], log: Path) -> Forked:
        """Start a model server. Raises OSError where the prefork process dies over it."""
        await self._ready.wait()
        if self._closing:
            raise OSError("the fleet is stopping")
        number = next(self._count)
        answer: asyncio.Future[Forked] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        self.order(fork=number, arguments=list(arguments), log=str(log))
        return await answer

    def order(self, **order: object) -> None:
        stdin = self._process.process.stdin if self._process else None
        if stdin is not None and not stdin.is_closing():
            stdin.write(json.dumps(order).encode() + b"\n")

    async def _read(self, process: Executed) -> None:
        assert process.process.stdout is not None
        # A last line that was cut off is no line.
        with contextlib.suppress(OSError, ValueError):
            async for line in process.process.stdout:
                event = json.loads(line)
                if "ready" in event:
                    self._ready.set()
                elif "forked" in event:
                    child = self._children[event["pid"]] = Forked(self, event["pid"])
                    answer = self._asked.pop(event["forked"], None)
                    if answer and not answer.done():
                        answer.set_result(child)
                    else:
                        child.signal(signal.SIGKILL)
                elif "ended" in event:
                    gone = self._children.pop(event["ended"], None)
                    if gone:
                        gone.finish(ended(event["code"]))
        self._ready.clear()
        # The kernel kills every slot together with the process that it was forked from.
        for child in self._children.values():
            child.finish("the process it was forked from ended")
        self._children.clear()
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(OSError("the process that forks model servers ended"))
        self._asked.clear()

    def abandon(self) -> None:
        """Nobody gets a model server any more."""
        self._closing = True
        self._ready.set()

    async def close(self) -> None:
        if self._reader:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
