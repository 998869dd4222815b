"""Releases, readings, health and the story of what changed, in SQL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from backends.journal import policies
from backends.journal.base import RECOVERED_BY, Change, Verdict
from backends.journal.db import Db, Row, marks
from backends.journal.stored import keep_reading, listed, moment, now
from core.history import Event, Release
from core.refs import Ref, Value, decode, encode, show

WATCH_GAP = 30.0
"""Seconds between two looks after which nobody is taken to have watched."""
_LISTED = 500
_TICK = 0.01
"""Longer than the steps of the database's clock, which are milliseconds."""


def add_release(db: Db, release: Release) -> Release:
    time = now(db)
    last = db.one("SELECT max(number) AS number FROM release WHERE service = ?", (release.service,))
    number = ((last and last["number"]) or 0) + 1
    content = {
        "version": release.version,
        "prompts": dict(release.prompts),
        "indexes": dict(release.indexes),
        "routing": dict(release.routing),
    }
    db.execute(
        "INSERT INTO release (service, number, taken, content, change, by) VALUES (?,?,?,?,?,?)",
        (release.service, number, time, json.dumps(content), release.change, release.by),
    )
    return replace(release, number=number, taken=moment(time))


def releases(db: Db, service: str) -> list[Release]:
    watched = {
        (row["release"], row["ok"]): row["seconds"]
        for row in db.execute(
            "SELECT release, ok, sum(until - begun) AS seconds FROM watch"
            " WHERE service = ? GROUP BY release, ok",
            (service,),
        )
    }
    rows = db.execute("SELECT * FROM release WHERE service = ? ORDER BY number DESC", (service,))
    return [
        Release(
            number=row["number"],
            service=service,
            taken=moment(row["taken"]),
            change=row["change"],
            by=row["by"],
            watched_ok=watched.get((row["number"], 1), 0.0),
            watched_bad=watched.get((row["number"], 0), 0.0),
            **json.loads(row["content"]),
        )
        for row in rows
    ]


def note_readings(
    db: Db,
    service: str,
    readings: Mapping[Ref, tuple[Value, str]],
    taken: float,
) -> list[Event]:
    found: list[Event] = []
    time = now(db)
    known, in_a_change = _known(db, [str(ref) for ref in readings])
    for ref, (value, who) in readings.items():
        text = json.dumps(encode(value))
        last = known.get(str(ref))
        if last is not None and last["taken"] + _TICK >= taken:
            continue  # A change wrote it after this poll had begun.
        if str(ref) in in_a_change:
            continue
        differs = last is not None and last["value"] != text
        if last is not None and differs and not _left_by_a_change(db, ref, text, last["taken"]):
            db.execute(
                "INSERT INTO outside (service, ref, before, after, since, seen, who)"
                " VALUES (?,?,?,?,?,?,?)",
                (service, str(ref), last["value"], text, last["taken"], time, who),
            )
            found.append(_outside(service, str(ref), last["value"], text, last["taken"], time, who))
        keep_reading(db, service, ref, text, taken)
    return found


def _known(db: Db, refs: Sequence[str]) -> tuple[dict[str, Row], set[str]]:
    """The last readings, and those refs that an open change touches: what they hold is nobody
    else's doing yet."""
    if not refs:
        return {}, set()
    last = db.execute(f"SELECT ref, value, taken FROM reading WHERE ref IN {marks(refs)}", refs)
    touched = db.execute(
        "SELECT step.ref FROM step JOIN change ON change.number = step.change"
        f" WHERE change.open = 1 AND step.ref IN {marks(refs)}",
        refs,
    )
    return {row["ref"]: row for row in last}, {row["ref"] for row in touched}


def _left_by_a_change(db: Db, ref: Ref, value: str, since: float) -> bool:
    """Whether a change that ended after the last reading may have set this: it did not know."""
    row = db.one(
        "SELECT step.state, before, after FROM step JOIN change ON change.number = step.change"
        " WHERE step.ref = ? AND step.state != 'pending' AND change.ended >= ?"
        " ORDER BY change.number DESC LIMIT 1",
        (str(ref), since),
    )
    if row is None or row["state"] not in ("intent", "undo_intent", "failed"):
        return False
    return value in (row["before"], row["after"])


