"""A version is chosen on the service screen: by keys, by a click, while the display is paused."""

from __future__ import annotations

import pytest

from core.versions import Model, Version
from tests.tui.driving import Driver, on_service, session
from tests.tui.scripted import OF_VERSION, busy
from tests.tui.scripted_registry import NOW, gate_report
from tui.seam import VersionsView


def test_a_version_is_read_once_and_not_again_when_one_comes_back_to_it() -> None:
    async def story(driver: Driver) -> None:
        await on_service(driver)
        await driver.press("right")
        await driver.sees(
            "v31 is the champion", "Gate of v31  ✔ passed", "Lineage of v31  ✔ 10 of 10"
        )
        await driver.press("left")
        await driver.sees("Gate of v32  ✖ FAILED", "Lineage of v32")
        await driver.press("1", "2")
        await driver.sees("Gate of v32  ✖ FAILED")

    looked = session(story).looked
    assert sorted(looked) == sorted(
        (kind, number) for number in ("32", "31") for kind in OF_VERSION
    )


def test_what_the_cursor_only_passes_is_not_read() -> None:
    async def story(driver: Driver) -> None:
        await on_service(driver)
        await driver.press("right", "right", "left", "left", "left")
        await driver.sees("Gate of v33  ✔ passed")

    assert {number for _, number in session(story).looked} == {"32", "33"}


@pytest.mark.parametrize(("width", "height"), [(120, 36), (80, 24)])
def test_a_click_on_a_version_chooses_it_and_a_second_one_opens_it(width: int, height: int) -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("TTFT p95 1.9 s > 0.8 s")
        await driver.press("2")
        await driver.sees("95 %   94.8 %")
        if height == 24:
            await driver.press("pagedown")
        await driver.sees("Gate of v32")
        await driver.click("v33  ")
        await driver.sees("P promotes v33 to Staging", "Gate of v33  ✔ passed")
        await driver.click("v30")
        await driver.sees("Gate of v30")
        await driver.click("Gate of v30")
        await driver.sees("Gate of v30")
        await driver.click("v33  ", times=2)
        await driver.sees("chat v33", "9f3c2e1d0a")

    session(story, width=width, height=height)


def test_a_click_beside_the_versions_chooses_none_while_a_plan_is_open() -> None:
    async def story(driver: Driver) -> None:
        await on_service(driver)
        await driver.press("P")
        await driver.sees("refused")
        await driver.click("v33")
        await driver.press("escape")
        await driver.sees("P promotes v32")

    session(story)


def test_a_choice_in_a_long_stage_moves_nothing_that_is_in_sight() -> None:
    backend = busy()
    made = tuple(Version("chat", str(number), NOW) for number in range(60, 20, -1))
    backend.reads["versions"] = VersionsView(Model("chat", made))
    backend.reads["gate"] = gate_report("60", good=True)

    async def story(driver: Driver) -> None:
        await driver.sees("TTFT p95 1.9 s > 0.8 s")
        await driver.press("2")
        await driver.sees("Draft 40", "v60", "more")
        await driver.press(*["right"] * 7)
        await driver.sees("P promotes v53")
        shown = [number for number in range(60, 20, -1) if f"│ v{number} " in driver.screen]
        assert 53 in shown
        await driver.click(f"v{shown[0]} ")
        await driver.sees(f"P promotes v{shown[0]}")
        assert shown == [n for n in range(60, 20, -1) if f"│ v{n} " in driver.screen]

    session(story, backend)


def test_while_the_display_is_paused_what_is_not_known_says_so() -> None:
    async def story(driver: Driver) -> None:
        await on_service(driver)
        await driver.press("p", "right")
        await driver.sees("PAUSED", "v31 is the champion", "the display was paused before this")
        await driver.until(lambda: ("gate", "31") in driver.app.backend.looked)  # type: ignore[attr-defined]
        assert "asking…" not in driver.screen
        await driver.press("left")
        await driver.sees("Gate of v32  ✖ FAILED", "ttft_p95 1.9 s over 15m")
        await driver.press("right", "p")
        await driver.sees("Gate of v31  ✔ passed")

    session(story)


def test_a_small_terminal_brings_the_versions_into_sight() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("TTFT p95 1.9 s > 0.8 s")
        await driver.press("2")
        await driver.sees("95 %   94.8 %")
        assert "Gate of" not in driver.screen
        await driver.press("left")
        await driver.sees("P promotes v33 to Staging", "Gate of v33  ✔ passed")
        await driver.press("pagedown")
        assert "v33" in driver.screen

    session(story, width=80, height=24)


@pytest.mark.parametrize("number", ["32", "33"])
def test_a_canary_begins_with_the_chosen_version(number: str) -> None:
    async def story(driver: Driver) -> None:
        await on_service(driver)
        if number == "33":
            await driver.press("left")
        await driver.press("C")
        await driver.sees(f"P promotes v{number}")
        bar = driver.app.bar
        assert bar is not None
        await driver.until(lambda: bar._input.value == f"canary chat {number} --weight ")

    session(story)
