"""The journal's clock may be another machine's: what it dates is compared with its own time."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from backends.journal.opening import SqliteDb
from commands.configfile import Loaded, parse
from commands.deck import Deck
from commands.door import default_reason
from commands.sources.fleet import FRESH_SECONDS, read_fleet
from core.status import State

HOUR = 3600.0


@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_a_verdict_is_as_old_as_the_journal_says(
    ahead: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = SqliteDb.now
    later = itertools.count()
    monkeypatch.setattr(SqliteDb, "now", lambda db: right(db) + ahead + next(later) * 1e-3)
    text = f'[journal]\npath = "{tmp_path}/j.db"\n[services.chat]\n'

    async def story() -> None:
        async with Deck(Loaded(parse(text, "deck.toml"), None)) as deck:
            await deck.journal.note_health("chat", None, {"system": ("critical", "errors 9 %")})
            (status,) = (await read_fleet(deck)).services
            assert status.layers["system"].state is State.CRITICAL
            assert await default_reason(deck, "chat") == "errors 9 %"
            monkeypatch.setattr(SqliteDb, "now", lambda db: right(db) + ahead + FRESH_SECONDS + 9)
            (status,) = (await read_fleet(deck)).services
            assert status.layers["system"].state is State.UNKNOWN
            assert "last judged 1m ago" in status.layers["system"].because
            assert await default_reason(deck, "chat") == ""

    asyncio.run(story())
