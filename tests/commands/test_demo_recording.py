"""The watch of `demo --headless`: a defect in one look does not end it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from commands import demo
from commands.sources import metrics


def test_a_defect_in_a_look_is_said_once_and_the_watch_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = 0
    stop = asyncio.Event()

    class Spoiled:
        watches = ("chat",)

        def __init__(self, _deck: object) -> None:
            return

        async def round(self, _name: str) -> None:
            nonlocal looks
            looks += 1
            if looks == 4:
                stop.set()
            if looks < 4:
                raise KeyError("x")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(demo, "RECORD_EVERY", 0.01)
    monkeypatch.setattr(metrics, "Recorder", Spoiled)
    config = tmp_path / "deck.toml"
    config.write_text(f'[journal]\npath = "{tmp_path}/j.db"\n')
    asyncio.run(asyncio.wait_for(demo._record(config, stop), 20))
    assert looks == 4
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2, said
    assert "KeyError" in said[0]
    assert said[1] == "chat: recorded again"
