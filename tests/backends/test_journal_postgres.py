"""What a journal on PostgreSQL makes, what it refuses to open, and whom it lets in."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from backends.journal import postgres_schema
from backends.journal.postgres import PostgresJournal
from core.errors import BackendError
from core.history import Release
from core.plan import Plan, Set
from core.refs import alias_ref
from core.schema import Secret
from tests.live.postgres import Postgres

PLAN = Plan("promote", "chat", "forward", "to 2", (Set(alias_ref("chat", "champion"), "1", "2"),))


def tell(journal: Any, story: Callable[[Any], Awaitable[object]]) -> Any:
    async def run() -> object:
        try:
            return await story(journal)
        finally:
            await journal.close()

    return asyncio.run(run())


def release(version: str = "1") -> Release:
    return Release(0, "chat", datetime.now(UTC), version, {}, {}, {})


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


@pytest.mark.live
def test_whoever_only_reads_makes_nothing(postgres: Postgres) -> None:
    url = postgres.create()

    async def story(journal: Any) -> None:
        assert await journal.releases("chat") == []
        assert (await journal.check())["changes"] == 0

    tell(PostgresJournal(url, read_only=True), story)
    with postgres.connect(name_of(url)) as db:
        assert db.execute("SELECT to_regnamespace('modeldeck')").fetchone() == (None,)


@pytest.mark.live
def test_many_who_come_first_at_once_make_one_journal(postgres: Postgres) -> None:
    url = postgres.create()

    async def story() -> list[int]:
        journals = [PostgresJournal(url) for _ in range(8)]
        made = await asyncio.gather(*(one.add_release(release()) for one in journals))
        for one in journals:
            await one.close()
        return sorted(one.number for one in made)

    assert asyncio.run(story()) == list(range(1, 9))


@pytest.mark.live
def test_a_newer_schema_is_refused_whenever_it_comes(postgres: Postgres) -> None:
    url = postgres.create()

    async def story(journal: PostgresJournal) -> None:
        await journal.add_release(release())
        with postgres.connect(name_of(url)) as db:
            db.execute("UPDATE modeldeck.modeldeck_version SET version = 99")
        reader = PostgresJournal(url, read_only=True)
        for call in (
            journal.add_release(release()),
            journal.releases("chat"),
            reader.releases("chat"),
        ):
            with pytest.raises(BackendError, match="newer modeldeck") as caught:
                await call
            assert "update modeldeck" in (caught.value.hint or "")
        await reader.close()

    tell(PostgresJournal(url), story)


@pytest.mark.live
@pytest.mark.parametrize("version", range(postgres_schema.LAST))
def test_an_older_schema_is_brought_up_to_date_by_whoever_may_write(
    postgres: Postgres, version: int
) -> None:
    url = postgres.create()
    with postgres.connect(name_of(url)) as db:
        db.execute("CREATE SCHEMA modeldeck")
        db.execute("SET search_path TO modeldeck")
        db.execute("CREATE TABLE modeldeck_version (version BIGINT NOT NULL)")
        db.execute(f"INSERT INTO modeldeck_version VALUES ({version})")
        for number in range(version):
            for statement in postgres_schema.statements(number):
                db.execute(statement)

    async def look(journal: PostgresJournal) -> Any:
        return await journal.approvals(None)

    if version:
        with pytest.raises(BackendError, match="older modeldeck"):
            tell(PostgresJournal(url, read_only=True), look)
    assert tell(PostgresJournal(url), look)[0] == []
    assert tell(PostgresJournal(url, read_only=True), look)[0] == []


@pytest.mark.live
def test_two_schemas_of_one_database_share_nothing(postgres: Postgres) -> None:
    url = postgres.create()

    async def story(prod: PostgresJournal) -> None:
        staging = PostgresJournal(url, schema="staging")
        await prod.add_release(release())
        assert await staging.releases("chat") == []
        assert "staging" in staging.path
        await staging.close()

    tell(PostgresJournal(url), story)


@pytest.mark.live
def test_the_database_keeps_which_role_wrote(postgres: Postgres) -> None:
    url = postgres.create()

    async def story(journal: PostgresJournal) -> None:
        until = datetime.now(UTC)
        await journal.freeze("chat", until=until, actor="whoever", reason="")

    tell(PostgresJournal(url), story)
    with postgres.connect(name_of(url)) as db:
        found = db.execute('SELECT actor, role FROM modeldeck."freeze"').fetchall()
    assert found == [("whoever", "modeldeck")]


@pytest.fixture
def knocker(postgres: Postgres) -> str:
    """The URL of a fresh database by a role that is asked for its password, "open-sesame-17"."""
    url = postgres.create()
    with postgres.connect(name_of(url)) as db:
        if not db.execute("SELECT 1 FROM pg_roles WHERE rolname = 'knocker'").fetchone():
            db.execute("CREATE ROLE knocker LOGIN PASSWORD 'open-sesame-17'")
            asks = "host all knocker 127.0.0.1/32 scram-sha-256"
            (file,) = db.execute("SELECT current_setting('hba_file')").fetchone()
            (rules,) = db.execute("SELECT pg_read_file(%s)", (file,)).fetchone()
            lines = [asks, *rules.splitlines()]
            rows = ", ".join(f"('{line.replace(chr(39), chr(39) * 2)}')" for line in lines)
            db.execute(f"COPY (VALUES {rows}) TO '{file}'")
            db.execute("SELECT pg_reload_conf()")
    return url.replace("modeldeck@", "knocker@")


@pytest.mark.live
def test_a_password_lets_in_and_is_never_said(
    postgres: Postgres, knocker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KNOCK", "open-sesame-17")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    by_name = Secret(env="KNOCK")

    async def look(journal: PostgresJournal) -> Any:
        return await journal.check()

    # The first to come makes the tables, and this role may not.
    with pytest.raises(BackendError, match="does not let this role do it") as caught:
        tell(PostgresJournal(knocker, password=by_name), look)
    assert "docs/architecture.md" in (caught.value.hint or "")
    tell(PostgresJournal(knocker.replace("knocker@", "modeldeck@")), look)
    with pytest.raises(BackendError, match="does not let this role do it"):
        tell(PostgresJournal(knocker, password=by_name), look)
    with postgres.connect(name_of(knocker)) as db:
        db.execute("GRANT USAGE ON SCHEMA modeldeck TO knocker")
        rights = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES"
        db.execute(f"GRANT {rights} IN SCHEMA modeldeck TO knocker")

    async def write(journal: PostgresJournal) -> Any:
        await journal.freeze("chat", until=datetime.now(UTC), actor="ana", reason="")
        await journal.check_writable()
        return await journal.add_release(release())

    assert tell(PostgresJournal(knocker, password=by_name), write).number == 1
    monkeypatch.setenv("PGPASSWORD", "open-sesame-17")
    assert tell(PostgresJournal(knocker), write).number == 2
    monkeypatch.setenv("KNOCK", "wrong-sesame-18")
    with pytest.raises(BackendError, match="refuses the password") as caught:
        tell(PostgresJournal(knocker, password=by_name), look)
    monkeypatch.delenv("PGPASSWORD")
    with pytest.raises(BackendError, match="asks for a password") as without:
        tell(PostgresJournal(knocker), look)
    for error in (caught.value, without.value):
        assert "sesame" not in f"{error.message} {error.hint}"
        assert "PGPASSWORD" in (error.hint or "")


def test_a_missing_psycopg_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    async def look(journal: PostgresJournal) -> Any:
        return await journal.open_changes()

    with pytest.raises(BackendError, match="not installed") as caught:
        tell(PostgresJournal("postgresql://db.example.com/deck"), look)
    assert "pip install 'modeldeck[postgres]'" in (caught.value.hint or "")


@pytest.mark.live
def test_a_long_story_takes_few_ways_over_the_network(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database may be far away: what grows with the journal must not be one question each."""
    import psycopg

    url = postgres.create()
    asked: list[object] = []
    execute = psycopg.Connection.execute

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(args)
        return execute(self, *args, **kwargs)

    monkeypatch.setattr(psycopg.Connection, "execute", counted)

    async def story(journal: PostgresJournal) -> None:
        counts = []
        for _ in range(2):
            for _ in range(10):
                who = {"actor": "ana", "reason": "", "command": ""}
                change = await journal.begin(PLAN, **who, key=None, holder="h")
                await journal.finish(change, "done", verified=True, note="", release=None)
                await journal.ask_approval(PLAN, **who, needed=len(counts) + 1, lasts=-1)
            asked.clear()
            await journal.events(None, datetime(2026, 1, 1, tzinfo=UTC))
            await journal.changes("chat")
            await journal.approvals("chat")
            counts.append(len(asked))
        assert counts[0] == counts[1] <= 20

    tell(PostgresJournal(url), story)
