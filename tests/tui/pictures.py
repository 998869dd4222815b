"""Pictures of the console as SVG, for the README and to notice when a screen changes its face.

`python -m tests.tui.pictures` writes them anew, after a person has looked at what changed.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from tests.tui.driving import Driver, console
from tests.tui.scripted import busy

FOLDER = Path(__file__).with_name("pictures")


async def _overview(driver: Driver) -> None:
    await driver.sees("now / on r17", "R → r17", "GPUs 3/4", "OUTSIDE")


async def _plan(driver: Driver) -> None:
    await driver.until(lambda: driver.app.picture.service == "chat")
    await driver.sees("TTFT p95", "R → r17", "GPUs 3/4")
    await driver.press("R")
    await driver.sees("esc cancels (No)")


async def _service(driver: Driver) -> None:
    await driver.until(lambda: driver.app.picture.service == "chat")
    await driver.press("2")
    await driver.sees("Gate of v32  ✖", "Lineage of v32  ✖", "Model card of v32  ✖", "R → r17")


async def _promote(driver: Driver) -> None:
    await driver.until(lambda: driver.app.picture.service == "chat")
    await driver.press("2")
    await driver.sees("TTFT p95", "R → r17", "95 %   94.8 %")
    await driver.press("left")
    await driver.sees("Gate of v33  ✔", "Lineage of v33  ✔", "Model card of v33  ✔")
    await driver.press("P")
    await driver.sees("esc cancels (No)")


PICTURES = {
    "overview": (_overview, 120, 36),
    "rollback": (_plan, 80, 24),
    "service": (_service, 120, 40),
    "promote": (_promote, 80, 24),
}


def draw(name: str) -> str:
    """The picture as SVG, with the names that differ from run to run taken out."""
    story, width, height = PICTURES[name]

    async def run() -> str:
        async with console(busy(), width, height) as driver:
            await story(driver)
            await driver.pilot.pause()
            return driver.app.export_screenshot(title="modeldeck")

    svg = asyncio.run(run())
    return re.sub(r"terminal-\d+", "terminal", svg)


def path(name: str) -> Path:
    return FOLDER / f"{name}.svg"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for picture in PICTURES:
        path(picture).write_text(draw(picture))
        print(path(picture))
