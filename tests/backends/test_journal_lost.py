"""A journal on PostgreSQL whose server goes away, says nothing, or is held up by others."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backends.journal import postgres_session, stored
from backends.journal.base import Change
from backends.journal.db import Db
from backends.journal.postgres import PostgresJournal
from core.errors import BackendError, Conflict, Timeout, Unreachable
from core.history import Release
from core.plan import Plan, Set
from core.refs import alias_ref
from tests.live.journals import Place, database_place
from tests.live.postgres import Postgres
from tests.live.processes import until
from tests.live.severed import Fault, Line, severed

ALIAS = alias_ref("fraud", "champion")
COMMIT = b"COMMIT\0"
"""A statement ends so on the wire; READ COMMITTED has the word too."""
PLAN = Plan("promote", "fraud", "forward", "to 2", (Set(ALIAS, "1", "2"),))


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.create()


@pytest.fixture
def place(url: str) -> Place:
    return database_place(url)


@pytest.fixture
def line(postgres: Postgres) -> Iterator[Line]:
    with severed(postgres.port) as line:
        yield line


def tell(journal: Any, story: Callable[[Any], Awaitable[None]]) -> None:
    async def run() -> None:
        try:
            await story(journal)
        finally:
            await journal.close()

    asyncio.run(run())


async def begin(journal: Any, holder: str = "h") -> Change:
    change: Change = await journal.begin(
        PLAN, actor="ana", reason="", command="", key=None, holder=holder
    )
    return change


def through(line: Line, url: str, postgres: Postgres) -> PostgresJournal:
    return PostgresJournal(url.replace(f":{postgres.port}/", f":{line.port}/"))


@pytest.mark.live
def test_a_server_that_is_restarted_between_two_calls_is_met_again(
    place: Place, postgres: Postgres
) -> None:
    async def story(journal: PostgresJournal) -> None:
        change = await begin(journal)
        postgres.restart()
        await journal.step(change, 0, "intent")
        postgres.restart()
        assert [one.running for one in await journal.open_changes()] == [True]
        postgres.restart()
        await journal.finish(change, "done", verified=True, note="", release=None)
        assert [one.state for one in await journal.changes(None)] == ["done"]

    tell(place.open(lease_seconds=60), story)


@pytest.mark.live
def test_a_lease_that_is_renewed_while_the_server_restarts_is_kept(
    place: Place, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backends.journal.postgres.RETURN_SECONDS", 30.0)

    held, back = threading.Event(), threading.Event()

    async def story(journal: PostgresJournal) -> None:
        change = await begin(journal)
        while not back.is_set():
            await journal.renew(change)
            held.set()
        await journal.step(change, 0, "intent")

    # The server would end with the thread that starts it, so that the journal has the other one.
    with ThreadPoolExecutor(1) as beside:
        renewing = beside.submit(tell, place.open(lease_seconds=60), story)
        until(lambda: held.is_set() or renewing.done(), "the lease is held")
        postgres.restart()
        back.set()
        renewing.result(60)


@pytest.mark.live
@pytest.mark.parametrize("fault", ["unsent", "unanswered"])
def test_a_change_whose_commits_are_lost_is_there_once_and_whole(
    line: Line, url: str, postgres: Postgres, fault: Fault
) -> None:
    async def story(journal: PostgresJournal) -> None:
        await journal.check()
        line.arm(COMMIT, fault)
        change = await begin(journal)
        assert not change.repeated
        assert change.running
        line.arm(COMMIT, fault)
        await journal.step(change, 0, "intent")
        line.arm(COMMIT, fault)
        await journal.renew(change)
        line.arm(COMMIT, fault)
        await journal.step(change, 0, "done")
        line.arm(COMMIT, fault)
        await journal.finish(change, "done", verified=True, note="seen", release=3)
        assert line.struck == 5
        (kept,) = await journal.changes(None)
        assert (kept.state, kept.note, kept.release, kept.open) == ("done", "seen", 3, False)
        assert [step.state for step in kept.steps] == ["done"]
        assert (await journal.check())["leases"] == {}

    tell(through(line, url, postgres), story)


@pytest.mark.live
def test_what_would_stand_there_twice_is_not_done_twice(
    line: Line, url: str, postgres: Postgres
) -> None:
    async def story(journal: PostgresJournal) -> None:
        later = datetime.now(UTC) + timedelta(hours=1)
        await journal.check()
        line.arm(COMMIT, "unanswered")
        with pytest.raises(BackendError, match="is not known"):
            await journal.freeze("fraud", until=later, actor="ana", reason="")
        freezes, _ = await journal.freezes()
        assert len(freezes) == 1
        line.arm(COMMIT, "unanswered")
        with pytest.raises(BackendError, match="is not known"):
            await journal.add_release(Release(0, "fraud", later, "2", {}, {}, {}))
        assert len(await journal.releases("fraud")) == 1

    tell(through(line, url, postgres), story)


@pytest.mark.live
def test_what_was_lost_before_its_commit_is_done_anew(
    line: Line, url: str, postgres: Postgres
) -> None:
    async def story(journal: PostgresJournal) -> None:
        await journal.check()
        line.arm(b"INSERT INTO release", "unanswered")
        await journal.add_release(Release(0, "fraud", datetime.now(UTC), "2", {}, {}, {}))
        assert line.struck == 1
        assert len(await journal.releases("fraud")) == 1

    tell(through(line, url, postgres), story)


@pytest.mark.live
@pytest.mark.parametrize("word", [b"BEGIN", b"INSERT INTO step", COMMIT])
def test_a_server_that_falls_silent_is_said_in_time_and_asked_again(
    line: Line, url: str, postgres: Postgres, word: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(journal: PostgresJournal) -> None:
        await journal.check()
        monkeypatch.setattr(postgres_session, "ANSWER_SECONDS", 0.3)
        line.arm(word, "silent")
        began = time.monotonic()
        with pytest.raises(Timeout) as caught:
            await begin(journal)
        assert time.monotonic() - began < 5
        assert caught.value.backend == "journal"
        assert "did not answer within 0.3 s" in caught.value.message
        unknown = "whether this was recorded is not known" in caught.value.message
        assert unknown == (word == COMMIT)
        monkeypatch.undo()
        assert len(await journal.open_changes()) == (word == COMMIT)

    tell(through(line, url, postgres), story)


def test_a_server_that_never_says_a_word_is_said_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        journal = PostgresJournal(f"postgresql://ana@127.0.0.1:{port}/deck?connect_timeout=2")

        async def story(journal: PostgresJournal) -> None:
            pytest.importorskip("psycopg")
            began = time.monotonic()
            with pytest.raises(Timeout, match="did not answer") as caught:
                await begin(journal)
            assert time.monotonic() - began < 8
            assert caught.value.message.endswith("nothing was changed")
            assert "is the server up" in (caught.value.hint or "")
            # A command asks several things at once: none waits for the answer of another.
            began = time.monotonic()
            calls = [journal.verdicts(), journal.open_changes(), journal.freezes()]
            said = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(one, Timeout) for one in said)
            assert time.monotonic() - began < 3.5

        tell(journal, story)


def test_a_server_that_is_not_there_is_said_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"postgresql://ana@127.0.0.1:{taken.getsockname()[1]}/deck"

        async def story(journal: PostgresJournal) -> None:
            pytest.importorskip("psycopg")
            with pytest.raises(Unreachable) as caught:
                await journal.open_changes()
            assert caught.value.backend == "journal"
            assert url in caught.value.message
            assert "onnection refused" in caught.value.message
            assert "\n" not in caught.value.message

        tell(PostgresJournal(url), story)


def pausing() -> tuple[threading.Event, threading.Event, Callable[[Db], float]]:
    """A clock that stands still within a transaction: it says so, and waits to be woken."""
    standing, woken = threading.Event(), threading.Event()

    def stands_still(db: Db) -> float:
        standing.set()
        assert woken.wait(30)
        return stored.now(db)

    return standing, woken, stands_still


@pytest.mark.live
def test_a_writer_that_stands_still_holds_nobody_up_and_writes_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_session, "IDLE_SECONDS", 0.2)
    standing, woken, stands_still = pausing()

    async def story(ana: Any) -> None:
        ana.clock = stands_still
        ben = place.open()
        await ben.check()
        frozen = asyncio.create_task(begin(ana, "ana"))
        await asyncio.to_thread(standing.wait, 30)
        change = await begin(ben, "ben")
        woken.set()
        with pytest.raises(Conflict, match="is changing fraud right now"):
            await frozen
        assert [one.holder for one in await ben.open_changes()] == ["ben"]
        assert change.running
        await ben.close()

    tell(place.open(), story)


@pytest.mark.live
def test_whoever_holds_the_lock_for_too_long_is_named(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_session, "LOCK_SECONDS", 0.2)
    standing, woken, stands_still = pausing()

    async def story(ana: Any) -> None:
        ana.clock = stands_still
        ben = place.open()
        busy = asyncio.create_task(begin(ana))
        await asyncio.to_thread(standing.wait, 30)
        assert await ben.open_changes() == [], "reading waits for nobody"
        with pytest.raises(BackendError, match="locked by another program") as caught:
            await begin(ben)
        assert "modeldeck" in (caught.value.hint or "")
        assert "role modeldeck" in (caught.value.hint or "")
        woken.set()
        await busy
        await ben.close()

    tell(place.open(), story)
