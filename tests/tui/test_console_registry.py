"""The registry in the console: a version is chosen, what speaks for it is read, it is promoted."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.errors import Unreachable
from core.lineage import Lineage
from core.snapshot import Snapshot
from core.versions import Model, Version
from tests.tui.driving import Driver, box_ready, session
from tests.tui.scripted import NOW, OF_VERSION, Scripted, busy, lineage
from tests.tui.test_console_screens import picture, stale_store, store_of, text
from tui.feeds import Feed
from tui.seam import VersionsView

CHAT = "chat  model chat"


async def on_service(driver: Driver) -> None:
    await driver.sees("TTFT p95 1.9 s > 0.8 s")
    await driver.press("2")
    await driver.sees(CHAT, "Gate of v32  ✖ FAILED")


def test_the_candidate_is_chosen_before_anybody_moved_the_cursor() -> None:
    async def story(driver: Driver) -> None:
        await on_service(driver)
        await driver.sees(
            "P promotes v32 to Production",
            "✖ latency   FAILED  1.9 (<= 0.8 s)",
            "ttft_p95 1.9 s over 15m",
            "? headline  no evidence",
            "Lineage of v32  ✖ 7 of 10 present",
            "broken commit SHA: the clone does not have",
            "missing seeds: nothing is logged as params.seed",
            "unreachable artifact links",
            "Model card of v32  ✖ 5 of 7 present",
            "empty Cost profile, Safety notes",
        )

    session(story)


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


def test_a_version_that_moved_is_read_anew() -> None:
    backend = busy()
    backend.every = 0.05

    async def story(driver: Driver) -> None:
        await on_service(driver)
        before = len(backend.looked)
        view = backend.reads["versions"]
        moved = [
            replace(v, tags={"x": "1"}) if v.number == "32" else v for v in view.model.versions
        ]
        backend.reads["versions"] = VersionsView(replace(view.model, versions=tuple(moved)))
        await driver.until(lambda: len(backend.looked) == before + 3, "it is read anew")

    session(story, backend)
    assert len(backend.looked) == 6


def test_another_champion_is_another_comparison() -> None:
    backend = busy()
    backend.every = 0.05

    async def story(driver: Driver) -> None:
        await on_service(driver)
        model = backend.reads["versions"].model
        backend.reads["versions"] = VersionsView(replace(model, aliases={"champion": "30"}))
        await driver.until(lambda: len(backend.looked) == 6, "it is read anew")

    session(story, backend)


def test_promoting_is_two_keys_and_a_confirmation() -> None:
    async def story(driver: Driver) -> None:
        await on_service(driver)
        await driver.press("left")
        await driver.sees("P promotes v33 to Staging")
        await driver.press("P")
        await driver.sees(
            "v33 of chat: Draft → Staging", "gate     ✔ passed, 3 of 3 checks",
            "headline 0.9312", "lineage  ✔ 10 of 10 present", "card     ✔ 7 of 7 present",
            "traffic  now v31 95 % (15,428 requests, 3 errors) · v32 5 %", "type chat to go on",
        )  # fmt: skip
        await driver.press(*"chat")
        await box_ready(driver)
        await driver.press("y")
        await driver.sees("change 214: done")
        assert "lineage  ✔" not in driver.screen, "what is being applied stands alone"

    backend = session(story)
    assert backend.asked == ["promote chat 33 --to Staging"]
    assert len(backend.applied) == 1


def test_the_plan_of_a_bad_version_says_what_speaks_against_it() -> None:
    async def story(driver: Driver) -> None:
        await on_service(driver)
        await driver.press("P")
        await driver.sees(
            "gate     ✖ FAILED, 1 of 3 checks", "latency FAILED: 1.9 (<= 0.8 s)",
            "lineage  ✖ 7 of 10 present", "broken commit SHA", "missing seeds",
            "unreachable artifact links", "card     ✖ 5 of 7 present", "refused",
        )  # fmt: skip

    assert session(story).applied == []


def test_without_a_version_the_key_opens_the_line_to_complete() -> None:
    async def story(driver: Driver) -> None:
        await driver.sees("R → r17")
        await driver.press("P")
        await driver.until(lambda: driver.app.bar is not None and driver.app.bar.is_open)

    assert session(story).asked == []


def test_the_page_of_a_version_leaves_nothing_out_and_leads_to_the_others() -> None:
    async def story(driver: Driver) -> None:
        await on_service(driver)
        await driver.press("enter")
        await driver.sees(
            "chat v32", "metric auc of run 7: not logged", "commit SHA  from tag", "9f3c2e1d0a",
        )  # fmt: skip
        await driver.press("end")
        await driver.sees("Safety notes", "About Intended use.")
        await driver.press("right")
        await driver.sees("chat v31")
        await driver.press("escape")
        await driver.sees(CHAT, "v31 is the champion")

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


def many(count: int) -> Scripted:
    backend = busy()
    made = [Version("chat", str(n), tag_stage="Archived") for n in range(count, 2, -1)]
    made += [
        Version("chat", "2", tag_stage="Production"),
        Version("chat", "1", aliases=("champion",), tag_stage="Archived"),
    ]
    backend.reads["versions"] = VersionsView(Model("chat", tuple(made), {"champion": "1"}))
    return backend


@pytest.mark.parametrize("width", [80, 120])
def test_what_disagrees_is_marked_and_said_in_words(width: int) -> None:
    shown = " ".join(text(picture(many(5), "service", width, 60).rows).split())
    assert "v2 ▲ DISAGREES" in shown
    assert "▲ v2: its stage tag says Production, but @champion names another version" in shown
    assert "▲ v1: @champion names it, but its stage tag says Archived" in shown


@pytest.mark.parametrize("number", ["300", "150", "3"])
def test_the_chosen_version_stands_among_hundreds(number: str) -> None:
    found = picture(many(300), "service", 120, 34, cursor=number)
    marked = [cell for row in found.rows for cell, style in row if style == "cursor"]
    assert marked == [f"v{number}"]
    assert "more" in text(found.rows)


@pytest.mark.parametrize("page", ["service", "version"])
def test_a_source_that_fails_dims_its_own_part(page: str) -> None:
    store = store_of(busy(), "chat")
    error = Unreachable(
        "nothing answers at :5000", backend="mlflow", operation="", hint="is it up?"
    )
    store["card/chat@32"] = Feed(Snapshot("card", error=error), 300.0)
    shown = text(picture(busy(), page, height=120, store=store).rows)  # type: ignore[arg-type]
    assert shown.count("nothing answers at :5000") == 1
    assert "7 of 10 present" in shown


@pytest.mark.parametrize("page", ["service", "version"])
def test_old_evidence_is_not_shown_as_passed(page: str) -> None:
    shown = text(picture(busy(), page, height=120, store=stale_store(4000), cursor="31").rows)  # type: ignore[arg-type]
    assert "? was passed, 3 of 3 checks" in shown
    assert "? was 10 of 10 present" in shown
    assert "✔ 10 of 10" not in shown
    assert "✔ passed" not in shown


@pytest.mark.parametrize("page", ["service", "version"])
def test_evidence_is_doubtful_while_the_versions_cannot_be_read(page: str) -> None:
    store = store_of(busy(), "chat")
    error = Unreachable("nothing answers at :5000", backend="mlflow", operation="")
    old = store["versions/chat"].snapshot
    store["versions/chat"] = Feed(replace(old, error=error), 10.0)
    shown = text(picture(busy(), page, height=120, store=store, cursor="31").rows)  # type: ignore[arg-type]
    assert "? was passed" in shown
    assert "✔ 10 of 10 present" not in shown


def test_a_registry_that_cannot_be_asked_leaves_nothing_known() -> None:
    store = {k: v for k, v in store_of(busy(), "chat").items() if "@" not in k}
    error = Unreachable("nothing answers at :5000", backend="mlflow", operation="")
    store["versions/chat"] = Feed(Snapshot("versions", error=error), 10.0)
    shown = text(picture(busy(), "service", store=store).rows)
    assert shown.count("? not known: the versions could not be read") == 3
    assert "nothing answers at :5000" in shown


def test_a_service_without_a_model_says_so_and_does_not_ask_for_ever() -> None:
    backend = busy()
    store = {k: v for k, v in store_of(backend, "chat").items() if "@" not in k}
    del store["versions/chat"]
    views = backend.reads["services"]
    bare = tuple(replace(view, status=replace(view.status, model=None)) for view in views)
    store["services"] = Feed(Snapshot("services", bare, NOW), 2.0)
    shown = text(picture(backend, "service", store=store).rows)
    assert shown.count("no registered model is configured") == 1
    for absent in ("asking…", "Gate", "Lineage", "Model card"):
        assert absent not in shown


def test_what_was_read_in_part_is_asked_for_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    from tui import pollers

    monkeypatch.setattr(pollers, "LONGEST_PAUSE", 0.01)
    asked = 0
    enough = asyncio.Event()

    async def read() -> Lineage:
        nonlocal asked
        asked += 1
        if asked == 3:
            enough.set()
        return lineage(good=asked == 3)

    async def run() -> None:
        poller = pollers.Poller(
            "x", 300.0, read, lambda _snapshot: None, whole=lambda found: found.complete
        )
        task = asyncio.create_task(poller.run())
        async with asyncio.timeout(10):
            await enough.wait()
        await asyncio.sleep(0.2)
        task.cancel()

    asyncio.run(run())
    assert asked == 3


@pytest.mark.parametrize(("age", "asks"), [(10.0, 0), (400.0, 1)])
def test_what_is_known_and_young_is_not_asked_for(age: float, asks: int) -> None:
    from datetime import timedelta

    from tui.pollers import Poller

    asked = 0

    async def read() -> int:
        nonlocal asked
        asked += 1
        return 7

    async def run() -> None:
        known = Snapshot("x", 7, NOW - timedelta(seconds=age))
        poller = Poller("x", 300.0, read, lambda _snapshot: None, now=lambda: NOW, known=known)
        task = asyncio.create_task(poller.run())
        await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(run())
    assert asked == asks
