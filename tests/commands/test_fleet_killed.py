"""`kill -9` at every point of every kind of change on the whole fleet, then recovery."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.commands.driving import DeckFleet
from tests.demo.running import until

pytestmark = [pytest.mark.live, pytest.mark.slow]

LEASE = 1.0
"""Seconds: what is left by the dead may be taken over after them."""
CHANGES = {
    "canary": (),
    "shadow": (),
    "abort": (("canary", "tumor", "3", "--weight", "30"),),
    "promote with a load": (),
    "rollback": (("promote", "tumor", "3", "--to", "Production"),),
    "rollback of a prompt": (),
}
LINES = {
    "canary": ("canary", "tumor", "3", "--weight", "30"),
    "shadow": ("shadow", "tumor", "3", "--percent", "50"),
    "abort": ("abort", "tumor"),
    "promote with a load": ("promote", "digits", "3", "--to", "Production"),
    "rollback": ("rollback", "tumor", "--to", "r1"),
    "rollback of a prompt": ("rollback", "helpdesk", "--to", "r1"),
}


def prepare(fleet: DeckFleet, kind: str) -> None:
    for line in CHANGES[kind]:
        ran = fleet.run(*line, "--yes")
        assert ran.code == 0, ran.err
    if kind == "promote with a load":
        # Version 4 in the idle slot: version 3 has to be loaded before it can serve.
        assert fleet.load_version("digits-green", 4).status_code == 200
    if kind == "rollback of a prompt":
        until(lambda: fleet.json("releases", "helpdesk").data["releases"], "helpdesk has r1")
        fleet.move("helpdesk-system", "production", "3")


def world(fleet: DeckFleet, kind: str) -> dict[str, object]:
    """Everything that the change may touch, as the systems themselves have it."""
    line = LINES[kind]
    service = line[1]
    if service == "helpdesk":
        return {"prompt": fleet.alias("helpdesk-system", "production")}
    status = fleet.json("status", service).data["services"][0]
    stages = {v: fleet.tags(service, v).get("stage") for v in ("1", "2", "3", "4")}
    blocked = {v: "modeldeck.blocked" in fleet.tags(service, v) for v in ("2", "3")}
    return {
        "traffic": status["traffic"],
        "shadow": status["shadow"],
        "champion": fleet.alias(service),
        "stages": stages,
        "blocked": blocked,
    }


def doomed(fleet: DeckFleet, point: int, *words: str) -> subprocess.CompletedProcess[str]:
    module = [sys.executable, "-m", "tests.commands.harness.doomed", str(point), str(LEASE)]
    argv = [*module, "--", *words, "--yes", "--config", str(fleet.config)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)


def points_of(ran: subprocess.CompletedProcess[str]) -> int:
    last = ran.stderr.strip().splitlines()[-1]
    assert last.startswith("points "), ran.stderr
    return int(last.split()[1])


def recover(fleet: DeckFleet, service: str) -> None:
    """What the dead left, if anything, is finished or undone once its lease has run out."""

    def settled() -> bool:
        change = fleet.json("status", service).data["services"][0]["open_change"]
        if change is None:
            return True
        if not change["running"]:
            fleet.run("recover", str(change["change"]), "--yes")
        return False

    until(settled, f"{service} has no open change", 60)


def killed_at(
    point: int, fleet: DeckFleet, kind: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, object]]:
    """How the command ended, and the world once what it left is settled.

    Asked again where the registry was too slow to be asked: a rollback then does without it, says
    so, and leaves the rest to the next one.
    """
    for _ in range(5):
        fleet.restore()
        prepare(fleet, kind)
        ran = doomed(fleet, point, *LINES[kind])
        recover(fleet, LINES[kind][1])
        now = world(fleet, kind)
        if "stay as they are" not in ran.stderr:
            break
    return ran, now


@pytest.mark.parametrize("kind", LINES)
def test_killed_at_every_point_it_ends_wholly_old_or_wholly_new(
    deck_fleet: DeckFleet, kind: str
) -> None:
    fleet, line = deck_fleet, LINES[kind]
    fleet.restore()
    prepare(fleet, kind)
    old = world(fleet, kind)
    whole = doomed(fleet, -1, *line)
    assert whole.returncode == 0, whole.stderr
    new = world(fleet, kind)
    assert new != old
    ends = {"old": 0, "new": 0}
    for point in range(points_of(whole)):
        ran, now = killed_at(point, fleet, kind)
        # A lease that was not renewed this time makes a point less: it then ended as it should.
        assert ran.returncode in (-9, 0), f"point {point}: {ran.stderr}"
        assert ran.returncode == -9 or now == new
        assert now in (old, new), f"killed at point {point}: {now}"
        ends["old" if now == old else "new"] += 1
    assert ends["old"], "killed before anything was written, nothing was changed"
    fleet.restore()
