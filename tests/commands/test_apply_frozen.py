"""A console that is stopped (SIGSTOP), whose change another one ends, and that then wakes up."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.commands.harness.checks import (
    check_journal,
    check_whole,
    let_leases_end,
    open_change,
)
from tests.commands.harness.console import UNGUARDED
from tests.commands.harness.fleet import KINDS, plan_of
from tests.commands.harness.journals import rows, use_database
from tests.commands.harness.ledger import chain_of, left_open
from tests.commands.harness.processes import Zygote
from tests.commands.harness.world import World
from tests.live.postgres import Postgres

CONSOLE = "tests.commands.harness.console:run"


def freeze_and_wake(
    zygote: Zygote,
    folder: Path,
    kind: str,
    at: int,
    unguarded: tuple[str, ...],
    *,
    ledger: bool = False,
) -> None:
    """In a folder that may name a database for its journal."""
    begin(folder, kind, ledger=ledger)
    more = {"unguarded": unguarded, "ledger": ledger}
    pid = zygote.start(CONSOLE, folder=str(folder), kind=kind, at=at, act="stop", **more)
    assert zygote.wait(pid).state == "stopped"
    let_leases_end(folder)
    number = open_change(folder)
    taken = number is not None
    if taken:
        zygote.run(CONSOLE, folder=str(folder), recover=number, **more)
    written, told = World(folder / "world").log(), chain_of(World(folder / "world"))
    journalled = rows(folder, "SELECT ref, state FROM step")
    ended = zygote.wake(pid)
    assert ended.state == "exited"
    if taken:
        assert World(folder / "world").log() == written, "it wrote after its lease was taken over"
        claimed = chain_of(World(folder / "world")).entries[len(told.entries) :]
        assert all(one.state == "dropped" for one in claimed), claimed
        assert rows(folder, "SELECT ref, state FROM step") == journalled
        assert ended.result["state"] == "unfinished"
        assert "taken over" in ended.result["text"]
    plan = plan_of(kind)
    check_journal(folder, plan, check_whole(folder, plan, KINDS[kind].start))


def begin(folder: Path, kind: str, *, ledger: bool) -> None:
    world = World(folder / "world").create(KINDS[kind].start)
    if ledger:
        left_open(world)


def points_of(
    zygote: Zygote, folder: Path, kind: str, unguarded: tuple[str, ...], *, ledger: bool = False
) -> list[str]:
    folder.mkdir()
    begin(folder, kind, ledger=ledger)
    more = {"unguarded": unguarded, "ledger": ledger}
    ended = zygote.run(CONSOLE, folder=str(folder), kind=kind, **more)
    return list(ended.result["points"])


@pytest.mark.parametrize(
    ("kind", "unguarded"),
    [("canary", ()), ("promote", ()), ("promote", UNGUARDED), ("rollback", UNGUARDED)],
)
def test_a_console_that_wakes_up_after_its_lease_was_taken_over_writes_nothing(
    zygote: Zygote, folder: Path, kind: str, unguarded: tuple[str, ...]
) -> None:
    freeze_everywhere(zygote, folder, kind, unguarded, None)


def test_nor_where_it_waits_for_somebody_else_to_move_the_same_alias(
    zygote: Zygote, folder: Path
) -> None:
    freeze_everywhere(zygote, folder, "promote", UNGUARDED, None, ledger=True)


@pytest.mark.live
@pytest.mark.parametrize(
    ("kind", "unguarded"), [("canary", ()), pytest.param("promote", (), marks=pytest.mark.slow)]
)
def test_a_console_that_wakes_up_writes_nothing_to_a_journal_that_is_shared(
    zygote: Zygote, folder: Path, postgres: Postgres, kind: str, unguarded: tuple[str, ...]
) -> None:
    freeze_everywhere(zygote, folder, kind, unguarded, postgres.create())


def freeze_everywhere(
    zygote: Zygote,
    folder: Path,
    kind: str,
    unguarded: tuple[str, ...],
    database: str | None,
    *,
    ledger: bool = False,
) -> None:
    points = points_of(zygote, folder / "whole", kind, unguarded, ledger=ledger)
    for at, point in enumerate(points):
        # A request that has left for a system that compares nothing cannot be called back.
        left = any(point.startswith(f"before write {name}:") for name in unguarded)
        if left or point.startswith("before journal.open_changes"):
            continue
        here = folder / str(at)
        here.mkdir()
        if database is not None:
            use_database(here, database)
        freeze_and_wake(zygote, here, kind, at, unguarded, ledger=ledger)


@pytest.mark.parametrize("shared", [False, pytest.param(True, marks=pytest.mark.live)])
def test_the_lease_runs_out_by_the_real_clock(
    zygote: Zygote, folder: Path, request: pytest.FixtureRequest, shared: bool
) -> None:
    """With leases of two seconds and no clock but the machine's."""
    if shared:
        use_database(folder, request.getfixturevalue("postgres").create())
    World(folder / "world", virtual=False).create(KINDS["promote"].start)
    point = "after journal.step 2 intent"
    task = "tests.commands.harness.console:run_in_real_time"
    pid = zygote.start(task, folder=str(folder), kind="promote", point=point)
    assert zygote.wait(pid).state == "stopped"
    deadline = time.monotonic() + 20
    while (outcome := _recovered(zygote, folder)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert outcome == "undone"
    written = World(folder / "world", virtual=False).log()
    ended = zygote.wake(pid)
    assert World(folder / "world", virtual=False).log() == written
    assert ended.result["state"] == "unfinished"
    plan = plan_of("promote")
    assert check_whole(folder, plan, KINDS["promote"].start) == "old"


def _recovered(zygote: Zygote, folder: Path) -> str | None:
    """How the recovery ended; None while the lease is held."""
    task = "tests.commands.harness.console:run_in_real_time"
    said = zygote.run(task, folder=str(folder), recover=1).result
    if said["state"] == "conflict":
        assert "still being applied by ann" in said["text"]
    if said["state"] in ("conflict", "unfinished"):
        return None
    return str(said["state"])
