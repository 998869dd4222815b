"""The question on the terminal: what comes from outside is shown harmless."""

from __future__ import annotations

import asyncio
import io
import sys

import pytest

from commands import catalog
from commands.configfile import Loaded, parse
from commands.deck import Deck
from commands.parse import parse_line
from commands.runchange import _ask
from core.errors import Refused
from core.plan import Plan

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
