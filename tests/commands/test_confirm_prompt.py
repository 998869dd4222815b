"""The question on the terminal: what comes from outside is shown harmless."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from pathlib import Path

import pytest

from commands import catalog
from commands.configfile import Loaded, parse
from commands.deck import Deck
from commands.parse import parse_line
from commands.runchange import _ask, _dry_run
from core.errors import Refused
from core.plan import Plan
from core.promotion import promote
from core.versions import Stage
from tests.core.planning import PASSED, VERSIONS, seen

HOSTILE = "fra\x1b[2Jud"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "right"), [("fra\\x1b[2Jud", True), ("fraud", False)])
def test_a_name_that_could_steer_the_terminal_is_asked_for_as_shown(
    typed: str, right: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = parse('[environment]\nname = "prod"\nproduction = true\n', "deck.toml")
    plan = Plan("canary", HOSTILE, "forward", "v3 of it", ())
    monkeypatch.setattr(sys, "stdin", Terminal(typed + "\n"))
    deck = Deck(Loaded(config, None))
    parsed = parse_line([HOSTILE, "3"], catalog.find("canary"))
    if right:
        asyncio.run(_ask(deck, parsed, plan))
    else:
        with pytest.raises(Refused, match="not confirmed"):
            asyncio.run(_ask(deck, parsed, plan))
    said = capsys.readouterr()
    assert "type fra\\x1b[2Jud to apply it" in said.err
    assert "\x1b" not in said.err + said.out


PLAN = promote(seen(), VERSIONS[1], Stage.PRODUCTION, PASSED)


@pytest.mark.parametrize(
    ("policy", "words", "code"),
    [
        ("approved", (), 3),
        ("approved", ("--request",), 0),
        ("automatic", ("--request",), 3),
        ("approved", ("--wait", "1h"), 2),
    ],
)
def test_a_dry_run_of_a_request_ends_as_the_request_would(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    policy: str,
    words: tuple[str, ...],
    code: int,
) -> None:
    text = f'[journal]\npath = "{tmp_path}/j.db"\n[services.fraud]\npolicy = "{policy}"\n'
    line = ["fraud", "13", "--to", "Production", "--dry-run", "-o", "json", *words]
    parsed = parse_line(line, catalog.find("promote"))

    async def story() -> tuple[int, int]:
        async with Deck(Loaded(parse(text, "deck.toml"), None)) as deck:
            ended = await _dry_run(deck, parsed, PLAN)
            asked, _ = await deck.journal.approvals(None)
            return ended, len(asked)

    assert asyncio.run(story()) == (code, 0), "nothing is recorded"
    assert json.loads(capsys.readouterr().out)["ok"] is (code == 0)
