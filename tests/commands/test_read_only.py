"""--read-only: nothing is written, the journal included, and the console still judges."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from commands.configfile import Loaded, parse
from commands.deck import Deck
from commands.sources.fleet import read_fleet
from commands.sources.history import note_outside
from commands.sources.metrics import Recorder, Scrape, Watch
from core.status import LayerState, State, unmeasured
from tests.commands.driving import modeldeck

SERVICE = "[services.chat]\n"


def config(folder: Path, text: str) -> Path:
    path = folder / "deck.toml"
    path.write_text(text + SERVICE)
    return path


def test_a_state_folder_that_cannot_be_written_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "state").write_text("no folder, whoever asks")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = config(tmp_path, "")
    assert modeldeck("status", "-o", "json", config=path).code == 5
    ran = modeldeck("status", "--read-only", "-o", "json", config=path)
    (status,) = ran.data["services"]
    assert status["errors"] == {}
    assert ran.code == 1, "nothing measures it"
    assert modeldeck("releases", "chat", "--read-only", config=path).code in (0, 1)


def test_nothing_is_created_beside_a_journal_either(tmp_path: Path) -> None:
    state = tmp_path / "state"
    path = config(tmp_path, f'[journal]\npath = "{state}/j.db"\n')
    modeldeck("status", "--read-only", config=path)
    modeldeck("changes", "--read-only", config=path)
    assert not state.exists()
    modeldeck("status", config=path)
    shutil.copy(state / "j.db", tmp_path / "before.db")
    for words in (("status",), ("changes",), ("doctor",)):
        ran = modeldeck(*words, "--read-only", "-o", "json", config=path)
        assert ran.code in (0, 1), ran.err
    assert [item.name for item in state.iterdir()] == ["j.db"]
    assert (state / "j.db").read_bytes() == (tmp_path / "before.db").read_bytes()


def test_a_read_only_watch_judges_and_records_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f'[environment]\nread_only = true\n[journal]\npath = "{tmp_path}/j.db"\n{SERVICE}'
    layers = unmeasured() | {"system": LayerState(State.CRITICAL, "errors 9 %")}

    async def look(_watch: Watch) -> Scrape:
        return Scrape((), {}, 0.0)

    monkeypatch.setattr(Watch, "look", look)
    monkeypatch.setattr(Watch, "layers", lambda _watch: layers)

    async def story() -> None:
        async with Deck(Loaded(parse(text, "deck.toml"), None)) as deck:
            recorder = Recorder(deck)
            await recorder.round("chat")
            first = (await read_fleet(deck)).services[0]
            assert first.layers["system"] == layers["system"]
            assert first.state is State.CRITICAL
            await recorder.round("chat")
            fleet = await read_fleet(deck)
            assert fleet.services[0].since == first.since
            assert await note_outside(deck, fleet) == []

    asyncio.run(story())
    assert list(tmp_path.iterdir()) == []
