"""Changes as they stand in the database. Every function runs inside one transaction."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

from backends.journal.base import Change, Step
from core.plan import Plan
from core.refs import Ref, decode

_NOW = "SELECT (julianday('now') - 2440587.5) * 86400.0"


def now(db: sqlite3.Connection) -> float:
    """The database's clock, which all holders share."""
    return float(db.execute(_NOW).fetchone()[0])


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def held(db: sqlite3.Connection, number: int, time: float) -> bool:
    found = db.execute(
        "SELECT 1 FROM lease WHERE change = ? AND expires > ?", (number, time)
    ).fetchone()
    return found is not None


def must(db: sqlite3.Connection, number: int, *, repeated: bool = False) -> Change:
    row = db.execute("SELECT * FROM change WHERE number = ?", (number,)).fetchone()
    return _change(db, row, repeated=repeated)


def read(db: sqlite3.Connection, number: int) -> Change | None:
    row = db.execute("SELECT * FROM change WHERE number = ?", (number,)).fetchone()
    return None if row is None else _change(db, row)


def listed(db: sqlite3.Connection, service: str | None, limit: int) -> list[Change]:
    rows = db.execute(
        "SELECT * FROM change WHERE ? IS NULL OR service = ? ORDER BY number DESC LIMIT ?",
        (service, service, limit),
    ).fetchall()
    return [_change(db, row) for row in rows]


# What could not be put back stays a matter of its service until a change there is done again.
_UNSETTLED = """
    SELECT * FROM change WHERE open = 1
    UNION ALL
    SELECT * FROM change AS half WHERE state = 'needs_person' AND NOT EXISTS (
        SELECT 1 FROM change AS later WHERE later.service = half.service
        AND later.number > half.number AND later.state = 'done'
    )
    ORDER BY number
"""


def unsettled(db: sqlite3.Connection) -> list[Change]:
    return [_change(db, row) for row in db.execute(_UNSETTLED).fetchall()]


def open_ones(db: sqlite3.Connection) -> list[Change]:
    rows = db.execute("SELECT * FROM change WHERE open = 1 ORDER BY number").fetchall()
    return [_change(db, row) for row in rows]


def _change(db: sqlite3.Connection, row: Any, *, repeated: bool = False) -> Change:
    steps = db.execute("SELECT * FROM step WHERE change = ? ORDER BY i", (row["number"],))
    return Change(
        id=row["id"],
        number=row["number"],
        plan=Plan.from_json(json.loads(row["plan"])),
        goal=row["goal"],
        state=row["state"],
        open=bool(row["open"]),
        actor=row["actor"],
        reason=row["reason"],
        command=row["command"],
        key=row["key"],
        holder=row["holder"],
        epoch=row["epoch"],
        created=moment(row["created"]),
        ended=None if row["ended"] is None else moment(row["ended"]),
        verified=bool(row["verified"]),
        note=row["note"],
        release=row["release"],
        steps=tuple(
            Step(
                item["i"],
                Ref.parse(item["ref"]),
                decode(json.loads(item["before"])),
                decode(json.loads(item["after"])),
                item["state"],
                item["note"],
            )
            for item in steps
        ),
        repeated=repeated,
        running=held(db, row["number"], now(db)),
    )