def _outside(
    service: str, ref: str, before: str, after: str, since: float, seen: float, who: str
) -> Event:
    was, became = show(decode(json.loads(before))), show(decode(json.loads(after)))
    return Event(
        at=moment(seen),
        service=service,
        what=f"{ref} {was} → {became}",
        actor=who,
        origin="outside",
        after=moment(since),
        kind="outside",
    )


def events(db: Db, service: str | None, since: float, policy_time: float) -> list[Event]:
    found = [
        _outside(r["service"], r["ref"], r["before"], r["after"], r["since"], r["seen"], r["who"])
        for r in db.execute(
            "SELECT * FROM outside WHERE seen >= ? AND (CAST(? AS TEXT) IS NULL OR service = ?)"
            " ORDER BY seen DESC LIMIT ?",
            (since, service, service, _LISTED),
        )
    ]
    for change in listed(db, service, _LISTED):
        at = change.ended or change.created
        if at.timestamp() < since:
            continue
        found.append(
            Event(
                at=at,
                service=change.plan.service,
                what=change.plan.title,
                actor=change.actor,
                after=change.created,
                change=change.number,
                kind=change.plan.kind,
                state=change.state,
                reason=_reason(change),
                release=change.release,
                approval=(change.plan.evidence.get("approval") or {}).get("approval", ""),
                override=(change.plan.evidence.get("override") or {}).get("reason", ""),
            )
        )
    found += policies.events(db, service, since, policy_time)
    found.sort(key=lambda event: event.at, reverse=True)
    return found


def _reason(change: Change) -> str:
    """Why it was made, and by whom it was ended where that was somebody else."""
    recovered = change.note if change.note.startswith(RECOVERED_BY) else ""
    return "; ".join(filter(None, (change.reason, recovered)))


def note_health(
    db: Db,
    service: str,
    release: int | None,
    verdicts: Mapping[str, tuple[str, str]],
) -> None:
    time = now(db)
    states = {state for state, _ in verdicts.values()}
    judged = states & {"ok", "warning", "critical"}
    if judged:
        ok = judged == {"ok"}
        last = db.one("SELECT * FROM watch WHERE service = ? ORDER BY id DESC LIMIT 1", (service,))
        if (
            last is not None
            and (last["release"], bool(last["ok"])) == (release, ok)
            and time - last["until"] <= WATCH_GAP
        ):
            # The clock of a machine may be set back; time that was watched stays so.
            until = max(time, last["until"])
            db.execute("UPDATE watch SET until = ? WHERE id = ?", (until, last["id"]))
        else:
            db.execute(
                "INSERT INTO watch (service, release, ok, begun, until) VALUES (?,?,?,?,?)",
                (service, release, int(ok), time, time),
            )
    for layer, (state, because) in verdicts.items():
        db.execute(
            "INSERT INTO verdict (service, layer, state, because, taken, since)"
            " VALUES (?,?,?,?,?,?) ON CONFLICT (service, layer) DO UPDATE SET"
            " because = excluded.because, taken = excluded.taken,"
            " since = CASE WHEN verdict.state = excluded.state THEN verdict.since"
            " ELSE excluded.since END,"
            " state = excluded.state",
            (service, layer, state, because, time, time),
        )


def note_baseline(db: Db, service: str, release: int, figures: Mapping[str, float]) -> None:
    db.execute(
        "INSERT INTO baseline (service, release, figures, taken) VALUES (?,?,?,?)"
        " ON CONFLICT (service, release) DO UPDATE SET"
        " figures = excluded.figures, taken = excluded.taken",
        (service, release, json.dumps(dict(figures)), now(db)),
    )


def baseline(db: Db, service: str, release: int) -> dict[str, float]:
    row = db.one(
        "SELECT figures FROM baseline WHERE service = ? AND release = ?", (service, release)
    )
    return {} if row is None else json.loads(row["figures"])


def verdicts(db: Db) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    for row in db.execute("SELECT * FROM verdict ORDER BY service, layer"):
        found.setdefault(row["service"], []).append(
            Verdict(
                row["layer"],
                row["state"],
                row["because"],
                moment(row["taken"]),
                moment(row["since"]),
            )
        )
    return found
