"""A console that is killed at any point of any change, and again while it is recovered."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.plan import Plan
from tests.commands.harness.checks import (
    check_intents,
    check_journal,
    check_whole,
    let_leases_end,
    open_change,
)
from tests.commands.harness.console import UNGUARDED
from tests.commands.harness.fleet import KINDS, plan_of
from tests.commands.harness.journals import rows, use_database
from tests.commands.harness.processes import Zygote
from tests.commands.harness.world import World
from tests.live.postgres import Postgres

CONSOLE = "tests.commands.harness.console:run"


class Scene:
    """One kind of change, on guarded systems or on a registry that compares nothing."""

    def __init__(
        self,
        zygote: Zygote,
        folder: Path,
        kind: str,
        unguarded: tuple[str, ...],
        database: str | None = None,
    ) -> None:
        self.zygote, self.root, self.kind, self.unguarded = zygote, folder, kind, unguarded
        self.database = database
        """Where the journal lies, unless in the folder."""
        self.plan: Plan = plan_of(kind)
        self.start = dict(KINDS[kind].start)

    def fresh(self) -> Path:
        folder = self.root / "run"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if self.database is not None:
            use_database(folder, self.database)
        World(folder / "world").create(self.start)
        return folder

    def points(self) -> list[str]:
        ended = self.zygote.run(
            CONSOLE, folder=str(self.fresh()), kind=self.kind, unguarded=self.unguarded
        )
        assert ended.result["state"] == "done"
        return list(ended.result["points"])

    def killed(self, at: int) -> Path:
        folder = self.fresh()
        ended = self.zygote.run(
            CONSOLE, folder=str(folder), kind=self.kind, at=at, unguarded=self.unguarded
        )
        assert ended.state == "killed"
        check_intents(folder)
        let_leases_end(folder)
        return folder

    def recover(self, folder: Path, at: int | None = None) -> list[str] | None:
        """Recover what is open; the points that were passed, None where it was killed on the way
        or where nothing was open."""
        number = open_change(folder)
        if number is None:
            return None
        ended = self.zygote.run(
            CONSOLE, folder=str(folder), recover=number, at=at, unguarded=self.unguarded
        )
        check_intents(folder)
        let_leases_end(folder)
        return ended.result["points"] if ended.state == "exited" else None

    def check(self, folder: Path) -> str:
        came_out = check_whole(folder, self.plan, self.start)
        if rows(folder, "SELECT 1 FROM change"):
            check_journal(folder, self.plan, came_out)
        else:
            assert came_out == "old"
        releases = rows(folder, "SELECT * FROM release")
        # What serves is recorded once, however often its recording was cut off.
        assert len(releases) <= 1
        return came_out


CASES = [
    ("canary", ()),
    ("shadow", ()),
    ("promote", UNGUARDED),
    ("rollback", UNGUARDED),
    ("abort", ()),
]


@pytest.mark.parametrize(("kind", "unguarded"), CASES)
def test_killed_anywhere_and_again_in_its_recovery(
    zygote: Zygote, folder: Path, kind: str, unguarded: tuple[str, ...]
) -> None:
    killed_anywhere(Scene(zygote, folder, kind, unguarded))


@pytest.mark.live
@pytest.mark.parametrize(
    ("kind", "unguarded"),
    [
        ("canary", ()),
        pytest.param("promote", UNGUARDED, marks=pytest.mark.slow),
        pytest.param("rollback", UNGUARDED, marks=pytest.mark.slow),
    ],
)
def test_killed_anywhere_with_a_journal_that_is_shared(
    zygote: Zygote, folder: Path, postgres: Postgres, kind: str, unguarded: tuple[str, ...]
) -> None:
    killed_anywhere(Scene(zygote, folder, kind, unguarded, postgres.create()))


def killed_anywhere(scene: Scene) -> None:
    outcomes = []
    for at in range(len(scene.points())):
        left = scene.killed(at)
        # The recovery dies too, each time at another point; then it is left alone.
        scene.recover(left, at=(at * 5 + 1) % 23)
        scene.recover(left)
        outcomes.append(scene.check(left))
    assert "new" in outcomes
    if KINDS[scene.kind].plan is not None and scene.plan.goal == "forward":
        assert "old" in outcomes
    else:
        # Whatever had been begun on the way back is finished.
        begun = outcomes[outcomes.index("new") :]
        assert set(begun) == {"new"}


@pytest.mark.slow
@pytest.mark.parametrize("unguarded", [(), UNGUARDED])
@pytest.mark.parametrize("kind", list(KINDS))
def test_killed_at_every_point_of_every_recovery(
    zygote: Zygote, folder: Path, kind: str, unguarded: tuple[str, ...]
) -> None:
    scene = Scene(zygote, folder, kind, unguarded)
    for at in range(len(scene.points())):
        left = scene.killed(at)
        kept = folder / "kept"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(left, kept)
        points = scene.recover(left)
        first = scene.check(left)
        for again in range(len(points or ())):
            shutil.rmtree(left)
            shutil.copytree(kept, left)
            assert scene.recover(left, at=again) is None
            scene.recover(left)
            # Where the first recovery would have led, it is led still.
            assert scene.check(left) in {first, "new"}
