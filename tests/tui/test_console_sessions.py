"""Whole sessions at the console: keys in, screen out, with a backend that plays a script."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from core.errors import Unreachable
from tests.tui.driving import Driver, session, typed
from tests.tui.scripted import busy, status
from tests.tui.scripted_changes import events as history
from tests.tui.scripted_changes import told
from tui.keys import KEYS
from tui.seam import Facts


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


def test_a_y_before_half_a_second_confirms_nothing() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("R")
        await driver.sees("y goes back")
        driver.clock.move(0.3)
        await driver.press("y")
        await driver.sees("too early")

    assert session(story).applied == []


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


def test_the_history_of_another_service_is_not_shown() -> None:
    backend = busy()
    backend.reads["changes"] = told(*history("fraud"))

    async def story(driver: Driver) -> None:
        await driver.sees("chat: changed", "nothing changed")

    session(story, backend)
