"""Changes, their steps and leases, in SQL. Every function runs inside one transaction."""

from __future__ import annotations

import json
import os
import sqlite3

from backends.journal.base import Change, ChangeState, LeaseLost, StepState
from backends.journal.policies import enforce
from backends.journal.stored import held, must, now, read, unsettled
from core.errors import Conflict, UsageError
from core.plan import Plan
from core.refs import Ref, encode
from core.ulid import ulid
from core.units import show_duration


def begin(
    db: sqlite3.Connection,
    plan: Plan,
    actor: str,
    reason: str,
    command: str,
    key: str | None,
    holder: str,
    lease: float,
    policy_time: float,
) -> Change:
    time = now(db)
    if key is not None:
        row = db.execute(
            "SELECT number, hash, command FROM change WHERE key = ?", (key,)
        ).fetchone()
        if row is not None:
            # Asked again once it was applied, the same command plans from what it made itself.
            same_command = bool(command) and row["command"] == command
            if row["hash"] != plan.hash and not same_command:
                raise UsageError(
                    f"the key {key!r} belongs to change {row['number']}, which was another plan",
                    hint="use a new --key for a new plan",
                )
            return must(db, row["number"], repeated=True)
    _make_way(db, plan, holder, time)
    refs = sorted(item.ref for item in plan.sets)
    for ref in refs:
        _free(db, ref, time)
    number = db.execute(
        "INSERT INTO change (id, service, plan, hash, goal, state, open, actor, reason, command,"
        " key, holder, epoch, created) VALUES (?,?,?,?,?,'running',1,?,?,?,?,?,1,?)",
        (
            ulid(int(time * 1000), int.from_bytes(os.urandom(10))),
            plan.service,
            json.dumps(plan.to_json()),
            plan.hash,
            plan.goal,
            actor,
            reason,
            command,
            key,
            holder,
            time,
        ),
    ).lastrowid
    assert number is not None
    enforce(db, plan, number, policy_time)
    for i, item in enumerate(plan.sets):
        db.execute(
            "INSERT INTO step (change, i, ref, before, after, state) VALUES (?,?,?,?,?,'pending')",
            (
                number,
                i,
                str(item.ref),
                json.dumps(encode(item.before)),
                json.dumps(encode(item.after)),
            ),
        )
    _hold(db, number, [str(ref) for ref in refs], holder, 1, time + lease)
    return must(db, number)


def _make_way(db: sqlite3.Connection, plan: Plan, holder: str, time: float) -> None:
    """One open change per service; a way back may take the place of one that was cut off."""
    row = db.execute(
        "SELECT number, actor, created FROM change WHERE service = ? AND open = 1", (plan.service,)
    ).fetchone()
    if row is None:
        return
    number, age = row["number"], show_duration(time - row["created"])
    if held(db, number, time):
        raise Conflict(
            f"{row['actor']} is changing {plan.service} right now (change {number}, {age} ago)",
            hint="wait for it to end, then plan again",
        )
    if plan.goal != "back":
        raise Conflict(
            f"change {number} of {plan.service} by {row['actor']} was cut off {age} ago",
            hint=f"modeldeck recover {number} finishes or undoes it",
        )
    note = f"superseded by a {plan.kind}"
    db.execute(
        "UPDATE change SET open = 0, state = 'superseded', ended = ?, note = ?, holder = ?,"
        " epoch = epoch + 1 WHERE number = ?",
        (time, note, holder, number),
    )
    db.execute("DELETE FROM lease WHERE change = ?", (number,))


def _free(db: sqlite3.Connection, ref: Ref, time: float) -> None:
    row = db.execute(
        "SELECT lease.holder, change.actor, change.service, change.number FROM lease"
        " JOIN change ON change.number = lease.change WHERE ref = ? AND expires > ?",
        (str(ref), time),
    ).fetchone()
    if row is not None:
        raise Conflict(
            f"{ref} is held by change {row['number']} of {row['service']} ({row['actor']})",
            hint="wait for it to end, then plan again",
        )


def _hold(
    db: sqlite3.Connection, number: int, refs: list[str], holder: str, epoch: int, expires: float
) -> None:
    for ref in dict.fromkeys(refs):
        db.execute(
            "INSERT OR REPLACE INTO lease (ref, change, holder, epoch, expires) VALUES (?,?,?,?,?)",
            (ref, number, holder, epoch, expires),
        )


