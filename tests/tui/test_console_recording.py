"""The watch behind the console: what spoils a turn is said, and the next turn comes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from commands.configfile import Loaded, parse
from commands.deck import Deck
from core.errors import BackendError
from tui import wiring
from tui.wiring import DeckBackend

CONFIG = '[journal]\npath = "{0}/j.db"\n[services.chat]\n[services.fraud]\n'


class Spoiled:
    """A recorder whose looks at one service fail as the test wants; None looks well."""

    def __init__(self, *ends: Exception | None) -> None:
        self.watches = {"chat": None, "fraud": None}
        self.ends = list(ends)
        self.looks = {"chat": 0, "fraud": 0}

    async def round(self, name: str) -> None:
        self.looks[name] += 1
        if name == "chat" and self.ends:
            end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
            if end is not None:
                raise end


class Closed:
    def __init__(self) -> None:
        self.closed = False

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(wiring, "RECORD_EVERY", 0.01)
    monkeypatch.setattr(wiring, "EACH", 0.0)

    def made(recorder: Spoiled) -> tuple[DeckBackend, Closed]:
        monkeypatch.setattr(wiring, "Recorder", lambda _deck: recorder)
        deck = Deck(Loaded(parse(CONFIG.format(tmp_path), "deck.toml"), None))
        closed = deck._opened[("router", "chat")] = Closed()
        return DeckBackend(deck), closed

    return made


async def until(holds: Any) -> None:
    async with asyncio.timeout(10):
        while True:
            if holds():
                return
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    "spoils", [KeyError("x"), BackendError("the disk is full", backend="journal")]
)
def test_a_spoiled_look_is_said_and_ends_nothing(
    backend: Any, tmp_path: Path, spoils: Exception
) -> None:
    recorder = Spoiled(spoils, spoils, spoils, None)
    console, closed = backend(recorder)
    calm = console.facts.notes

    async def story() -> None:
        await console.open()
        await until(lambda: recorder.looks["chat"] >= 2)
        assert any("chat not recorded" in note for note in console.facts.notes)
        await until(lambda: recorder.looks["fraud"] >= 5)
        await until(lambda: console.facts.notes == calm)
        await console.close()

    asyncio.run(story())
    assert closed.closed
    log = tmp_path / "modeldeck/modeldeck.log"
    if isinstance(spoils, KeyError):
        assert log.read_text().count("Traceback") == 1
    else:
        assert not log.exists()


def test_what_ended_the_watch_does_not_keep_the_deck_open(backend: Any) -> None:
    console, closed = backend(Spoiled())

    async def story() -> None:
        async def broken() -> None:
            raise KeyError("x")

        await console.open()
        console._recording.cancel()
        console._recording = asyncio.create_task(broken())
        await asyncio.sleep(0)
        await console.close()

    asyncio.run(story())
    assert closed.closed
