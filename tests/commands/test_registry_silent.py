"""A registry that is dead, or that takes a request and never answers: said, and within its timeout.

Nobody waits for a console at night. Each command gets one answer in time, whatever it asks for.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.driving import modeldeck
from tests.live.faulty import faulty_server
from tests.live.processes import free_ports

TIMEOUT = 0.5
MARGIN = 2.5
"""Seconds that a loaded machine may take for everything beside the waiting."""
COMMANDS = {
    "promote": ("promote", "fraud", "2", "--to", "Production", "--yes"),
    "gate": ("gate", "fraud", "2"),
    "lineage": ("lineage", "fraud", "2"),
    "card": ("card", "fraud", "2"),
    "status": ("status",),
    "versions": ("versions", "fraud"),
    "changes": ("changes", "fraud"),
    "doctor": ("doctor",),
}


@contextlib.contextmanager
def dead() -> Iterator[str]:
    (port,) = free_ports(1)
    yield f"http://127.0.0.1:{port}"


@pytest.mark.live
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("how", ["dead", "hanging"])
def test_it_is_said_within_the_timeout(folder: Path, command: str, how: str) -> None:
    config = folder / "deck.toml"
    with dead() if how == "dead" else faulty_server(None) as url:
        config.write_text(
            f'[registry]\nkind = "mlflow"\nurl = "{url}"\ntimeout = "{TIMEOUT:g}s"\n'
            f'[journal]\npath = "{folder}/j.db"\n'
            '[services.fraud]\nmodel = "fraud"\ngate.headline = { metric = "auc", min = 0.9 }\n'
        )
        words = (*COMMANDS[command], "-o", "json")
        # The first time brings the imports, which take longer than any answer.
        modeldeck(*words, config=config)
        began = time.monotonic()
        ran = modeldeck(*words, config=config)
        took = time.monotonic() - began
    assert took < TIMEOUT + MARGIN
    said = "nothing answers at" if how == "dead" else "no answer from"
    assert f"{said} {url}" in ran.out
    if how == "hanging":
        assert "within 0.5 s" in ran.out
    # The journal tells of changes without any registry; that the ledger is missing is said.
    assert ran.code == (0 if command == "changes" else 5)
    if command == "changes":
        assert url in ran.data["untold"]
    if command == "promote":
        assert "nothing was changed" in ran.error["message"]
