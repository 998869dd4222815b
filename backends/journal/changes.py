"""Changes, their steps and leases, in SQL. Every function runs inside one transaction."""

from __future__ import annotations

import json

from backends.journal.base import Change, ChangeState, LeaseLost, StepState
from backends.journal.db import Db, Row
from backends.journal.policies import enforce
from backends.journal.stored import held, keep_reading, must, now, read, unsettled
from core.errors import Conflict, UsageError
from core.plan import Plan
from core.refs import Ref, encode
from core.units import show_duration


def begin(
    db: Db,
    identity: str,
    plan: Plan,
    actor: str,
    reason: str,
    command: str,
    key: str | None,
    holder: str,
    lease: float,
    policy_time: float,
) -> Change:
    begun = db.one("SELECT number FROM change WHERE id = ?", (identity,))
    if begun is not None:
        return _begun(db, begun["number"], holder, lease)
    time = now(db)
    if key is not None:
        row = db.one("SELECT number, hash, command FROM change WHERE key = ?", (key,))
        if row is not None:
            # Asked again once it was applied, the same command plans from what it made itself.
            same_command = bool(command) and row["command"] == command
            if row["hash"] != plan.hash and not same_command:
                raise UsageError(
                    f"the key {key!r} belongs to change {row['number']}, which was another plan",
                    hint="use a new --key for a new plan",
                )
            return must(db, row["number"], repeated=True)
    _still_so(db, plan)
    _make_way(db, plan, holder, time)
    refs = sorted(item.ref for item in plan.sets)
    for ref in refs:
        _free(db, ref, time)
    number = db.insert(
        "INSERT INTO change (id, service, plan, hash, goal, state, open, actor, reason, command,"
        " key, holder, epoch, created) VALUES (?,?,?,?,?,'running',1,?,?,?,?,?,1,?)",
        (
            identity,
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
    )
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


def _begun(db: Db, number: int, holder: str, lease: float) -> Change:
    """The change that was written although nobody heard so, as long as it is still this holder's.

    Raises LeaseLost where others have gone on with it meanwhile, Conflict where they hold a ref.
    """
    time = now(db)
    change = must(db, number)
    if change.holder != holder or change.epoch != 1 or not change.open:
        raise LeaseLost(
            f"change {number} was taken over by {change.holder} before its begin was known here",
            hint=f"modeldeck changes {change.plan.service} shows how it ended",
        )
    if change.running:
        return change
    for item in change.steps:
        _free(db, item.ref, time)
    _hold(db, number, [str(item.ref) for item in change.steps], holder, 1, time + lease)
    return must(db, number)


def standing(db: Db, service: str) -> str:
    """Of the service's newest change: the number, the epoch, the state, and whether it is held."""
    row = _newest(db, service)
    if row is None:
        return "0"
    is_held = row["open"] and held(db, row["number"], now(db))
    return f"{row['number']} {row['epoch']} {row['state']}{' held' if is_held else ''}"


def _still_so(db: Db, plan: Plan) -> None:
    """Nobody has changed the service since the plan's values were read, or while they were."""
    row = _newest(db, plan.service)
    if row is None or not plan.standing or plan.standing == standing(db, plan.service):
        return
    if row["open"] and (plan.goal != "back" or held(db, row["number"], now(db))):
        return  # It is in the way, and `_make_way` says how.
    raise Conflict(
        f"{row['actor']} has changed {plan.service} since this was planned"
        f" (change {row['number']})",
        hint="plan again from what is live now",
    )


def _newest(db: Db, service: str) -> Row | None:
    return db.one(
        "SELECT number, epoch, state, open, actor FROM change WHERE service = ?"
        " ORDER BY number DESC LIMIT 1",
        (service,),
    )


def _make_way(db: Db, plan: Plan, holder: str, time: float) -> None:
    """One open change per service; a way back may take the place of one that was cut off."""
    row = db.one(
        "SELECT number, actor, created FROM change WHERE service = ? AND open = 1", (plan.service,)
    )
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


def _free(db: Db, ref: Ref, time: float) -> None:
    row = db.one(
        "SELECT lease.holder, change.actor, change.service, change.number FROM lease"
        " JOIN change ON change.number = lease.change WHERE ref = ? AND expires > ?",
        (str(ref), time),
    )
    if row is not None:
        raise Conflict(
            f"{ref} is held by change {row['number']} of {row['service']} ({row['actor']})",
            hint="wait for it to end, then plan again",
        )


def _hold(db: Db, number: int, refs: list[str], holder: str, epoch: int, expires: float) -> None:
    for ref in dict.fromkeys(refs):
        db.execute(
            "INSERT INTO lease (ref, change, holder, epoch, expires) VALUES (?,?,?,?,?)"
            " ON CONFLICT (ref) DO UPDATE SET change = excluded.change,"
            " holder = excluded.holder, epoch = excluded.epoch, expires = excluded.expires",
            (ref, number, holder, epoch, expires),
        )


def check(db: Db, change: Change) -> float:
    """The time, once the lease is seen to be still ours. Raises LeaseLost."""
    time = now(db)
    ours = _ours(db, change)
    if ours is None or not ours["open"]:
        row = db.one("SELECT holder FROM change WHERE number = ?", (change.number,))
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


def _ours(db: Db, change: Change) -> Row | None:
    """The change as it stands, unless somebody has taken it over since."""
    return db.one(
        "SELECT state, open FROM change WHERE number = ? AND holder = ? AND epoch = ?",
        (change.number, change.holder, change.epoch),
    )


def renew(db: Db, change: Change, lease: float) -> float:
    """Hold the leases `lease` seconds from now on; now."""
    time = check(db, change)
    db.execute("UPDATE lease SET expires = ? WHERE change = ?", (time + lease, change.number))
    return time


def step(
    db: Db,
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
        keep_reading(db, change.plan.service, item.ref, json.dumps(encode(value)), time)


def keyed(db: Db, key: str) -> Change | None:
    row = db.one("SELECT number FROM change WHERE key = ?", (key,))
    return None if row is None else must(db, row["number"], repeated=True)


def turn_back(db: Db, change: Change) -> None:
    check(db, change)
    db.execute("UPDATE change SET goal = 'undo' WHERE number = ?", (change.number,))


def finish(
    db: Db,
    change: Change,
    state: ChangeState,
    verified: bool,
    note: str,
    release: int | None,
) -> None:
    row = _ours(db, change)
    if row is not None and row["state"] == state:
        return  # Asked again because the answer to the commit was lost: it had been written.
    time = check(db, change)
    still_open = int(state == "unfinished")
    db.execute(
        "UPDATE change SET state = ?, open = ?, ended = ?, verified = ?, note = ?, release = ?"
        " WHERE number = ?",
        (state, still_open, time, int(verified), note, release, change.number),
    )
    db.execute("DELETE FROM lease WHERE change = ?", (change.number,))


def _may_be_ended(db: Db, change: Change) -> None:
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


def take_over(db: Db, number: int, holder: str, lease: float) -> Change:
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
