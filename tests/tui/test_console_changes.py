"""What changed, as the console shows it: the lines of the command, from whichever machine."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.history import EVERY, Event
from tests.tui.drawn import picture, text
from tests.tui.scripted import NOW, busy
from tests.tui.scripted_changes import events, told
from tui.panels.changed import changed, recent


def test_changes_can_be_narrowed_by_window_and_by_text() -> None:
    backend = busy()
    backend.reads["changes"] = told(*events("chat"), *events("fraud"))
    everything = text(picture(backend, "changes").rows)
    assert everything.count("cutover v30") == 2
    assert "between Tue 12:58 and Tue 13:02" in everything
    narrowed = text(picture(backend, "changes", filter="fraud").rows)
    assert narrowed.count("cutover v30") == 1


def test_approvals_freezes_and_overrides_stand_out_among_the_changes() -> None:
    def said(**more: object) -> str:
        event = Event(NOW, "fraud", "v13 becomes the champion", "ana", **more)  # type: ignore[arg-type]
        return text(changed([event], 120, 1, NOW, with_service=True))

    assert "REQUESTED" in said(kind="request", state="requested")
    assert "APPROVED" not in said(kind="answer", state="approved")
    assert "EXPIRED" in said(kind="expiry", state="expired")
    assert "FROZEN" in said(kind="freeze", state="frozen")
    assert "#7 A-3" in said(change=7, state="done", approval="A-3")
    loud = said(change=7, state="done", override="fire", reason="OVERRIDE: fire")
    assert "OVERRIDE #7 done" in loud
    everywhere = Event(NOW, EVERY, "frozen until tomorrow", "ana", kind="freeze", state="frozen")
    assert recent([everywhere], NOW, 60, "fraud") == [everywhere]
    assert "every service" in text(changed([everywhere], 120, 1, NOW, with_service=True))


def moved(**more: object) -> Event:
    return Event(
        NOW - timedelta(minutes=5), "chat", "alias:chat@champion 31 → 32", "ben@host-b", "ledger",
        kind="promote", state="done", reason="retrained", entry=4, **more,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize("width", [80, 120])
def test_what_another_machine_did_stands_there_with_who_and_when(width: int) -> None:
    backend = busy()
    backend.reads["changes"] = told(moved(), *events())
    shown = text(picture(backend, "changes", width, 22).rows)
    row = next(one for one in shown.split("\n") if "alias:chat@champion" in one)
    assert "02:09" in row
    assert "ben@" in row
    assert "ledger 4" in row
    assert "ledger 4, done, by ben@host-b" in shown
    assert "reason: retrained" in shown
    assert row.count("OUTSIDE") == 0
    assert "OUTSIDE" in shown


def test_the_words_for_where_a_line_comes_from_are_those_of_the_command() -> None:
    report = told(moved(), *events())
    (grid,) = report.grids()
    cells = [str(cell) for row in grid.rows for cell in row]
    assert any("ledger 4 done" in cell for cell in cells)
    assert any("OUTSIDE" in cell for cell in cells)


@pytest.mark.parametrize("width", [80, 120])
def test_a_ledger_that_cannot_be_read_is_said_in_the_words_of_the_command(width: int) -> None:
    backend = busy()
    backend.reads["changes"] = told(*events(), untold="nothing answers at :5000")
    shown = text(picture(backend, "changes", width, 22).rows)
    assert "▲ what other machines did is not known: nothing answers at :5000" in shown
    assert "cutover v30 → v31" in shown


def test_an_answer_and_its_verdict_are_told_apart() -> None:
    def said(state: str) -> str:
        event = Event(NOW, "chat", "A-3: v32", "ben", kind="answer", state=state)
        return text(changed([event], 100, 1, NOW))

    assert "approved" in said("approved")
    assert "REJECTED" in said("rejected")
