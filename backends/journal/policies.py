"""Approvals and freezes, in SQL. Every function runs inside one transaction."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from backends.journal.db import Db, Row, marks
from backends.journal.stored import moment
from core.errors import Refused, UsageError
from core.freeze import Freeze, frozen
from core.history import EVERY, Event
from core.plan import Plan
from core.policy import (
    UNPROVED,
    Answered,
    AnswerVerdict,
    Approval,
    PolicyConfig,
    check_answer,
    held_up,
    person,
)
from core.units import show_time

_LISTED = 500


def ask(
    db: Db,
    plan: Plan,
    actor: str,
    reason: str,
    command: str,
    needed: int,
    lasts: float,
    time: float,
) -> Approval:
    """A new request; the one that this person has open for the same plan, where there is one."""
    for old in approvals(db, plan.service, _LISTED, since=time):
        same = old.plan.hash == plan.hash and person(old.actor) == person(actor)
        state = old.under(needed, lasts).state(moment(time))
        if same and old.needed == needed and state in ("waiting", "approved"):
            return old
    number = db.insert(
        "INSERT INTO approval (service, hash, plan, command, actor, reason, needed, created,"
        " expires) VALUES (?,?,?,?,?,?,?,?,?)",
        (
            plan.service,
            plan.hash,
            json.dumps(plan.to_json()),
            command,
            actor,
            reason,
            needed,
            time,
            time + lasts,
        ),
    )
    return must(db, number)


def must(db: Db, number: int) -> Approval:
    row = db.one("SELECT * FROM approval WHERE number = ?", (number,))
    if row is None:
        raise UsageError(f"there is no approval A-{number}", hint="modeldeck approvals lists them")
    return _approvals(db, [row])[0]


def approvals(db: Db, service: str | None, limit: int, *, since: float = 0.0) -> list[Approval]:
    """Newest first; those that expire after `since`."""
    rows = db.execute(
        "SELECT * FROM approval WHERE (CAST(? AS TEXT) IS NULL OR service = ?) AND expires > ?"
        " ORDER BY number DESC LIMIT ?",
        (service, service, since, limit),
    )
    return _approvals(db, rows)


def _approvals(db: Db, rows: Sequence[Row]) -> list[Approval]:
    """One statement for the answers of all: a database may be a network away."""
    numbers = [row["number"] for row in rows]
    answers: dict[int, list[Row]] = {number: [] for number in numbers}
    if numbers:
        asked = f"SELECT * FROM answer WHERE approval IN {marks(numbers)} ORDER BY id"
        for one in db.execute(asked, numbers):
            answers[one["approval"]].append(one)
    return [_approval(row, answers[row["number"]]) for row in rows]


def _approval(row: Row, answers: Sequence[Row]) -> Approval:
    return Approval(
        row["number"],
        Plan.from_json(json.loads(row["plan"])),
        row["command"],
        row["actor"],
        row["reason"],
        row["needed"],
        moment(row["created"]),
        moment(row["expires"]),
        tuple(
            Answered(one["actor"], one["verdict"], one["reason"], moment(one["at"]))
            for one in answers
        ),
        row["change"],
    )


def answer(
    db: Db,
    number: int,
    actor: str,
    verdict: AnswerVerdict,
    reason: str,
    time: float,
    policy: PolicyConfig | None = None,
) -> Approval:
    asked = must(db, number)
    if policy is not None:
        asked = asked.under(policy.approvals, policy.expires)
    check_answer(asked, actor, verdict, moment(time))
    db.execute(
        "INSERT INTO answer (approval, actor, verdict, reason, at) VALUES (?,?,?,?,?)",
        (number, actor, verdict, reason, time),
    )
    return must(db, number)


def enforce(db: Db, plan: Plan, change: int, time: float) -> None:
    """What the door has found, once more and where nobody can come in between: no freeze, and the
    approval that the plan names still counts. It is used up by the change.

    Raises Refused. A way back is never held up, but for one to a release that has not proved good.
    """
    if not held_up(plan):
        return
    override = plan.evidence.get("override") or {}
    unproved = plan.evidence.get(UNPROVED)
    if unproved and not override:
        raise Refused(unproved["because"])
    if not override.get("freeze"):
        found = frozen(plan.service, freezes(db, time), (), moment(time))
        if found is not None:
            raise Refused(found.because)
    named = plan.evidence.get("approval")
    if named is None:
        return
    # By the count and the time of the one who promotes, not of the one who asked.
    needed, lasts = named.get("needed", 1), named.get("expires", math.inf)
    approval = must(db, named["number"]).under(needed, lasts)
    if approval.state(moment(time)) != "approved" or approval.plan.hash != plan.hash:
        raise Refused(f"{approval.said(moment(time))}: it does not let this plan through")
    db.execute("UPDATE approval SET change = ? WHERE number = ?", (change, approval.number))


def freeze(db: Db, service: str, until: float, actor: str, reason: str, time: float) -> Freeze:
    number = db.insert(
        'INSERT INTO "freeze" (service, actor, reason, begun, until) VALUES (?,?,?,?,?)',
        (service, actor, reason, time, until),
    )
    return _numbered(db, number)


def freezes(db: Db, time: float) -> list[Freeze]:
    """Those that are on now."""
    rows = db.execute(
        'SELECT * FROM "freeze" WHERE ended IS NULL AND until > ? ORDER BY number', (time,)
    )
    return [_freeze(row) for row in rows]


def unfreeze(db: Db, service: str, actor: str, reason: str, time: float) -> list[Freeze]:
    """End the freezes of exactly this service; those that were ended."""
    found = [one.number for one in freezes(db, time) if one.service == service]
    for number in found:
        db.execute(
            'UPDATE "freeze" SET ended = ?, ended_by = ?, ended_reason = ? WHERE number = ?',
            (time, actor, reason, number),
        )
    return [_numbered(db, number) for number in found]


def _numbered(db: Db, number: int) -> Freeze:
    row = db.one('SELECT * FROM "freeze" WHERE number = ?', (number,))
    assert row is not None
    return _freeze(row)


def _freeze(row: Row) -> Freeze:
    return Freeze(
        row["number"],
        row["service"],
        row["actor"],
        row["reason"],
        moment(row["begun"]),
        moment(row["until"]),
        None if row["ended"] is None else moment(row["ended"]),
        row["ended_by"],
        row["ended_reason"],
    )


def events(db: Db, service: str | None, since: float, time: float) -> list[Event]:
    """Requests, answers, expiries, freezes and their ends, in no order."""
    found: list[Event] = []
    # Nothing happens to a request after it has expired.
    for one in approvals(db, service, _LISTED, since=since):
        found += _of_approval(one, time)
    rows = db.execute(
        'SELECT * FROM "freeze" WHERE CAST(? AS TEXT) IS NULL OR service IN (?, ?)'
        " ORDER BY number DESC LIMIT ?",
        (service, service, EVERY, _LISTED),
    )
    for row in rows:
        found += _of_freeze(_freeze(row))
    return [event for event in found if event.at.timestamp() >= since]


def _of_approval(one: Approval, time: float) -> list[Event]:
    service, what = one.plan.service, f"{one.name}: {one.plan.title}"
    found = [
        Event(
            one.created, service, what, one.actor,
            kind="request", state="requested", reason=one.reason,
        ),
        *(
            Event(
                said.at, service, what, said.actor,
                kind="answer", state=said.verdict, reason=said.reason,
            )
            for said in one.answers
        ),
    ]  # fmt: skip
    if one.state(moment(time)) == "expired":
        found.append(Event(one.expires, service, what, "", kind="expiry", state="expired"))
    return found


def _of_freeze(one: Freeze) -> list[Event]:
    until = f"frozen until {show_time(one.until)}"
    found = [
        Event(
            one.begun, one.service, until, one.actor,
            kind="freeze", state="frozen", reason=one.reason,
        )
    ]  # fmt: skip
    if one.ended is not None:
        what = f"the freeze until {show_time(one.until)} was ended"
        found.append(
            Event(
                one.ended, one.service, what, one.ended_by,
                kind="unfreeze", state="unfrozen", reason=one.ended_reason,
            )
        )  # fmt: skip
    return found
