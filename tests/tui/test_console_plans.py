"""From the key that asks to the key that confirms, and what the operator is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from textual import events

from core.errors import Unreachable
from core.policy import UNPROVED
from tests.tui.driving import Driver, box_ready, console, session, typed
from tests.tui.scripted import busy, plan
from tui.seam import Outcome, Proposal


def test_a_rollback_is_shown_confirmed_and_told() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("R")
        await driver.sees(
            "rollback chat", "■ prompt:chat-system@live", "unguarded", "docs-11-20  →  docs-11-13",
            "touches 100 %", "reason: INC-7", "$ modeldeck rollback chat --to r17", "y goes back",
        )  # fmt: skip
        await box_ready(driver)
        await driver.press("y")
        await driver.sees("✔ prompt:chat-system@live", "change 214: done", "seen on 100 %")
        await driver.press("escape")
        await driver.loses("change 214")

    backend = session(story)
    assert [proposal.plan.kind for proposal in backend.applied] == ["rollback"]


def test_nothing_is_applied_without_the_key() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("R")
        await box_ready(driver)
        await driver.press("enter", "R", "A", "n", "space", "1", "w", "down")
        await driver.press("escape")
        await driver.loses("esc cancels (No)")
        assert "Services" in driver.screen

    assert session(story).applied == []


def test_a_held_y_confirms_nothing_and_a_fresh_one_does() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("y", "R")
        for _ in range(30):
            driver.clock.move(0.06)
            await driver.press("y")
        await driver.sees("a held key confirms nothing")
        assert driver.app.box.phase == "shown"
        driver.clock.move(2.0)
        await driver.press("y")
        await driver.sees("change 214: done")

    session(story)


def test_going_forward_in_production_asks_for_the_name() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("colon", *typed("canary chat 32 --weight 5"), "enter")
        await driver.sees("canary chat", "type chat to go on", "y goes ahead")
        driver.clock.move(2.0)
        await driver.press("y")
        assert driver.app.box.phase == "shown"
        await driver.press("backspace", *"chat")
        await driver.sees("chat ✔")
        driver.clock.move(2.0)
        await driver.press("y")
        await driver.sees("change 214: done")

    assert len(session(story).applied) == 1


def test_a_rollback_to_what_has_not_proved_good_asks_for_the_name_too() -> None:
    backend = busy()
    free = backend.proposals["rollback chat"]
    assert isinstance(free, Proposal)
    unproved = {UNPROVED: {"because": "r16 has not proved good", "instead": "r17"}}
    backend.proposals["rollback chat"] = replace(free, plan=replace(free.plan, evidence=unproved))

    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("R")
        await driver.sees("type chat to go on")
        driver.clock.move(2.0)
        await driver.press("y")
        assert driver.app.box.phase == "shown"

    assert session(story, backend).applied == []


def test_a_refused_plan_cannot_be_confirmed() -> None:
    backend = busy()
    backend.proposals["rollback chat"] = backend.proposals["promote chat 32"]

    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("R")
        await driver.sees("✖ v32 did not pass the gate", "modeldeck gate chat 32", "refused")
        driver.clock.move(2.0)
        await driver.press("y")
        assert driver.app.box.phase == "shown"

    assert session(story, backend).applied == []


def test_a_part_can_be_left_out_of_a_rollback() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("R")
        await driver.sees("space leaves a part out")
        await driver.press("down", "down", "space")
        await driver.sees("□ index:docs@live", "■ prompt:chat-system@live", "--only part")
        await driver.press("up", "space")
        await driver.sees("a plan without any part does nothing")
        driver.clock.move(2.0)
        # The new plan's half second begins when it is drawn.
        await driver.press("y")
        await driver.sees("change 214: done")

    (applied,) = session(story).applied
    assert [str(item.ref) for item in applied.plan.sets] == ["prompt:chat-system@live"]


def test_a_long_plan_must_be_read_to_its_end() -> None:
    backend = busy()
    long = plan("back", "abort")
    many = tuple(replace(long.findings[0], message=f"finding {n}") for n in range(60))
    backend.proposals["abort chat"] = Proposal(replace(long, findings=many), "modeldeck abort chat")

    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("A")
        await driver.sees("more lines")
        driver.clock.move(2.0)
        await driver.press("y")
        await driver.sees("read to the end first")
        await driver.press(*["pagedown"] * 6)
        await driver.sees("finding 59")
        driver.clock.move(2.0)
        await driver.press("y")
        await driver.sees("change 214: done")

    session(story, backend)


def test_what_is_pasted_where_nobody_asked_is_ignored() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        driver.app.post_message(events.Paste("R\ny\n:rollback chat\n"))
        await driver.pilot.pause()
        await driver.press("R")
        await box_ready(driver)
        driver.app.post_message(events.Paste("y"))
        await driver.pilot.pause()
        assert driver.app.box.phase == "shown"

    backend = session(story)
    assert backend.applied == []
    assert backend.asked == ["rollback chat"]


def test_a_failing_command_says_what_and_what_to_do() -> None:
    backend = busy()
    backend.proposals["rollback chat"] = Unreachable(
        "read the split: nothing answers at :9901", backend="envoy", operation="", hint="doctor"
    )

    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("R")
        await driver.sees("nothing answers at :9901", "doctor", "esc closes")
        await driver.press("escape")
        await driver.loses("nothing answers")

    session(story, backend)


def test_quitting_during_a_plan_waits_for_the_set_in_hand() -> None:
    backend = busy()

    async def story(driver: Driver) -> None:
        backend.hold = asyncio.Event()
        await driver.sees("R → r17")
        await driver.press("R")
        await box_ready(driver)
        await driver.press("y")
        await driver.sees("applying …")
        await driver.press("escape")
        await driver.sees("q stops it after the set in hand")
        await driver.press("q")
        await driver.sees("q again leaves it unfinished")
        backend.hold.set()
        await driver.until(lambda: driver.app.return_value is not None)
        assert driver.app.return_value == 130

    session(story, backend)


def test_a_plan_that_ends_badly_says_so_in_words() -> None:
    backend = busy()
    backend.outcome = Outcome("needs_person", ("docs@live is docs-11-20, wanted docs-11-13",), 9, 6)

    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("R")
        await box_ready(driver)
        await driver.press("y")
        await driver.sees("✖ change 9: needs person", "wanted docs-11-13")

    session(story, backend)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 12), (200, 60)])
def test_the_plan_fits_every_terminal(width: int, height: int) -> None:
    async def story(driver: Driver) -> None:
        await driver.until(lambda: driver.app.picture.service == "chat")
        await driver.press("R")
        await driver.sees("esc" if width < 60 else "esc cancels (No)")
        assert all(len(line) == width for line in driver.lines)
        assert len(driver.lines) == height

    session(story, width=width, height=height)


def test_a_defect_ends_the_console_without_showing_values() -> None:
    backend = busy()

    async def run() -> None:
        async with console(backend) as driver:
            await driver.sees("R → r17")
            token = "s3cret-token"

            def broken() -> None:
                raise RuntimeError(f"cannot use {token}")

            driver.app.call_later(broken)
            await driver.until(lambda: bool(driver.app._exit_renderables))
            told = str(driver.app._exit_renderables[0].segments)  # type: ignore[attr-defined]
            assert "RuntimeError: cannot use •••" in told
            assert "in broken" in told
            assert "s3cret" not in told

    with pytest.raises(RuntimeError):
        asyncio.run(run())
