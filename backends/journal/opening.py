"""The journal's file: opened for writing and brought up to date, or only looked at."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from backends.journal.db import Db, Row
from backends.journal.place import prepare_folder
from backends.journal.schema import MIGRATIONS
from core.errors import BackendError

T = TypeVar("T")
BUSY_SECONDS = 5.0


def open_for_writing(file: Path) -> sqlite3.Connection:
    """The file, made where it is missing, with the newest tables."""
    prepare_folder(file)
    if not file.exists():
        # SQLite gives the files beside it the mode of this one.
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = _connect(f"{file.absolute().as_uri()}?mode=rw")
    try:
        _check_version(db, file)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        _migrate(db)
    except BaseException:
        db.close()
        raise
    return db


class SqliteDb:
    """`backends.journal.db.Db` on a connection within a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Sequence[Any] = (), /) -> Sequence[Row]:
        return self._connection.execute(sql, params).fetchall()

    def one(self, sql: str, params: Sequence[Any] = (), /) -> Row | None:
        row: Row | None = self._connection.execute(sql, params).fetchone()
        return row

    def insert(self, sql: str, params: Sequence[Any] = (), /) -> int:
        number = self._connection.execute(sql, params).lastrowid
        assert number is not None
        return number

    def now(self) -> float:
        row = self._connection.execute("SELECT (julianday('now') - 2440587.5) * 86400.0")
        return float(row.fetchone()[0])


def look_at_nothing(work: Callable[[Db], T]) -> T:
    """What `work`, which only reads, finds in a journal in which nothing was written yet."""
    with closing(_connect(":memory:")) as db:
        _migrate(db)
        return work(SqliteDb(db))


def look(file: Path, work: Callable[[Db], T]) -> T:
    """What `work`, which only reads, finds; a missing file is empty. Nothing is created."""
    if not file.exists() or not file.stat().st_size:
        return look_at_nothing(work)
    log = file.with_name(f"{file.name}-wal")
    if not log.exists():
        # Nobody has it open. SQLite would make a log to read it by, which an unwritable folder
        # does not allow; told that the file does not change it needs none.
        seen = _stamp(file)
        try:
            found = _look(file, "immutable=1", work)
        except sqlite3.DatabaseError:
            if not log.exists() and _stamp(file) == seen:
                raise
        else:
            if not log.exists() and _stamp(file) == seen:
                return found
    return _look(file, "mode=ro", work)


def _look(file: Path, how: str, work: Callable[[Db], T]) -> T:
    with closing(_connect(f"{file.absolute().as_uri()}?{how}")) as db:
        if _check_version(db, file) == len(MIGRATIONS):
            with transaction(db, write=False):
                return work(SqliteDb(db))
        # An older file is brought up to date in a copy.
        with closing(_connect(":memory:")) as copy:
            db.backup(copy)
            _migrate(copy)
            return work(SqliteDb(copy))


def _stamp(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _connect(target: str) -> sqlite3.Connection:
    db = sqlite3.connect(
        target,
        uri=target.startswith("file:"),
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    db.row_factory = sqlite3.Row
    return db


def _check_version(db: sqlite3.Connection, file: Path) -> int:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise BackendError(
            f"{file} was written by a newer modeldeck (schema {version})",
            backend="journal",
            operation="open",
            hint="update modeldeck on this machine, or name another journal in the config",
        )
    return version


def _migrate(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS):
        return
    with transaction(db, write=True):
        version = db.execute("PRAGMA user_version").fetchone()[0]
        for number in range(version, len(MIGRATIONS)):
            for statement in MIGRATIONS[number].split(";"):
                if statement.strip():
                    db.execute(statement)
        db.execute(f"PRAGMA user_version={len(MIGRATIONS)}")


@contextmanager
def transaction(db: sqlite3.Connection, *, write: bool) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        # A commit that fails, on a full disk say, leaves its transaction open.
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
