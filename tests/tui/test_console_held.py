"""Freezes and requests for approval in the console: marked, told in full, announced, answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from commands.spec import Grid
from core.freeze import Frozen
from core.history import EVERY, Event
from core.status import State
from tests.tui.drawn import picture, text
from tests.tui.driving import Driver, session, typed
from tests.tui.scripted import NOW, Scripted, busy, status
from tests.tui.scripted_changes import events, told
from tui.panels.bars import header
from tui.seam import Answer, ServiceView

UNTIL = datetime(2026, 3, 4, 8, tzinfo=UTC)
AUDIT = Frozen("chat is frozen until 2026-03-04T08:00:00Z by ben: audit", UNTIL)
ASKED = Event(
    NOW - timedelta(minutes=3), "chat", "A-3: v32 becomes the champion of chat", "ben",
    kind="request", state="requested", reason="better recall",
)  # fmt: skip


def held(view: ServiceView, *names: str, frozen: Frozen | None = AUDIT) -> ServiceView:
    return replace(view, status=replace(view.status, frozen=frozen, approvals=names))


def waiting() -> Scripted:
    backend = busy()
    view = status("chat", State.CRITICAL, "TTFT p95 1.9 s > 0.8 s", {"31": 1.0})
    backend.reads["services"] = (held(view, "A-3"), status("search"))
    backend.reads["changes"] = told(ASKED, *events())
    return backend


@pytest.mark.parametrize("width", [80, 120, 160])
def test_the_row_marks_both_in_words_and_keeps_what_is_wrong(width: int) -> None:
    shown = text(picture(waiting(), width=width, height=34 if width >= 100 else 22).rows)
    row = next(one for one in shown.split("\n") if "✖ chat" in one)
    for said in ("TTFT p95 1.", "❄ FROZEN", "✎ A-3"):
        assert said in row
    if width == 160:
        assert "❄ FROZEN until 08:00 ✎ A-3 WAITS for approval" in row
    other = next(one for one in shown.splitlines() if "search" in one)
    assert "❄" not in other


def test_a_row_counts_several_requests_and_the_header_those_of_all() -> None:
    backend = busy()
    backend.reads["services"] = (held(status("chat"), "A-3", "A-4", frozen=None),)
    assert "✎ 2 WAIT for approval" in text(picture(backend, width=160).rows)
    assert "approvals 2" in text([header(backend.facts, [], 120, NOW, approvals=2)])
    assert "approvals" not in text([header(backend.facts, [], 120, NOW)])


def test_the_service_screen_tells_who_asked_who_froze_and_how_to_answer() -> None:
    shown = text(picture(waiting(), "service", 160).rows)
    assert "❄ FROZEN: chat is frozen until 2026-03-04T08:00:00Z by ben: audit" in shown
    assert "A-3: v32 becomes the champion of chat, asked by ben: better recall" in shown
    assert ":approve A-3" in shown
    small = text(picture(waiting(), "service", 80, 22).rows)
    assert "❄ FROZEN: chat is frozen" in small
    assert "✎ WAITS for approval A-3" in small


def event(what: str, actor: str, kind: str, state: str, service: str = "chat") -> Event:
    return Event(NOW, service, what, actor, kind=kind, state=state)


@pytest.mark.parametrize(
    ("news", "said"),
    [
        (replace(ASKED, at=NOW), "✎ ben asks for an approval: A-3: v32 becomes"),
        (event("A-2: v31", "ben", "answer", "approved"), "✎ ben approved: A-2: v31"),
        (event("A-2: v31", "", "expiry", "expired"), "✎ expired unanswered: A-2: v31"),
        (event("frozen until 8", "ben", "freeze", "frozen"), "❄ chat frozen until 8 by ben"),
        (event("frozen until 8", "ben", "freeze", "frozen", EVERY), "❄ every service frozen"),
        (event("the freeze", "ben", "unfreeze", "unfrozen"), "❄ no longer frozen: chat"),
    ],
)
def test_what_others_ask_and_decide_is_announced(news: Event, said: str) -> None:
    backend = busy()
    backend.every = 0.05

    async def story(driver: Driver) -> None:
        await driver.sees("R → r17", "Tue 13:02")
        assert "✎" not in driver.screen
        backend.reads["changes"] = told(news, *events())
        await driver.sees(said)
        await driver.press("down")
        await driver.loses(said)

    session(story, backend)


def test_nothing_is_announced_of_before_or_of_oneself() -> None:
    backend = busy()
    backend.every = 0.05
    backend.reads["changes"] = told(ASKED)

    async def story(driver: Driver) -> None:
        await driver.sees("R → r17", "A-3")
        own = replace(ASKED, at=NOW, actor="Ana", what="A-7: mine")
        backend.reads["changes"] = told(own, ASKED)
        await driver.sees("A-7")
        assert "asks for an approval" not in driver.screen

    session(story, backend)


def test_a_request_is_answered_in_the_bar_and_seen_to_be() -> None:
    backend = waiting()
    backend.every = 600.0
    known = backend.check
    backend.check = lambda line, service: None if "approve" in line else known(line, service)  # type: ignore[method-assign]

    async def approve() -> Answer:
        backend.reads["services"] = (held(status("chat"), frozen=None),)
        return Answer("approve", (Grid((), [("A-3 was approved by ana",)]),), "", True)

    backend.proposals["approve A-3"] = approve

    async def story(driver: Driver) -> None:
        await driver.sees("approvals 1", "✎ A-3")
        await driver.press("colon", *typed("approve A-3"), "enter")
        await driver.sees("A-3 was approved by ana")
        await driver.press("escape")
        await driver.loses("approvals 1")
        await driver.loses("✎ A-3")

    session(story, backend)
    assert backend.asked == ["approve A-3"]
