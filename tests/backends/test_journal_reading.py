"""A journal that may only be read: nothing is created, and what others write is seen."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backends.journal.opening import MIGRATIONS
from backends.journal.sql import SqlJournal
from core.errors import BackendError, Refused
from core.history import Release
from tests.live.journals import Place, file_place

NOW = datetime.now(UTC)


def release(version: str) -> Release:
    return Release(0, "chat", NOW, version, {}, {}, {})


def together(place: Place, story: Callable[[SqlJournal, SqlJournal], Awaitable[None]]) -> None:
    async def run() -> None:
        writer, reader = place.open(), place.open(read_only=True)
        try:
            await story(writer, reader)
        finally:
            await writer.close()
            await reader.close()

    asyncio.run(run())


def test_a_missing_file_is_empty_and_stays_missing(tmp_path: Path) -> None:
    async def story(_writer: SqlJournal, reader: SqlJournal) -> None:
        assert await reader.releases("chat") == []
        assert await reader.unsettled() == []
        assert await reader.baseline("chat", 1) == {}
        assert (await reader.check())["changes"] == 0

    together(file_place(tmp_path / "none/j.db"), story)
    assert list(tmp_path.iterdir()) == []


def test_what_others_write_is_seen_while_they_write_and_after(tmp_path: Path) -> None:
    file = tmp_path / "j.db"

    def left() -> list[str]:
        return [path.name for path in tmp_path.iterdir()]

    async def story(writer: SqlJournal, reader: SqlJournal) -> None:
        for number in (1, 2):
            await writer.add_release(release(str(number)))
            assert len(await reader.releases("chat")) == number
        await writer.close()
        assert len(await reader.releases("chat")) == 2
        assert left() == ["j.db"]
        await writer.add_release(release("3"))
        assert len(await reader.releases("chat")) == 3

    together(file_place(file), story)


def test_what_others_write_is_seen_while_their_journal_is_open(place: Place) -> None:
    async def story(writer: SqlJournal, reader: SqlJournal) -> None:
        assert await reader.releases("chat") == []
        for number in (1, 2):
            await writer.add_release(release(str(number)))
            assert len(await reader.releases("chat")) == number
        await writer.close()
        assert len(await reader.releases("chat")) == 2
        with pytest.raises(Refused, match="reading only"):
            await reader.add_release(release("3"))
        assert len(await writer.releases("chat")) == 2, "opened again by whoever wants it"

    together(place, story)


def test_a_write_is_refused(tmp_path: Path) -> None:
    async def story(_writer: SqlJournal, reader: SqlJournal) -> None:
        with pytest.raises(Refused, match="reading only"):
            await reader.add_release(release("1"))
        with pytest.raises(Refused):
            await reader.note_health("chat", None, {})

    together(file_place(tmp_path / "j.db"), story)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("version", [0, 1, 2])
def test_an_older_file_is_read_and_left_as_it_is(tmp_path: Path, version: int) -> None:
    file = tmp_path / "j.db"
    with sqlite3.connect(file) as db:
        for text in MIGRATIONS[:version]:
            db.executescript(text)
        db.execute(f"PRAGMA user_version={version}")
    db.close()
    before = file.read_bytes()

    async def story(_writer: SqlJournal, reader: SqlJournal) -> None:
        assert await reader.releases("chat") == []

    together(file_place(file), story)
    assert file.read_bytes() == before


def test_a_newer_file_and_a_damaged_one_are_said(tmp_path: Path) -> None:
    newer, damaged = tmp_path / "newer.db", tmp_path / "damaged.db"
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    damaged.write_bytes(b"no database at all" * 100)

    for file, says in ((newer, "newer modeldeck"), (damaged, "no journal")):

        async def story(_writer: SqlJournal, reader: SqlJournal, says: str = says) -> None:
            with pytest.raises(BackendError, match=says):
                await reader.releases("chat")

        together(file_place(file), story)
