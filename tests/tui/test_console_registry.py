"""The registry in the console: a version is chosen, what speaks for it is read, it is promoted."""

from __future__ import annotations

from dataclasses import replace

from core.ledger import Chain, Deed, End, Entry
from tests.tui.driving import CHAT, Driver, box_ready, on_service, session
from tests.tui.scripted import busy, status
from tests.tui.scripted_registry import NOW
from tui.seam import ServiceView, VersionsView


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
            "gate     ✖ FAILED, 1 of 3 checks passed", "latency FAILED: 1.9 (<= 0.8 s)",
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


def test_an_alias_that_was_moved_past_the_ledger_is_marked_and_told() -> None:
    backend = busy()
    view = backend.reads["versions"]
    ledger = Chain("chat", (Entry(1, "champion", "29", "30", "op", "host-b", Deed("ben"), NOW, end=End("set", "ben")),))  # fmt: skip
    backend.reads["versions"] = replace(view, chain=ledger)

    async def story(driver: Driver) -> None:
        await on_service(driver)
        await driver.sees(
            "v31 @champion ▲ OUTSIDE",
            "@champion was moved past the ledger: ben@host-b had set it to 30",
        )
        await driver.press("right", "enter")
        await driver.sees("chat v31", "▲ @champion was moved past the ledger")

    session(story, backend)


def test_who_moved_an_alias_stands_on_the_page_of_its_version() -> None:
    backend = busy()
    view = backend.reads["versions"]
    ledger = Chain("chat", (Entry(1, "champion", "30", "31", "op", "host-b", Deed("ben"), NOW, end=End("set", "ben")),))  # fmt: skip
    backend.reads["versions"] = replace(view, chain=ledger)

    async def story(driver: Driver) -> None:
        await on_service(driver)
        assert "OUTSIDE" not in driver.screen.split("Traffic")[0]
        await driver.press("right", "enter")
        await driver.sees("@champion by ben@host-b 2026-03-04 02:14Z")

    session(story, backend)


def test_keys_that_do_nothing_without_versions_are_not_offered() -> None:
    backend = busy()
    del backend.reads["versions"]
    backend.reads["services"] = (without_model(),)

    async def story(driver: Driver) -> None:
        await driver.press("2")
        await driver.sees("no registered model is configured")
        await driver.until(lambda: "next version" not in driver.lines[-1])
        assert "promote" not in driver.lines[-1]
        assert "rollback" in driver.lines[-1]

    session(story, backend)


def without_model() -> ServiceView:
    view = status("chat")
    return replace(view, status=replace(view.status, model=None, champion=None))
