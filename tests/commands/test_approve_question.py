"""What a person reads of a request before they answer it, and when they are asked."""

from __future__ import annotations

import asyncio
import io
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from backends.journal.sqlite import SqliteJournal
from core.gate import Check, GateReport
from core.plan import Finding, Plan
from core.policy import ApprovalState
from core.promotion import promote
from core.versions import Stage
from tests.commands.driving import Ran, modeldeck
from tests.core.planning import PASSED, VERSIONS, seen

PROMOTION = promote(seen(), VERSIONS[1], Stage.PRODUCTION, PASSED)
DOUBTED = GateReport(
    "13",
    (
        *PASSED.checks,
        Check("headline", "failed", 0.71, "at least 0.9", "run r1"),
        Check("card", "no_evidence", None, "complete", "nobody answered"),
    ),
)
PLAN = replace(
    PROMOTION,
    findings=(*PROMOTION.findings, Finding("warning", "slot blue stays warm")),
    evidence={"gate": DOUBTED.to_json()},
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One request by ana; ben is here."""
    monkeypatch.setenv("MODELDECK_ACTOR", "ben")
    ask(tmp_path, PLAN)
    config = tmp_path / "deck.toml"
    config.write_text(
        f'[journal]\npath = "{tmp_path}/j.db"\n[services.fraud]\npolicy = "approved"\n'
    )
    return config


def ask(folder: Path, plan: Plan, needed: int = 1) -> None:
    async def story() -> None:
        journal = SqliteJournal(folder / "j.db")
        await journal.ask_approval(
            plan, actor="ana", reason="better", command="c", needed=needed, lasts=3600
        )
        await journal.close()

    asyncio.run(story())


def state(config: Path) -> ApprovalState:
    ran = modeldeck("approvals", "A-1", "-o", "json", config=config)
    (one,) = ran.data["approvals"]
    found: ApprovalState = one["state"]
    return found


def typed(monkeypatch: pytest.MonkeyPatch, answer: str, *words: str, config: Path) -> Ran:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    return modeldeck(*words, config=config)


WHOLE = (
    "traffic:fraud", "alias:fraud@champion", "✖ FAILED, 1 of 3 checks passed, when it was asked for",
    "headline", "0.71 against at least 0.9 (run r1)", "nobody answered", "slot blue stays warm",
    "asked for by ana", "better",
)  # fmt: skip


def test_one_request_is_shown_with_its_whole_plan(config: Path) -> None:
    ran = modeldeck("approvals", "a-1", config=config)
    assert ran.code == 0, ran.err
    for said in (*WHOLE, "A-1 waits for 1 approval"):
        assert said in ran.out
    (one,) = modeldeck("approvals", "A-1", "-o", "json", config=config).data["approvals"]
    assert one["gate"]["verdict"] == "failed"
    assert one["findings"][-1]["message"] == "slot blue stays warm"
    assert modeldeck("approvals", "A-2", config=config).code == 2
    assert modeldeck("approvals", "frad", config=config).code == 2


@pytest.mark.parametrize(("answer", "code", "then"), [("y\n", 0, "approved"), ("\n", 3, "waiting")])
def test_on_a_terminal_it_is_read_before_it_is_answered(
    config: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, then: str
) -> None:
    ran = typed(monkeypatch, answer, "approve", "A-1", config=config)
    assert ran.code == code, ran.err
    assert "approve it? y/N" in ran.err
    for said in WHOLE:
        assert ran.out.count(said) == 1, "shown once, and before the answer"
    assert ("A-1 was approved by ben" in ran.out) is (code == 0)
    assert state(config) == then


def test_whoever_may_not_answer_is_not_asked(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELDECK_ACTOR", "ana")
    ran = typed(monkeypatch, "y\n", "approve", "A-1", config=config)
    assert ran.code == 3
    assert "y/N" not in ran.err
    assert "another person" in ran.err


@pytest.mark.parametrize("words", [("--yes",), ("-o", "json")])
def test_a_script_is_not_asked(
    config: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    ran = typed(monkeypatch, "", "approve", "A-1", *words, config=config)
    assert ran.code == 0, ran.err
    assert "y/N" not in ran.err
    assert state(config) == "approved"


def test_without_a_terminal_nobody_is_asked(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert modeldeck("approve", "A-1", config=config).code == 0
    assert state(config) == "approved"


def test_a_count_that_was_raised_counts_for_what_waits_already(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert modeldeck("approve", "A-1", "-o", "json", config=config).code == 0
    text = config.read_text().replace(
        'policy = "approved"', 'policy = { mode = "approved", approvals = 2 }'
    )
    config.write_text(text)
    assert state(config) == "waiting"
    again = modeldeck("approve", "A-1", "-o", "json", config=config)
    assert "ben has approved" in again.error["message"]
    monkeypatch.setenv("MODELDECK_ACTOR", "cleo")
    assert modeldeck("approve", "A-1", "-o", "json", config=config).data["state"] == "approved"
    config.write_text(text.replace("approvals = 2", 'expires = "1ms"'))
    assert state(config) == "expired"
