"""Where the journal lies: never outside the state folder by a name, never shared by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import completion
from commands.configfile import load, parse
from commands.deck import Deck
from commands.init import Args, Found, write_config
from tests.commands.driving import modeldeck


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "state/modeldeck"


def config(folder: Path, name: str, text: str = "") -> str:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    return str(path)


def test_two_configs_without_a_name_share_nothing(tmp_path: Path, state: Path) -> None:
    paths = [
        config(tmp_path / "a", "deck.toml"),
        config(tmp_path / "b", "deck.toml"),
        config(tmp_path / "a", "other.toml"),
    ]
    journals = [Path(Deck.open(path).journal.path) for path in paths]
    assert len(set(journals)) == 3
    assert {journal.parent for journal in journals} == {state}
    assert journals[0].name.startswith("deck-")
    assert Deck.open(paths[0]).journal.path == str(journals[0]), "the same file, the same journal"
    assert Deck.open(paths[2]).environment == "other"


def test_a_name_names_the_journal(tmp_path: Path, state: Path) -> None:
    text = '[environment]\nname = "prod"\n'
    one, two = (config(tmp_path / name, "deck.toml", text) for name in "ab")
    assert Deck.open(one).journal.path == Deck.open(two).journal.path == str(state / "prod.db")


def test_two_configs_that_init_wrote_share_nothing() -> None:
    text = write_config(Args(None, None, None, False), Found())
    assert parse(text, "default.toml").environment.name is None


@pytest.mark.parametrize(
    "name", ["../../x", "a/b", "/etc/x", "", " ", ".", "..", ".hidden", "a\\u0000b", "x" * 300]
)
def test_a_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    path = config(
        tmp_path / "a", "deck.toml", f'[environment]\nproduction = true\nname = "{name}"\n'
    )
    ran = modeldeck("status", config=Path(path))
    assert ran.code == 2
    assert f"{path}:3: environment.name is " in ran.err
    assert '"prod"' in ran.err


@pytest.mark.parametrize(
    "text", ['[journal]\npath = "~/own?.db"\n', '[environment]\nname = "p"\n', ""]
)
def test_completion_reads_the_journal_that_commands_write(tmp_path: Path, text: str) -> None:
    path = config(tmp_path / "a", "deck.toml", text + "[services.chat]\n")
    import asyncio
    from datetime import UTC, datetime

    from core.history import Release

    async def fill() -> None:
        async with Deck.open(path) as deck:
            await deck.journal.add_release(Release(0, "chat", datetime.now(UTC), "7", {}, {}, {}))

    asyncio.run(fill())
    assert completion.words("release", "chat", path) == ["r1"]
    assert completion.words("version", "chat", path) == ["@champion", "7"]
    assert "~" not in str(load(path).journal)


def test_completion_asks_no_database(tmp_path: Path) -> None:
    """Not even to be told that nobody listens there."""
    text = '[journal]\nurl = "postgresql://127.0.0.1:1/deck"\n[services.chat]\n'
    path = config(tmp_path / "a", "deck.toml", text)
    assert completion.words("release", "chat", path) == []
    assert completion.words("service", None, path) == ["chat"]
