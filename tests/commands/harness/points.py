"""The points at which a console can die or freeze: around each journal call, read and write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from backends.base import Reading, Settable
from core.refs import Ref, Value

At = Callable[[int, str], Awaitable[None]]


@dataclass
class Points:
    """Counts the points that were passed; `act` is called at each with its number and name."""

    act: At | None = None
    passed: list[str] = field(default_factory=list)

    async def hit(self, name: str) -> None:
        self.passed.append(name)
        if self.act is not None:
            await self.act(len(self.passed) - 1, name)


class PointJournal:
    """A journal whose every call is a point before and one after."""

    def __init__(self, journal: Any, points: Points) -> None:
        self._journal, self._points = journal, points

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._journal, name)
        if not callable(found):
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            said = f"journal.{name}" + (f" {args[1]} {args[2]}" if name == "step" else "")
            await self._points.hit(f"before {said}")
            result = await found(*args, **kwargs)
            await self._points.hit(f"after {said}")
            return result

        return call


class PointSettable:
    """A settable whose reads and writes are points; what it raises passes a point too."""

    def __init__(self, inner: Settable, points: Points) -> None:
        self._inner, self._points = inner, points
        self.guarded, self.timeout = inner.guarded, inner.timeout
        self.settle_seconds = inner.settle_seconds

    async def read(self, ref: Ref) -> Reading:
        await self._points.hit(f"before read {ref}")
        reading = await self._inner.read(ref)
        await self._points.hit(f"after read {ref}")
        return reading

    async def write(self, ref: Ref, after: Value, *, before: Value, revision: str) -> None:
        await self._points.hit(f"before write {ref}")
        try:
            await self._inner.write(ref, after, before=before, revision=revision)
        finally:
            await self._points.hit(f"after write {ref}")

    async def close(self) -> None:
        await self._inner.close()
