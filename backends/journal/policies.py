"""Approvals and freezes, in SQL. Every function runs inside one transaction."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from backends.journal.stored import moment
from core.errors import Refused, UsageError
from core.freeze import Freeze, frozen
from core.history import Event
from core.plan import Plan
from core.policy import Answered, AnswerVerdict, Approval, check_answer, person
from core.units import show_time

_LISTED = 500


def ask(
    db: sqlite3.Connection,
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
        if same and old.needed == needed and old.state(moment(time)) in ("waiting", "approved"):
            return old
    number = db.execute(
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
    ).lastrowid
    assert number is not None
    return must(db, number)


def must(db: sqlite3.Connection, number: int) -> Approval:
    row = db.execute("SELECT * FROM approval WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise UsageError(f"there is no approval A-{number}", hint="modeldeck approvals lists them")
    return _approval(db, row)


def approvals(
    db: sqlite3.Connection, service: str | None, limit: int, *, since: float = 0.0
) -> list[Approval]:
    """Newest first; those that expire after `since`."""
    rows = db.execute(
        "SELECT * FROM approval WHERE (? IS NULL OR service = ?) AND expires > ?"
        " ORDER BY number DESC LIMIT ?",
        (service, service, since, limit),
    ).fetchall()
    return [_approval(db, row) for row in rows]


def _approval(db: sqlite3.Connection, row: Any) -> Approval:
    answers = db.execute("SELECT * FROM answer WHERE approval = ? ORDER BY id", (row["number"],))
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
            for one in answers.fetchall()
        ),
        row["change"],
    )


def answer(
    db: sqlite3.Connection,
    number: int,
    actor: str,
    verdict: AnswerVerdict,
    reason: str,
    time: float,
) -> Approval:
    check_answer(must(db, number), actor, verdict, moment(time))
    db.execute(
        "INSERT INTO answer (approval, actor, verdict, reason, at) VALUES (?,?,?,?,?)",
        (number, actor, verdict, reason, time),
    )
    return must(db, number)


def enforce(db: sqlite3.Connection, plan: Plan, change: int, time: float) -> None:
    """What the door has found, once more and where nobody can come in between: no freeze, and the
    approval that the plan names still counts. It is used up by the change.

    Raises Refused. A way back is never held up.
    """
    if plan.goal == "back":
        return
    if not (plan.evidence.get("override") or {}).get("freeze"):
        found = frozen(plan.service, freezes(db, time), (), moment(time))
        if found is not None:
            raise Refused(found.because)
    named = plan.evidence.get("approval")
    if named is None:
        return
    approval = must(db, named["number"])
    if approval.state(moment(time)) != "approved" or approval.plan.hash != plan.hash:
        raise Refused(f"{approval.said(moment(time))}: it does not let this plan through")
    db.execute("UPDATE approval SET change = ? WHERE number = ?", (change, approval.number))


def freeze(
    db: sqlite3.Connection, service: str, until: float, actor: str, reason: str, time: float
) -> Freeze:
    number = db.execute(
        "INSERT INTO freeze (service, actor, reason, begun, until) VALUES (?,?,?,?,?)",
        (service, actor, reason, time, until),
    ).lastrowid
    return _freeze(db.execute("SELECT * FROM freeze WHERE number = ?", (number,)).fetchone())


def freezes(db: sqlite3.Connection, time: float) -> list[Freeze]:
    """Those that are on now."""
    rows = db.execute(
        "SELECT * FROM freeze WHERE ended IS NULL AND until > ? ORDER BY number", (time,)
    )
    return [_freeze(row) for row in rows.fetchall()]


def unfreeze(
    db: sqlite3.Connection, service: str, actor: str, reason: str, time: float
) -> list[Freeze]:
    """End the freezes of exactly this service; those that were ended."""
    found = [one.number for one in freezes(db, time) if one.service == service]
    for number in found:
        db.execute(
            "UPDATE freeze SET ended = ?, ended_by = ?, ended_reason = ? WHERE number = ?",
            (time, actor, reason, number),
        )
    rows = [
        db.execute("SELECT * FROM freeze WHERE number = ?", (number,)).fetchone()
        for number in found
    ]
    return [_freeze(row) for row in rows]


def _freeze(row: Any) -> Freeze:
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


def events(db: sqlite3.Connection, service: str | None, since: float, time: float) -> list[Event]:
    """Requests, answers, expiries, freezes and their ends, in no order."""
    found: list[Event] = []
    # Nothing happens to a request after it has expired.
    for one in approvals(db, service, _LISTED, since=since):
        found += _of_approval(one, time)
    rows = db.execute(
        "SELECT * FROM freeze WHERE ? IS NULL OR service IN (?, '*') ORDER BY number DESC LIMIT ?",
        (service, service, _LISTED),
    )
    for row in rows.fetchall():
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
