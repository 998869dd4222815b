"""A process that is stuck in a write to the journal is named."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from backends.journal import sqlite
from backends.journal.sqlite import SqliteJournal
from core.plan import Plan, Set
from core.refs import alias_ref
from tests.commands.driving import modeldeck

STUCK = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("stuck", flush=True)
sys.stdin.read()
"""


async def begin(path: Path) -> None:
    """A change whose console is then heard of no more."""
    journal = SqliteJournal(path)
    plan = Plan("promote", "a", "forward", "a", (Set(alias_ref("a", "champion"), "1", "2"),))
    await journal.begin(
        plan, actor="me", reason="", command="", key=None, holder="ann@desk:4711:abcd"
    )
    await journal.close()


def test_doctor_names_who_is_stuck(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.2)
    path = folder / "j.db"
    config = folder / "deck.toml"
    config.write_text(f'[journal]\npath = "{path}"\n')
    asyncio.run(begin(path))
    free = modeldeck("doctor", "-o", "json", config=config)
    assert [line["ok"] for line in free.data["checks"]] == [True, True]
    with subprocess.Popen(
        [sys.executable, "-c", STUCK, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as stuck:
        assert stuck.stdout is not None
        assert stuck.stdout.readline() == "stuck\n"
        ran = modeldeck("doctor", "-o", "json", config=config)
        assert stuck.stdin is not None
        stuck.stdin.close()
    assert ran.code == 5
    read, written = ran.data["checks"]
    assert read["ok"]
    assert "alias:a@champion by ann@desk:4711:abcd" in read["detail"]
    assert not written["ok"]
    assert "ann@desk:4711:abcd" in written["detail"]
    if sys.platform == "linux":
        assert f"process {stuck.pid} " in written["hint"]
