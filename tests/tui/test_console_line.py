"""The command bar's line against the real commands: completing, checking, the default service."""

from __future__ import annotations

import pytest

from commands import catalog
from tui.line import IN_CONSOLE, check_line, complete_line, split_words, with_service

WORDS = {
    "service": ["chat", "fraud", "fraud-eu"],
    "version chat": ["31", "32"],
    "version fraud": ["12", "13"],
    "release chat": ["r16", "r17"],
    "approval": ["A-3", "A-4"],
}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("can", ["canary "]),
        ("ro", ["rollback "]),
        ("rollback fr", ["rollback fraud ", "rollback fraud-eu "]),
        ("canary chat 3", ["canary chat 31 ", "canary chat 32 "]),
        ("canary fraud ", ["canary fraud 12 ", "canary fraud 13 "]),
        ("rollback chat --to r1", ["rollback chat --to r16 ", "rollback chat --to r17 "]),
        ("promote chat 32 --to Prod", ["promote chat 32 --to Production "]),
        ("approve ", ["approve A-3 ", "approve A-4 "]),
        ("approvals A", ["approvals A-3 ", "approvals A-4 "]),
        ("reject A-4 --rea", ["reject A-4 --reason "]),
        ("canary chat 'unclosed", []),
        ("nonsense ", []),
    ],
)
def test_a_line_is_completed(line: str, found: list[str]) -> None:
    assert complete_line(line, WORDS, None) == found


def test_every_command_that_the_console_has_is_offered() -> None:
    assert complete_line("", WORDS, None) == [f"{name} " for name in IN_CONSOLE]
    assert {"status", "canary", "rollback", "abort", "promote"} <= set(IN_CONSOLE)


def test_options_that_confirm_are_neither_offered_nor_taken() -> None:
    offered = complete_line("rollback chat --", WORDS, None)
    assert not any("--yes" in line or "--confirm" in line for line in offered)
    said = check_line("rollback chat --yes", WORDS, None)
    assert said is not None
    assert "plan box asks" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("canray chat 32", "Did you mean 'canary'"),
        ("canary caht 32 ", "there is no service 'caht'"),
        ("canary chat 32 --wieght 5", "--weight"),
        ("rollback chat 'x", "a quote is not closed"),
        ("status -o json", "shows the answer itself"),
        ("metrics chat --watch", "looks again by itself"),
        ("demo", "runs from a shell"),
    ],
)
def test_what_is_wrong_is_said(line: str, said: str) -> None:
    assert said in (check_line(line, WORDS, None) or "")


@pytest.mark.parametrize(
    "line", ["", "can", "canary", "canary chat 32 --weight 5", "approvals A-3 ", "status", "q"]
)
def test_what_may_still_become_right_is_left_alone(line: str) -> None:
    assert check_line(line, WORDS, None) is None


def test_the_row_under_the_cursor_is_the_default_service() -> None:
    spec = catalog.find("canary")
    given = split_words("canary 13 --weight 5")[1:]
    assert with_service(spec, given, WORDS, "fraud") == ["fraud", "13", "--weight", "5"]
    named = split_words("canary chat 32 --weight 5")[1:]
    assert with_service(spec, named, WORDS, "fraud") == named
