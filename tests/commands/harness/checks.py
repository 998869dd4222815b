"""What must hold whoever died when: read from the world and from the journal's own tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from core.plan import Plan
from core.refs import Ref, Value, encode
from tests.commands.harness.journals import let_leases_expire, rows
from tests.commands.harness.world import World

ENDED = {"done", "undone"}


def let_leases_end(folder: Path, seconds: float = 10.0) -> None:
    """The time of a lease goes by."""
    let_leases_expire(folder, seconds + 1)
    World(folder / "world").advance(seconds)


def open_change(folder: Path) -> int | None:
    found = rows(folder, "SELECT number FROM change WHERE open = 1")
    assert len(found) <= 1
    return found[0]["number"] if found else None


def check_intents(folder: Path) -> None:
    """Whatever was written had been announced in the journal."""
    steps = {
        row["ref"]: row["state"]
        for row in rows(folder, "SELECT ref, state FROM step ORDER BY change")
    }
    for entry in World(folder / "world").log():
        if entry["who"] != "outside":
            assert steps.get(entry["ref"], "pending") != "pending", entry


def check_whole(folder: Path, plan: Plan, start: Mapping[Ref, Value]) -> str:
    """Wholly old or wholly new, without a double effect; says which."""
    world = World(folder / "world")
    values, log = world.values(), world.log()
    new = {**start, **{item.ref: item.after for item in plan.sets}}
    assert values in (dict(start), new), {
        str(ref): value for ref, value in values.items() if value != start[ref]
    }
    effects = Counter(entry["ref"] for entry in log if entry["old"] != entry["new"])
    once = 1 if values == new else 2
    for item in plan.sets:
        assert effects[str(item.ref)] <= once, (str(item.ref), log)
    assert not [entry for entry in log if entry.get("under_traffic")]
    return "new" if values == new else "old"


def check_journal(folder: Path, plan: Plan, came_out: str) -> None:
    """The story is whole: one change, ended, each step as the world has it, no lease left."""
    changes = rows(folder, "SELECT * FROM change")
    assert len(changes) == 1
    (change,) = changes
    assert not change["open"]
    assert change["ended"] is not None
    assert change["state"] == ("done" if came_out == "new" else "undone")
    assert not rows(folder, "SELECT * FROM lease")
    steps = rows(folder, "SELECT * FROM step ORDER BY i")
    assert [row["ref"] for row in steps] == [str(item.ref) for item in plan.sets]
    fine = {"done", "found"} if came_out == "new" else {"pending", "undone"}
    assert {row["state"] for row in steps} <= fine
    readings = {row["ref"]: row["value"] for row in rows(folder, "SELECT * FROM reading")}
    for item, row in zip(plan.sets, steps, strict=True):
        if row["state"] != "pending":
            wanted = item.after if came_out == "new" else item.before
            assert readings[str(item.ref)] == json.dumps(encode(wanted))
