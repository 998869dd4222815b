"""Three consoles on one service, killed, frozen and failed by the system at random."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.commands.harness.console import UNGUARDED
from tests.commands.harness.fleet import BEFORE, whole
from tests.commands.harness.journals import rows, use_database
from tests.commands.harness.processes import Zygote
from tests.commands.harness.soak import OVER
from tests.commands.harness.world import World
from tests.live.postgres import Postgres

SOAK = "tests.commands.harness.soak"
SAID = {"foreign", "failed"}
"""Step states in which the journal says that something is not as the plan had it."""
CHANGES = 4
"""Begun before a round may end, so that a slow machine sees no less chaos than a fast one."""
PATIENCE = 60.0
"""Seconds for that many."""


def a_round(
    zygote: Zygote,
    folder: Path,
    seed: int,
    seconds: float,
    unguarded: tuple[str, ...],
    database: str | None,
) -> str:
    """One service from a whole state through chaos; whether it is whole, or says what is not."""
    rng = random.Random(seed)
    folder.mkdir()
    if database is not None:
        use_database(folder, database)
    world = World(folder / "world", virtual=False)
    world.create(BEFORE)
    # Without it there is no way back, and one promotion would be all that can happen.
    zygote.run(f"{SOAK}:found", folder=str(folder))

    def start() -> int:
        return zygote.start(
            f"{SOAK}:console",
            folder=str(folder),
            seed=rng.randrange(2**32),
            seconds=PATIENCE,
            unguarded=unguarded,
        )

    consoles = [start() for _ in range(3)]
    frozen: dict[int, float] = {}
    begun = time.monotonic()
    while time.monotonic() < begun + seconds or _changes(folder) < CHANGES:
        assert time.monotonic() < begun + PATIENCE, f"they came to nothing: {_story(folder)}"
        time.sleep(rng.random() * 0.15)
        for pid in [pid for pid, until in frozen.items() if until < time.monotonic()]:
            os.kill(pid, signal.SIGCONT)
            del frozen[pid]
        i = rng.randrange(3)
        if consoles[i] in frozen:
            continue
        # What a frozen console has already sent to a system that compares nothing, nobody can
        # take back: freezing belongs to guarded systems.
        if not unguarded and rng.random() < 0.4:
            os.kill(consoles[i], signal.SIGSTOP)
            frozen[consoles[i]] = time.monotonic() + rng.random() * 2.0
        elif rng.random() < 0.5:
            os.kill(consoles[i], signal.SIGKILL)
            assert zygote.wait(consoles[i]).state in ("killed", "exited")
            consoles[i] = start()
    (folder / OVER).touch()
    for pid in consoles:
        os.kill(pid, signal.SIGCONT)
    for pid in consoles:
        zygote.wait(pid)
    recovered = zygote.run(f"{SOAK}:recover_everything", folder=str(folder), unguarded=unguarded)
    assert not rows(folder, "SELECT * FROM change WHERE open = 1"), recovered.result
    assert not rows(folder, "SELECT * FROM lease")
    assert not [entry for entry in world.log() if entry.get("under_traffic")]
    _check_steps(folder)
    why = whole(world.values())
    if why is None:
        return "whole"
    said = rows(
        folder,
        "SELECT change.number, ref, step.note FROM step JOIN change ON change.number = change"
        " WHERE step.state IN ('foreign', 'failed')",
    )
    assert said, f"seed {seed}: {why}, and nobody says so: {_story(folder)}"
    return "said"


def _changes(folder: Path) -> int:
    return len(rows(folder, "SELECT 1 FROM change"))


def _check_steps(folder: Path) -> None:
    """What is written down of each change that ended agrees with how it is said to have ended."""
    fine = {"done": {"done", "found"}, "undone": {"pending", "undone", "found"}}
    for row in rows(
        folder,
        "SELECT change.number, change.state AS ended, step.state FROM change"
        " JOIN step ON step.change = number",
    ):
        allowed = fine.get(row["ended"])
        assert allowed is None or row["state"] in allowed, tuple(row)


def _story(folder: Path) -> list[tuple[object, ...]]:
    return [
        tuple(row.values() if isinstance(row, dict) else row)
        for row in rows(
            folder,
            "SELECT number, change.state, change.note, ref, before, after, step.state FROM change"
            " JOIN step ON change = number ORDER BY number, i",
        )[-40:]
    ]


@pytest.mark.parametrize("unguarded", [(), UNGUARDED])
def test_a_short_soak(zygote: Zygote, folder: Path, unguarded: tuple[str, ...]) -> None:
    _soak(zygote, folder, unguarded, rounds=2, seconds=2.5)


@pytest.mark.live
def test_a_short_soak_of_a_journal_that_is_shared(
    zygote: Zygote, folder: Path, postgres: Postgres
) -> None:
    _soak(zygote, folder, (), rounds=1, seconds=3.0, database=postgres.create())


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.parametrize("unguarded", [(), UNGUARDED])
def test_a_long_soak_of_a_journal_that_is_shared(
    zygote: Zygote, folder: Path, postgres: Postgres, unguarded: tuple[str, ...]
) -> None:
    _soak(zygote, folder, unguarded, rounds=20, seconds=4.0, database=postgres.create())


@pytest.mark.slow
@pytest.mark.parametrize("unguarded", [(), UNGUARDED])
def test_a_long_soak(zygote: Zygote, folder: Path, unguarded: tuple[str, ...]) -> None:
    _soak(zygote, folder, unguarded, rounds=60, seconds=3.0)


def _soak(
    zygote: Zygote,
    folder: Path,
    unguarded: tuple[str, ...],
    *,
    rounds: int,
    seconds: float,
    database: str | None = None,
) -> None:
    first = int(os.environ.get("SOAK_SEED", "1"))
    ends = [
        a_round(zygote, folder / str(seed), seed, seconds, unguarded, database)
        for seed in range(first, first + rounds)
    ]
    with contextlib.suppress(FileNotFoundError):
        print(f"soak {unguarded or 'guarded'}: {ends.count('whole')} whole of {len(ends)}")
