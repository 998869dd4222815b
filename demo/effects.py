"""What a staged fault means for one server; the supervisor writes it, each server reads it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.layout import read_json

PERIOD = 0.15
"""Seconds between two looks at the file."""


@dataclass(frozen=True, slots=True)
class Effect:
    """`delay` is the span of seconds that is added to an answer, `errors` a share of 1."""

    delay: tuple[float, float] = (0.0, 0.0)
    errors: float = 0.0

    def seconds(self) -> float:
        return random.uniform(*self.delay)

    def strikes(self) -> bool:
        return random.random() < self.errors


NONE = Effect()


def effect_for(staged: Any, service: str, slot: str, version: str) -> Effect:
    """The effect on a version in a slot, from what the supervisor wrote.

    A rule names the service, and a slot or the version that is spared.
    """
    for rule in staged.get("rules", []) if isinstance(staged, Mapping) else []:
        if rule["service"] != service or rule.get("slot", slot) != slot:
            continue
        if rule.get("spared") == version:
            continue
        low, high = rule["delay"]
        return Effect((low, high), rule.get("errors", 0.0))
    return NONE


class Watcher:
    """Follows the file; reading it costs one `stat` while nothing changes."""

    def __init__(self, path: Path) -> None:
        self.staged: Any = None
        self._path = path
        self._seen: tuple[int, int] | None = None

    def look(self) -> None:
        try:
            found = self._path.stat()
        except OSError:
            self._seen, self.staged = None, None
            return
        now = (found.st_mtime_ns, found.st_ino)
        if now != self._seen:
            self._seen, self.staged = now, read_json(self._path)

    async def follow(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(PERIOD)
