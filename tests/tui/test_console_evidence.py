"""What is shown of versions and of what speaks for them, and how rarely it is asked for."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Unreachable
from core.lineage import Lineage
from core.snapshot import Snapshot
from core.versions import Model, Version
from tests.tui.hostile import hostile_backend
from tests.tui.scripted import NOW, Scripted, busy
from tests.tui.scripted_registry import lineage
from tests.tui.test_console_screens import assert_exact, picture, stale_store, store_of, text
from tui.feeds import Feed
from tui.panels.plan import plan_rows
from tui.seam import Readiness, VersionsView

CHAT = "chat  model chat"


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
    assert "▲ v2: its stage tag says Production, but @champion does not name it" in shown
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


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=40), st.integers(30, 100))
def test_no_string_breaks_what_stands_beside_a_plan(bad: str, width: int) -> None:
    proposal = hostile_backend(bad, bad).proposals["plan"]
    down = Unreachable(bad, backend=bad, operation=bad, hint=bad)
    lost = replace(
        proposal,
        readiness=Readiness(bad, down, down, down, down),
        plan=replace(proposal.plan, sets=()),
    )
    for one in (proposal, lost):
        rows = plan_rows(one, width)
        assert_exact(rows, width, len(rows))


def test_who_could_not_be_asked_stands_beside_the_plan() -> None:
    down = Unreachable("nothing answers at :5000", backend="mlflow", operation="")
    proposal = busy().proposals["promote chat 33 --to Staging"]
    shown = text(
        plan_rows(replace(proposal, readiness=Readiness("33", down, down, down, None)), 76)
    )
    assert shown.count("? unreachable: nothing answers at :5000") == 3
    assert "traffic" not in shown
