"""Whole sessions at the console: keys in, screen out, with a backend that plays a script."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual import events

from core.errors import Unreachable
from tests.tui.driving import Driver, console
from tests.tui.scripted import Scripted, busy, plan, status
from tests.tui.scripted import events as history
from tui.keys import KEYS
from tui.seam import Facts, Outcome, Proposal

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


def test_the_frame_is_there_before_anything_answered() -> None:
    backend = busy()
    silent = asyncio.Event

    async def never() -> None:
        await silent().wait()

    for key in backend.reads:
        backend.reads[key] = never

    async def story(driver: Driver) -> None:
        await driver.sees("PRODUCTION", "ana WRITE", "Services", "asking…", "? keys")

    session(story, backend)


def test_a_walk_through_the_screens_and_back() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("TTFT p95 1.9 s > 0.8 s", "now / on r17")
        await driver.press("down")
        await driver.sees("fraud: changed, 48h")
        await driver.press("enter")
        await driver.sees("fraud  model fraud", "Staging 1", "Slots")
        await driver.press("w")
        await driver.sees("Changed: fraud")
        await driver.press("5")
        await driver.sees("Changed: every service")
        await driver.press("3")
        await driver.sees("412 / 700 W")
        await driver.press("question_mark")
        await driver.sees("confirms the plan in the box")
        await driver.press("escape", "escape", "escape", "escape")
        await driver.sees("fraud  model fraud")
        await driver.press("1")
        await driver.sees("Services: 1 critical")

    session(story)


def test_the_cursor_stays_on_its_service_when_the_order_changes() -> None:
    backend = busy()

    async def story(driver: Driver) -> None:
        await driver.sees("chat: changed")
        await driver.press("down", "down")
        await driver.sees("search: changed")
        backend.reads["services"] = (status("a-new-one"), *backend.reads["services"])
        await driver.press("r")
        await driver.sees("a-new-one")
        assert "search: changed" in driver.screen

    session(story, backend)


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


def test_a_y_before_half_a_second_confirms_nothing() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("R")
        await driver.sees("y goes back")
        driver.clock.move(0.3)
        await driver.press("y")
        await driver.sees("too early")

    assert session(story).applied == []


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


def test_an_unknown_command_is_said_while_it_is_typed() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("colon", *"cana")
        await driver.sees("enter runs it")
        await driver.press("x")
        await driver.sees("there is no command 'canax'")
        await driver.press("backspace", "tab")
        await driver.sees("chat  fraud")
        await driver.press("tab", "tab")
        await driver.until(lambda: driver.app.bar._input.value == "canary fraud")  # type: ignore[union-attr]
        await driver.press("escape")
        await driver.sees("? keys")

    session(story)


def test_a_query_is_answered_as_a_page_and_kept_in_the_history() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("colon", *typed("versions chat"), "enter")
        await driver.sees("versions of chat", "$ modeldeck versions chat", "Staging")
        await driver.press("escape")
        await driver.sees("Services: 1 critical")
        await driver.press("colon", "up")
        await driver.until(lambda: driver.app.bar._input.value == "versions chat")  # type: ignore[union-attr]

    session(story)


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


def test_the_form_for_a_canary_names_the_service_under_the_cursor() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("fraud")
        await driver.press("down", "C")
        await driver.until(
            lambda: driver.app.bar is not None and driver.app.bar._input.value == "canary fraud "
        )

    session(story)


def test_a_filter_narrows_and_escape_ends_it() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("chat    v31")
        await driver.press("slash", *"fra")
        await driver.sees("filter: fra", "fraud: changed")
        assert "chat    v31" not in driver.screen
        await driver.press("enter")
        await driver.sees("? keys")
        await driver.press("escape")
        await driver.sees("chat    v31")

    session(story)


def test_the_display_pauses_and_goes_on() -> None:
    backend = busy()

    async def story(driver: Driver) -> None:
        await driver.sees("TTFT p95 1.9 s")
        await driver.press("p")
        await driver.sees("PAUSED")
        backend.reads["services"] = (status("after"),)
        await driver.press("r")
        driver.clock.move(1.0)
        await driver.sees("02:14:08 UTC")
        assert "chat    v31" in driver.screen
        await driver.press("p")
        await driver.sees("after")

    session(story, backend)


def test_windows_grow_and_shrink() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("limit, 15m")
        await driver.press("right_square_bracket")
        await driver.sees("limit, 1h")
        await driver.press("left_square_bracket", "left_square_bracket")
        await driver.sees("limit, 5m")
        await driver.press("5", "right_square_bracket")
        await driver.sees("every service, 7d")

    session(story)


def test_copying_reaches_the_clipboard_and_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    backend = busy()
    target = tmp_path / "state" / "copied.txt"
    backend.facts = replace(backend.facts, copies=target)

    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("c")
        await driver.sees("copied, also into")
        assert driver.app.clipboard == "modeldeck status chat"
        await driver.press("R")
        await driver.sees("y goes back")
        await driver.press("c")
        await driver.until(lambda: "rollback" in target.read_text())

    session(story, backend)
    assert target.read_text().startswith("modeldeck rollback chat --to r17")
    assert target.stat().st_mode & 0o777 == 0o600


def test_the_mouse_chooses_a_row() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("search")
        row = next(y for y, line in enumerate(driver.lines) if "search  v7" in line)
        await driver.pilot.click("#body", offset=(10, row))
        await driver.sees("search: changed")

    session(story)


def test_a_dead_source_dims_its_own_panel_and_comes_back() -> None:
    backend = busy()
    good = backend.reads["gpus"]

    async def story(driver: Driver) -> None:
        await driver.sees("GPUs 3/4")
        backend.reads["gpus"] = Unreachable("the driver is gone", backend="nvml", operation="")
        await driver.press("r")
        await driver.sees("the driver is gone", "1 DOWN")
        assert "TTFT p95 1.9 s" in driver.screen
        backend.reads["gpus"] = good
        await driver.press("r")
        await driver.loses("the driver is gone")

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


def test_without_a_config_the_gpus_fill_the_screen() -> None:
    backend = busy()
    backend.facts = Facts("local", False, True, "ana")
    backend.reads = {"gpus": backend.reads["gpus"]}

    async def story(driver: Driver) -> None:
        await driver.sees("GPUs 3/4", "412 / 700 W", "modeldeck init", "READ-ONLY")

    session(story, backend)


def test_only_the_service_that_is_looked_at_is_polled() -> None:
    backend = busy()

    async def story(driver: Driver) -> None:
        await driver.sees("now / on r17")
        running = driver.app.sources._pollers.snapshots
        assert "figures/chat" in running()
        await driver.press("down")
        await driver.until(lambda: "figures/fraud" in running())
        assert "figures/chat" not in running()
        assert "services" in running()

    session(story, backend)


def test_the_keys_that_terminals_want_are_left_alone() -> None:
    bound = {name for key in KEYS for name in key.keys.split(",")}
    assert not bound & {f"ctrl+{letter}" for letter in "abdpqsz"}
    assert not bound & {"d", "x", "delete", *(f"f{n}" for n in range(1, 13))}

    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        found = {
            key for _, bindings in driver.app._binding_chain for key in bindings.key_to_bindings
        }
        assert not found & {"ctrl+q", "ctrl+p", "tab"}
        assert not found - bound
        await driver.press("ctrl+q", "ctrl+p", "f1", "d", "x", "delete")
        assert driver.app.is_running
        assert driver.app.screen is driver.app.screen_stack[0]

    session(story)


def test_every_key_has_an_id_of_its_own_and_can_be_rebound() -> None:
    assert len({key.id for key in KEYS}) == len(KEYS)

    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        driver.app.set_keymap({"change.rollback": "U"})
        await driver.press("U")
        await driver.sees("y goes back")

    session(story)


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


def test_the_history_of_another_service_is_not_shown() -> None:
    backend = busy()
    backend.reads["changes"] = history("fraud")

    async def story(driver: Driver) -> None:
        await driver.sees("chat: changed", "nothing changed")

    session(story, backend)
