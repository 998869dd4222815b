"""Takes the README's picture: the console on a running embedded fleet, exported by the app itself.

modeldeck demo --headless --state DIR     in one shell
./dev exec python docs/picture.py DIR/modeldeck.toml docs/console.svg
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from commands.deck import Deck
from tui.app import ConsoleApp
from tui.wiring import DeckBackend

SECONDS = 45.0
"""Long enough for sparklines to have a past."""


async def take(config: str, keys: list[str], seconds: float) -> str:
    app = ConsoleApp(DeckBackend(Deck.open(config)))
    async with app.run_test(size=(120, 36)) as pilot:
        await asyncio.sleep(seconds)
        for key in keys:
            await pilot.press(key)
            await asyncio.sleep(1.5)
        picture = app.export_screenshot(title="modeldeck")
        app.exit(0)
    return picture


if __name__ == "__main__":
    picture = asyncio.run(take(sys.argv[1], sys.argv[3:], SECONDS))
    Path(sys.argv[2]).write_text(picture, encoding="utf-8")
