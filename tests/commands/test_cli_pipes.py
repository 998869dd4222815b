"""Nobody reads what a command prints: what it did, and its exit code, stay what they are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands.driving import DeckFleet, modeldeck

NO_READER = ("stdout", "stderr")


def without_reader(*words: str, config: Path, broken: tuple[str, ...] = ("stdout",)) -> int:
    """The exit code of a process whose streams are pipes that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        argv = [sys.executable, "-m", "tui.launch", *words, "--config", str(config)]
        streams = {name: writing if name in broken else subprocess.PIPE for name in NO_READER}
        ran = subprocess.run(argv, stdin=subprocess.DEVNULL, timeout=60, check=False, **streams)  # type: ignore[call-overload]
    finally:
        os.close(writing)
    for name in NO_READER:
        said = getattr(ran, name) or b""
        assert b"Broken" not in said, said
        assert b"Traceback" not in said, said
    return int(ran.returncode)


@pytest.fixture
def config(folder: Path) -> Path:
    """A registry that nobody answers at."""
    path = folder / "deck.toml"
    path.write_text(
        '[registry]\nkind = "mlflow"\nurl = "http://127.0.0.1:1"\n'
        f'[journal]\npath = "{folder}/j.db"\n[services.a]\nmodel = "a"\n'
    )
    return path


@pytest.mark.parametrize("broken", [("stdout",), NO_READER])
@pytest.mark.parametrize("output", ["json", "table"])
def test_a_query_keeps_its_exit_code(config: Path, output: str, broken: tuple[str, ...]) -> None:
    expected = modeldeck("doctor", "-o", output, config=config).code
    assert expected == 5
    assert without_reader("doctor", "-o", output, config=config, broken=broken) == expected


def test_so_it_does_where_standard_output_was_closed_from_the_start(config: Path) -> None:
    words = f"doctor -o json --config {config}"
    command = f"{sys.executable} -m tui.launch {words} >&-"
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert ran.returncode == 5
    assert "defect" not in ran.stderr


def test_a_watch_that_nobody_reads_ends(config: Path) -> None:
    began = time.monotonic()
    assert without_reader("status", "--watch", "0.2", "-o", "json", config=config) == 5
    assert time.monotonic() - began < 30


@pytest.mark.live
@pytest.mark.parametrize(
    "words",
    [*(pytest.param(words, marks=pytest.mark.slow) for words in (["--quiet"], ["-o", "json"])), []],
)
def test_a_change_is_made_and_keeps_its_exit_code(fleet: DeckFleet, words: list[str]) -> None:
    change = ("canary", "tumor", "3", "--weight", "20", "--yes", *words)
    assert without_reader(*change, config=fleet.config, broken=NO_READER) == 0
    assert fleet.traffic("tumor") == {"2": 0.8, "3": 0.2}
    refused = ("promote", "tumor", "3", "--to", "Production", *words)
    assert without_reader(*refused, config=fleet.config, broken=NO_READER) == 2
