"""The journal in one SQLite file: WAL, synchronous=FULL, 0600 in a folder 0700."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import TypeVar

from backends.journal.base import LEASE_SECONDS
from backends.journal.db import Db
from backends.journal.opening import BUSY_SECONDS, SqliteDb, look, open_for_writing, transaction
from backends.journal.place import writer
from backends.journal.schema import MIGRATIONS
from backends.journal.sql import Call, SqlJournal
from core.errors import BackendError

T = TypeVar("T")
_DAMAGED = "move the file away to start a new one: what is live stays live, its history is in there"


class SqliteJournal(SqlJournal):
    """One account's journal on one host. To `read_only` a missing file is empty."""

    damaged = _DAMAGED

    def __init__(
        self, path: Path, *, read_only: bool = False, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        super().__init__(str(path), read_only=read_only, lease_seconds=lease_seconds)
        self._file = path
        self._db: sqlite3.Connection | None = None

    def _perform(self, call: Call[T]) -> T:
        try:
            if self._read_only:
                return look(self._file, call.work)
            if self._db is None:
                self._db = open_for_writing(self._file)
            with transaction(self._db, write=call.write):
                return call.work(SqliteDb(self._db))
        except (sqlite3.Error, OSError) as error:
            raise self._trouble(call.what, error) from error

    def _touch(self, db: Db) -> None:
        db.execute(f"PRAGMA user_version={len(MIGRATIONS)}")

    def _disconnect(self) -> None:
        if self._db is not None:
            db, self._db = self._db, None
            db.close()

    def _trouble(self, what: str, error: Exception) -> BackendError:
        said = getattr(error, "strerror", None) or str(error)
        hint = f"is {self._file.parent} writable, and is there room on its disk?"
        if any(word in said for word in ("readonly", "read-only", "unable to open", "denied")):
            said = f"{self.path} cannot be {'read' if self._read_only else 'written'}"
        elif "full" in said or getattr(error, "errno", None) == errno.ENOSPC:
            said = f"the disk of {self.path} is full"
            hint = "make room, then try again; what was read stays right"
        elif "locked" in said:
            said = f"{self.path} was locked by another process for {BUSY_SECONDS:g} s"
            who = writer(self._file) or "another process of this machine"
            hint = f"{who} holds it: `modeldeck doctor` names who has a change open"
        elif "not a database" in said or "malformed" in said:
            said = f"{self.path} is no journal, or is damaged ({said})"
            hint = _DAMAGED
        else:
            said = f"{self.path}: {said}"
        return self._error(what, said, hint)