def check(db: sqlite3.Connection, change: Change) -> float:
    """The time, once the lease is seen to be still ours. Raises LeaseLost."""
    time = now(db)
    row = db.execute(
        "SELECT holder, epoch, open FROM change WHERE number = ?", (change.number,)
    ).fetchone()
    ours = row is not None and (row["holder"], row["epoch"]) == (change.holder, change.epoch)
    if not ours or not row["open"]:
        raise LeaseLost(
            f"change {change.number} was taken over by {row['holder'] if row else 'nobody'}",
            hint=f"modeldeck changes {change.plan.service} shows how it ended",
        )
    if change.steps and not held(db, change.number, time):
        raise LeaseLost(
            f"the lease of change {change.number} ran out while this program stood still",
            hint=f"modeldeck recover {change.number} finishes or undoes it",
        )
    return time


def renew(db: sqlite3.Connection, change: Change, lease: float) -> float:
    """Hold the leases `lease` seconds from now on; now."""
    time = check(db, change)
    db.execute("UPDATE lease SET expires = ? WHERE change = ?", (time + lease, change.number))
    return time


def step(
    db: sqlite3.Connection,
    change: Change,
    index: int,
    state: StepState,
    note: str,
    lease: float,
) -> None:
    time = renew(db, change, lease)
    db.execute(
        "UPDATE step SET state = ?, note = ?, begun = coalesce(begun, ?), ended = ?"
        " WHERE change = ? AND i = ?",
        (state, note, time, time, change.number, index),
    )
    item = change.steps[index]
    value = {"done": item.after, "found": item.after, "undone": item.before}.get(state, ...)
    if value is not ...:
        # What a change set itself is no outside change for the next poll.
        db.execute(
            "INSERT OR REPLACE INTO reading (ref, service, value, taken) VALUES (?,?,?,?)",
            (str(item.ref), change.plan.service, json.dumps(encode(value)), time),
        )


def keyed(db: sqlite3.Connection, key: str) -> Change | None:
    row = db.execute("SELECT number FROM change WHERE key = ?", (key,)).fetchone()
    return None if row is None else must(db, row["number"], repeated=True)


def turn_back(db: sqlite3.Connection, change: Change) -> None:
    check(db, change)
    db.execute("UPDATE change SET goal = 'undo' WHERE number = ?", (change.number,))


def finish(
    db: sqlite3.Connection,
    change: Change,
    state: ChangeState,
    verified: bool,
    note: str,
    release: int | None,
) -> None:
    time = check(db, change)
    still_open = state == "unfinished"
    db.execute(
        "UPDATE change SET state = ?, open = ?, ended = ?, verified = ?, note = ?, release = ?"
        " WHERE number = ?",
        (state, still_open, time, verified, note, release, change.number),
    )
    db.execute("DELETE FROM lease WHERE change = ?", (change.number,))


def _may_be_ended(db: sqlite3.Connection, change: Change) -> None:
    """Raises where the change has ended for good, or the service has gone on since."""
    if change.open:
        return
    number, service = change.number, change.plan.service
    left = [item for item in unsettled(db) if item.plan.service == service]
    if number not in (item.number for item in left):
        raise UsageError(f"change {number} has ended: {change.state}")
    if left[-1].number != number:
        raise Conflict(
            f"change {left[-1].number} of {service} came after change {number}",
            hint=f"modeldeck recover {left[-1].number} ends that one",
        )


def take_over(db: sqlite3.Connection, number: int, holder: str, lease: float) -> Change:
    time = now(db)
    change = read(db, number)
    if change is None:
        raise UsageError(f"there is no change {number}", hint="modeldeck changes lists them")
    _may_be_ended(db, change)
    if held(db, number, time):
        raise Conflict(
            f"change {number} is still being applied by {change.actor}",
            hint="its lease ends by itself seconds after its program does",
        )
    for item in change.steps:
        _free(db, item.ref, time)
    epoch = change.epoch + 1
    db.execute(
        "UPDATE change SET holder = ?, epoch = ?, state = 'running', open = 1 WHERE number = ?",
        (holder, epoch, number),
    )
    _hold(db, number, [str(item.ref) for item in change.steps], holder, epoch, time + lease)
    return must(db, number)
