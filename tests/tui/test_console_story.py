"""The story of the fleet: the journal at every poll, the ledger when there is time for it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import Unreachable
from core.history import Event
from core.ledger import Chain, Deed, End, Entry
from core.versions import Model
from tests.tui.scripted import Scripted
from tui import story as module
from tui.seam import Source
from tui.story import Story
from tui.watch import Watch

NOW = datetime.now(UTC) - timedelta(minutes=5)


def entry(number: int, before: str, after: str, change: str = "c-other") -> Entry:
    deed = Deed("ben", change, command="promote", reason="retrained")
    return Entry(
        number, "champion", before, after, "op", "host-b", deed, NOW, end=End("set", "ben")
    )


class Registry:
    """As far as a ledger goes."""

    def __init__(self) -> None:
        self.chain = Chain("chat", (entry(1, "30", "31"),))
        self.asked = 0
        self.error: Exception | None = None
        self.hangs: asyncio.Event | None = None

    async def ledger(self, _models: Any) -> Any:
        self.asked += 1
        if self.hangs is not None:
            await self.hangs.wait()
        if self.error is not None:
            raise self.error
        return {"chat": self.chain}


class Journal:
    def __init__(self) -> None:
        self.told: list[Event] = []
        self.found: list[Event] = []
        self.asked_changes = 0

    async def events(self, _service: Any, _since: Any) -> list[Event]:
        return list(self.told)

    async def changes(self, _service: str, limit: int) -> list[Any]:  # noqa: ARG002
        self.asked_changes += 1
        return [SimpleNamespace(id="c-own")]

    async def note_readings(self, *_: Any) -> list[Event]:
        return self.found


class Fleet:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("commands.sources.ledger.Ledgered", Registry)
        self.registry, self.journal = Registry(), Journal()
        service = SimpleNamespace(name="chat", model="chat", prompts=())
        deck: Any = SimpleNamespace(
            registry=self.registry,
            journal=self.journal,
            services=lambda _name=None: [service],
            config=SimpleNamespace(registry="mlflow"),
            read_only=False,
        )
        self.story = Story(deck)


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    return Fleet(monkeypatch)


def outside(what: str = "alias:chat@champion 30 → 31") -> Event:
    return Event(NOW, "chat", what, "", "outside", NOW - timedelta(seconds=2))


def test_a_move_of_another_machine_is_told_and_not_called_outside(fleet: Fleet) -> None:
    async def run() -> None:
        fleet.journal.told = [outside()]
        first = await fleet.story.changes()
        assert [one.origin for one in first.events] == ["outside"]
        await fleet.story.ledger()
        (one,) = (await fleet.story.changes()).events
        assert (one.origin, one.actor, one.source) == ("ledger", "ben@host-b", "ledger 1")
        assert fleet.story.events == (one,)

    asyncio.run(run())


def test_what_this_journal_did_itself_is_told_once(fleet: Fleet) -> None:
    fleet.registry.chain = Chain("chat", (entry(1, "30", "31", "c-own"),))

    async def run() -> None:
        await fleet.story.ledger()
        assert (await fleet.story.changes()).events == ()

    asyncio.run(run())


def test_changes_never_wait_for_the_registry_and_ask_the_journal_little(fleet: Fleet) -> None:
    async def run() -> None:
        await fleet.story.ledger()
        fleet.registry.hangs = asyncio.Event()
        hanging = asyncio.ensure_future(fleet.story.ledger())
        await asyncio.sleep(0)
        for _ in range(5):
            assert len((await fleet.story.changes()).events) == 1
        hanging.cancel()
        assert fleet.registry.asked == 2
        assert fleet.journal.asked_changes == 1

    asyncio.run(run())


def test_a_registry_that_went_away_leaves_what_was_known_and_says_so(fleet: Fleet) -> None:
    async def run() -> None:
        await fleet.story.ledger()
        fleet.registry.error = Unreachable("nothing answers", backend="mlflow", operation="")
        with pytest.raises(Unreachable):
            await fleet.story.ledger()
        report = await fleet.story.changes()
        assert len(report.events) == 1
        assert report.untold == "nothing answers"
        fleet.registry.error = None
        await fleet.story.ledger()
        assert (await fleet.story.changes()).untold is None

    asyncio.run(run())


@pytest.mark.parametrize(
    ("what", "asked"), [("alias:chat@champion 31 → 32", 1), ("traffic:chat", 0)]
)
def test_a_move_that_was_just_seen_sends_for_the_ledger(
    fleet: Fleet, what: str, asked: int
) -> None:
    fleet.journal.found = [outside(what)]
    seen: Any = SimpleNamespace(readings={"chat": {}}, began=NOW)
    asyncio.run(fleet.story.note(seen))
    assert fleet.registry.asked == asked


def test_a_ledger_that_hangs_holds_no_poll_up(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 0.01)
    fleet.journal.found = [outside()]
    seen: Any = SimpleNamespace(readings={"chat": {}}, began=NOW)

    async def run() -> None:
        fleet.registry.hangs = asyncio.Event()
        await fleet.story.note(seen)

    asyncio.run(run())


def test_only_a_fresh_look_says_that_an_alias_was_moved_past_the_ledger(fleet: Fleet) -> None:
    async def run() -> None:
        await fleet.story.ledger()
        # Moved by another machine since the last look: its entry is there by now.
        fleet.registry.chain = Chain("chat", (entry(1, "30", "31"), entry(2, "31", "32")))
        chain = await fleet.story.chain(Model("chat", (), {"champion": "32"}))
        assert chain is not None
        assert chain.moved_past("champion", "32") is None
        assert fleet.registry.asked == 2
        chain = await fleet.story.chain(Model("chat", (), {"champion": "33"}))
        assert chain is not None
        assert chain.moved_past("champion", "33") is not None
        fleet.registry.error = Unreachable("nothing answers", backend="mlflow", operation="")
        assert await fleet.story.chain(Model("chat", (), {"champion": "34"})) is None

    asyncio.run(run())


def test_news_from_the_ledger_are_told_at_once() -> None:
    asked: list[str] = []
    known = ["nothing"]

    async def changes() -> str:
        asked.append("changes")
        return known[0]

    async def ledger() -> str:
        known[0] = f"entry {min(len(asked), 2)}"
        return known[0]

    backend = Scripted()
    backend.sources = lambda: [  # type: ignore[method-assign]
        Source("changes", 600.0, changes),
        Source("ledger", 0.01, ledger, wakes="changes"),
    ]

    async def run() -> None:
        news = asyncio.Event()
        watch = Watch(backend, news.set, lambda: datetime.now(UTC))
        await watch.open()
        async with asyncio.timeout(15):
            while watch.look()[1]["changes"].value != "entry 2":
                await news.wait()
                news.clear()
        await watch.close()

    asyncio.run(run())
    assert 2 <= len(asked) <= 4
