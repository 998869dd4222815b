"""Snapshots: what one poll of one source brought, or why there is nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from core.errors import ModeldeckError

T = TypeVar("T")


@dataclass(frozen=True)
class Snapshot(Generic[T]):
    """The values of a source and when they were taken.

    After a failure `value` and `taken_at` are those of the last good poll, if there was one,
    `error` says what failed, and `next_try` when it is asked again.
    """

    source: str
    value: T | None = None
    taken_at: datetime | None = None
    error: ModeldeckError | None = None
    next_try: datetime | None = None

    def age(self, now: datetime) -> float | None:
        """Seconds since the values were taken; None where there are none."""
        return None if self.taken_at is None else max(0.0, (now - self.taken_at).total_seconds())

    def stale(self, now: datetime, after: float) -> bool:
        age = self.age(now)
        return age is not None and age > after
