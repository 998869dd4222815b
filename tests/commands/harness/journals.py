"""The journal of a harness's folder: the file in it, or the database that its `journal.url` names."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from backends.journal.postgres import PostgresJournal
from backends.journal.sql import SqlJournal
from backends.journal.sqlite import SqliteJournal

FILE, URL = "journal.db", "journal.url"


def use_database(folder: Path, url: str) -> None:
    """From now on the folder's journal is an empty one in this database."""
    (folder / URL).write_text(url)
    with tables(folder) as db:
        db.execute("DROP SCHEMA IF EXISTS modeldeck CASCADE")


def open_journal(folder: Path, **options: Any) -> SqlJournal:
    if (folder / URL).exists():
        return PostgresJournal((folder / URL).read_text(), **options)
    return SqliteJournal(folder / FILE, **options)


@contextmanager
def tables(folder: Path) -> Iterator[Any]:
    """A connection to the journal's tables, without its code; `execute` takes `?` or `%s`."""
    if not (folder / URL).exists():
        with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as file:
            file.row_factory = sqlite3.Row
            yield file
        return
    import psycopg
    from psycopg.rows import dict_row

    url, path = (folder / URL).read_text(), "-csearch_path=modeldeck -cclient_min_messages=error"
    with closing(psycopg.connect(url, autocommit=True, options=path, row_factory=dict_row)) as db:
        yield db


def rows(folder: Path, query: str, *values: Any) -> list[Any]:
    """What the tables hold; nothing where a console was killed before it had made them."""
    if (folder / URL).exists():
        with tables(folder) as db:
            made = db.execute("SELECT to_regclass('modeldeck_version') AS made").fetchone()["made"]
            return db.execute(query.replace("?", "%s"), values).fetchall() if made else []
    if not (folder / FILE).exists():
        return []
    with tables(folder) as db:
        made = db.execute("PRAGMA user_version").fetchone()[0]
        return db.execute(query, values).fetchall() if made else []


def let_leases_expire(folder: Path, seconds: float) -> None:
    if rows(folder, "SELECT 1 FROM lease"):
        with tables(folder) as db:
            db.execute(f"UPDATE lease SET expires = expires - {seconds:f}")
