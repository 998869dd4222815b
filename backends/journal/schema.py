"""The database's tables, as migrations that only go forward."""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE change (
        number   INTEGER PRIMARY KEY AUTOINCREMENT,
        id       TEXT NOT NULL UNIQUE,
        service  TEXT NOT NULL,
        plan     TEXT NOT NULL,
        hash     TEXT NOT NULL,
        goal     TEXT NOT NULL,
        state    TEXT NOT NULL,
        open     INTEGER NOT NULL,
        actor    TEXT NOT NULL,
        reason   TEXT NOT NULL,
        command  TEXT NOT NULL,
        key      TEXT UNIQUE,
        holder   TEXT NOT NULL,
        epoch    INTEGER NOT NULL,
        created  REAL NOT NULL,
        ended    REAL,
        verified INTEGER NOT NULL DEFAULT 0,
        note     TEXT NOT NULL DEFAULT '',
        release  INTEGER
    );
    CREATE UNIQUE INDEX one_open_change ON change (service) WHERE open = 1;
    CREATE INDEX change_by_service ON change (service, number);

    CREATE TABLE step (
        change INTEGER NOT NULL REFERENCES change (number),
        i      INTEGER NOT NULL,
        ref    TEXT NOT NULL,
        before TEXT NOT NULL,
        after  TEXT NOT NULL,
        state  TEXT NOT NULL,
        note   TEXT NOT NULL DEFAULT '',
        begun  REAL,
        ended  REAL,
        PRIMARY KEY (change, i)
    );

    CREATE TABLE lease (
        ref     TEXT PRIMARY KEY,
        change  INTEGER NOT NULL,
        holder  TEXT NOT NULL,
        epoch   INTEGER NOT NULL,
        expires REAL NOT NULL
    );

    CREATE TABLE reading (
        ref     TEXT PRIMARY KEY,
        service TEXT NOT NULL,
        value   TEXT NOT NULL,
        taken   REAL NOT NULL
    );
    CREATE TABLE outside (
        id      INTEGER PRIMARY KEY,
        service TEXT NOT NULL,
        ref     TEXT NOT NULL,
        before  TEXT NOT NULL,
        after   TEXT NOT NULL,
        since   REAL NOT NULL,
        seen    REAL NOT NULL,
        who     TEXT NOT NULL
    );
    CREATE INDEX outside_by_time ON outside (seen);

    CREATE TABLE release (
        service TEXT NOT NULL,
        number  INTEGER NOT NULL,
        taken   REAL NOT NULL,
        content TEXT NOT NULL,
        change  INTEGER,
        by      TEXT NOT NULL,
        PRIMARY KEY (service, number)
    );
    CREATE TABLE watch (
        id      INTEGER PRIMARY KEY,
        service TEXT NOT NULL,
        release INTEGER,
        ok      INTEGER NOT NULL,
        begun   REAL NOT NULL,
        until   REAL NOT NULL
    );
    CREATE INDEX watch_by_service ON watch (service, id);
    CREATE TABLE baseline (
        service TEXT NOT NULL,
        release INTEGER NOT NULL,
        figures TEXT NOT NULL,
        taken   REAL NOT NULL,
        PRIMARY KEY (service, release)
    );
    CREATE TABLE verdict (
        service TEXT NOT NULL,
        layer   TEXT NOT NULL,
        state   TEXT NOT NULL,
        because TEXT NOT NULL,
        taken   REAL NOT NULL,
        since   REAL NOT NULL,
        PRIMARY KEY (service, layer)
    );
    """,
    """
    CREATE INDEX half_way ON change (service, number) WHERE state = 'needs_person';
    """,
    """
    CREATE TABLE approval (
        number  INTEGER PRIMARY KEY AUTOINCREMENT,
        service TEXT NOT NULL,
        hash    TEXT NOT NULL,
        plan    TEXT NOT NULL,
        command TEXT NOT NULL,
        actor   TEXT NOT NULL,
        reason  TEXT NOT NULL,
        needed  INTEGER NOT NULL,
        created REAL NOT NULL,
        expires REAL NOT NULL,
        change  INTEGER REFERENCES change (number)
    );
    CREATE INDEX approval_by_service ON approval (service, number);
    CREATE INDEX approval_by_time ON approval (expires);
    CREATE TABLE answer (
        id       INTEGER PRIMARY KEY,
        approval INTEGER NOT NULL REFERENCES approval (number),
        actor    TEXT NOT NULL,
        verdict  TEXT NOT NULL,
        reason   TEXT NOT NULL,
        at       REAL NOT NULL
    );
    CREATE INDEX answer_by_approval ON answer (approval, id);
    CREATE TABLE "freeze" (
        number       INTEGER PRIMARY KEY AUTOINCREMENT,
        service      TEXT NOT NULL,
        actor        TEXT NOT NULL,
        reason       TEXT NOT NULL,
        begun        REAL NOT NULL,
        until        REAL NOT NULL,
        ended        REAL,
        ended_by     TEXT NOT NULL DEFAULT '',
        ended_reason TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX freeze_on ON "freeze" (until) WHERE ended IS NULL;
    """,
)
