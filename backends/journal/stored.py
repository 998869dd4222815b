"""Changes as they stand in the database. Every function runs inside one transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from backends.journal.base import Change, Step
from backends.journal.db import Db, Row, marks
from core.plan import Plan
from core.refs import Ref, decode


def now(db: Db) -> float:
    """The database's clock, which all holders share."""
    return db.now()


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def held(db: Db, number: int, time: float) -> bool:
    found = db.one("SELECT 1 FROM lease WHERE change = ? AND expires > ?", (number, time))
    return found is not None


def keep_reading(db: Db, service: str, ref: Ref, value: str, taken: float) -> None:
    """What the ref read as last; `value` is JSON."""
    db.execute(
        "INSERT INTO reading (ref, service, value, taken) VALUES (?,?,?,?)"
        " ON CONFLICT (ref) DO UPDATE SET service = excluded.service,"
        " value = excluded.value, taken = excluded.taken",
        (str(ref), service, value, taken),
    )


def must(db: Db, number: int, *, repeated: bool = False) -> Change:
    found = read(db, number)
    assert found is not None
    return replace(found, repeated=repeated)


def read(db: Db, number: int) -> Change | None:
    row = db.one("SELECT * FROM change WHERE number = ?", (number,))
    return None if row is None else _changes(db, [row])[0]


def listed(db: Db, service: str | None, limit: int) -> list[Change]:
    rows = db.execute(
        "SELECT * FROM change WHERE CAST(? AS TEXT) IS NULL OR service = ?"
        " ORDER BY number DESC LIMIT ?",
        (service, service, limit),
    )
    return _changes(db, rows)


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


def unsettled(db: Db) -> list[Change]:
    return _changes(db, db.execute(_UNSETTLED))


def open_ones(db: Db) -> list[Change]:
    rows = db.execute("SELECT * FROM change WHERE open = 1 ORDER BY number")
    return _changes(db, rows)


def _changes(db: Db, rows: Sequence[Row]) -> list[Change]:
    """Three statements however many they are: a database may be a network away."""
    if not rows:
        return []
    numbers = [row["number"] for row in rows]
    steps: dict[int, list[Row]] = {number: [] for number in numbers}
    wanted = f"change IN {marks(numbers)}"
    for step in db.execute(f"SELECT * FROM step WHERE {wanted} ORDER BY i", numbers):
        steps[step["change"]].append(step)
    leased = db.execute(
        f"SELECT change FROM lease WHERE {wanted} AND expires > ?", (*numbers, now(db))
    )
    running = {row["change"] for row in leased}
    return [_change(row, steps[row["number"]], row["number"] in running) for row in rows]


def _change(row: Row, steps: Sequence[Row], running: bool) -> Change:
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
        running=running,
    )
