"""A console under a test's hands: keys in, the screen's text out, the clocks in the test's hands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from textual import events
from textual.pilot import Pilot

from tests.tui.scripted import NOW, Scripted, busy
from tui.app import ConsoleApp
from tui.cells import width_of
from tui.lines import LinePanel

DEADLINE = 15.0
CHARACTERS = {
    "space": " ", "minus": "-", "colon": ":", "slash": "/", "question_mark": "?",
    "left_square_bracket": "[", "right_square_bracket": "]",
}  # fmt: skip


@dataclass
class Clock:
    """Both clocks of the console; they move only when told."""

    seconds: float = 100.0
    wall: datetime = field(default_factory=lambda: NOW)

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return self.wall

    def move(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)


@dataclass
class Driver:
    app: ConsoleApp
    pilot: Pilot[int]
    clock: Clock

    @property
    def lines(self) -> list[str]:
        rows = self.app.query_one("#body", LinePanel).rows
        return ["".join(text for text, _ in row) for row in rows]

    @property
    def screen(self) -> str:
        return "\n".join(self.lines)

    def styles_of(self, text: str) -> str:
        """The style names of the first cell that holds the text."""
        rows = self.app.query_one("#body", LinePanel).rows
        return next(style for row in rows for cell, style in row if text in cell)

    async def press(self, *keys: str) -> None:
        """Keys one after the other, each handled before the next; quicker than the pilot's own."""
        for key in keys:
            character = CHARACTERS.get(key, key if len(key) == 1 else None)
            event = events.Key(key, character)
            self.app.post_message(event)
            await asyncio.sleep(0)
        await self.pilot.pause()

    async def click(self, text: str, times: int = 1) -> None:
        """The mouse on the first cell of the text."""
        row = next(n for n, one in enumerate(self.lines) if text in one)
        column = width_of(self.lines[row].split(text, 1)[0])
        await self.pilot.click(offset=(column, row), times=times)

    async def until(self, holds: Callable[[], bool], what: str = "") -> None:
        try:
            async with asyncio.timeout(DEADLINE):
                while not holds():
                    await self.pilot.pause(0.01)
        except TimeoutError:
            raise AssertionError(f"never came: {what}\n{self.screen}") from None

    async def sees(self, *texts: str) -> None:
        """Wait until all of the texts stand on the screen."""
        for text in texts:
            await self.until(lambda text=text: text in self.screen, text)  # type: ignore[misc]

    async def loses(self, text: str) -> None:
        await self.until(lambda: text not in self.screen, f"not {text}")


@asynccontextmanager
async def console(
    backend: Scripted, width: int = 120, height: int = 36, *, clock: Clock | None = None
) -> AsyncIterator[Driver]:
    clock = clock or Clock()
    app = ConsoleApp(backend, now=clock.now, clock=clock)
    async with app.run_test(size=(width, height)) as pilot:
        yield Driver(app, pilot, clock)


Story = Callable[[Driver], Awaitable[None]]


def session(
    story: Story, backend: Scripted | None = None, width: int = 120, height: int = 36
) -> Scripted:
    played = backend or busy()

    async def run() -> None:
        async with console(played, width, height) as driver:
            await story(driver)

    asyncio.run(run())
    return played


def typed(text: str) -> list[str]:
    names = {" ": "space", "-": "minus"}
    return [names.get(character, character) for character in text]


async def box_ready(driver: Driver) -> None:
    """The plan is on the screen, and half a second has gone by."""
    await driver.sees("esc cancels (No)")
    driver.clock.move(2.0)


CHAT = "chat  model chat"


async def on_service(driver: Driver) -> None:
    await driver.sees("TTFT p95 1.9 s > 0.8 s")
    await driver.press("2")
    await driver.sees(CHAT, "Gate of v32  ✖ FAILED")
