"""Turns over every service that a recorder watches: what spoils one is said, and ends nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from commands.log import write_traceback
from commands.sources.metrics import Recorder
from core.errors import ModeldeckError
from core.redaction import redact


class Recording:
    """`trouble` holds, per service, why the last look at it was not recorded.

    `tell` is called with each new trouble, and again when it is over; a defect goes to the log
    once for as long as it stays the same.
    """

    def __init__(self, recorder: Recorder, tell: Callable[[str], None]) -> None:
        self._recorder = recorder
        self._tell = tell
        self.trouble: dict[str, str] = {}

    async def turn(self) -> None:
        """One look at every service."""
        for name in self._recorder.watches:
            await self.attempt(name, self._recorder.round(name))

    async def attempt(self, name: str, work: Awaitable[Any]) -> None:
        try:
            await work
        except ModeldeckError as error:
            self._failed(name, error.message)
        except Exception as error:
            said = redact(f"{type(error).__name__}: {error} (a defect of modeldeck)")
            if self.trouble.get(name) != said:
                write_traceback(error)
            self._failed(name, said)
        else:
            if self.trouble.pop(name, None) is not None:
                self._tell(f"{name}: recorded again")

    def _failed(self, name: str, said: str) -> None:
        said = redact(said)
        if self.trouble.get(name) != said:
            self.trouble[name] = said
            self._tell(f"{name}: not recorded: {said}")
