"""The journal in one SQLite file: WAL, synchronous=FULL, 0600 in a folder 0700."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from backends.journal import changes, records, stored
from backends.journal.base import LEASE_SECONDS, Change, ChangeState, StepState, Verdict
from backends.journal.kept import kept, kept_readings, kept_verdicts
from backends.journal.opening import BUSY_SECONDS, look, open_for_writing, transaction
from backends.journal.place import writer
from backends.journal.schema import MIGRATIONS
from backends.journal.sqlite_policy import SqlitePolicy
from core.errors import BackendError, ModeldeckError, Refused
from core.history import Event, Release
from core.plan import Plan
from core.redaction import redact
from core.refs import Ref, Value

T = TypeVar("T")
_DAMAGED = "move the file away to start a new one: what is live stays live, its history is in there"


class SqliteJournal(SqlitePolicy):
    """The Journal of `backends.journal.base` on one dedicated thread.

    With `read_only` nothing is created or written, a missing file is empty, and every call that
    would write raises Refused.
    """

    def __init__(
        self, path: Path, *, read_only: bool = False, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self.path = str(path)
        self.lease_seconds = lease_seconds
        self._file = path
        self._read_only = read_only
        self._db: sqlite3.Connection | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def _run(
        self, what: str, work: Callable[[sqlite3.Connection], T], *, write: bool = True
    ) -> T:
        """`work` in one transaction on the journal's own thread; reading waits for nobody."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._transact, what, work, write
        )

    def _transact(self, what: str, work: Callable[[sqlite3.Connection], T], write: bool) -> T:
        if self._read_only and write:
            raise Refused(f"{what}: {self.path} is open for reading only; nothing was changed")
        try:
            if self._read_only:
                return look(self._file, work)
            db = self._open()
            with transaction(db, write=write):
                return work(db)
        except ModeldeckError:
            raise
        except (sqlite3.Error, OSError) as error:
            raise self._trouble(what, error) from error
        except (ValueError, KeyError, TypeError) as error:
            said = f"{self.path} holds a record that cannot be understood ({error})"
            raise self._error(what, said, _DAMAGED) from error

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = open_for_writing(self._file)
        return self._db

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

    def _error(self, what: str, said: str, hint: str) -> BackendError:
        # Only before the first step is this certain.
        end = "; nothing was changed" if what == "begin a change" else ""
        return BackendError(f"{what}: {said}{end}", backend="journal", operation=what, hint=hint)

    async def begin(
        self, plan: Plan, *, actor: str, reason: str, command: str, key: str | None, holder: str
    ) -> Change:
        return await self._run(
            "begin a change",
            lambda db: changes.begin(
                db,
                kept(plan),
                redact(actor),
                redact(reason),
                redact(command),
                key,
                holder,
                self.lease_seconds,
                self.clock(db),
            ),
        )

    async def renew(self, change: Change) -> None:
        await self._run("hold the lease", lambda db: changes.renew(db, change, self.lease_seconds))

    async def step(self, change: Change, index: int, state: StepState, note: str = "") -> None:
        await self._run(
            "record a step",
            lambda db: changes.step(db, change, index, state, redact(note), self.lease_seconds),
        )

    async def turn_back(self, change: Change) -> None:
        await self._run("record the undo", lambda db: changes.turn_back(db, change))

    async def finish(
        self, change: Change, state: ChangeState, *, verified: bool, note: str, release: int | None
    ) -> None:
        await self._run(
            "record the result",
            lambda db: changes.finish(db, change, state, verified, redact(note), release),
        )

    async def take_over(self, number: int, holder: str) -> Change:
        return await self._run(
            "take a change over",
            lambda db: changes.take_over(db, number, holder, self.lease_seconds),
        )

    async def change(self, number: int) -> Change | None:
        return await self._run("read a change", lambda db: stored.read(db, number), write=False)

    async def keyed(self, key: str) -> Change | None:
        return await self._run("read a change", lambda db: changes.keyed(db, key), write=False)

    async def changes(self, service: str | None, *, limit: int = 50) -> Sequence[Change]:
        return await self._run(
            "read changes", lambda db: stored.listed(db, service, limit), write=False
        )

    async def open_changes(self) -> Sequence[Change]:
        return await self._run("read open changes", stored.open_ones, write=False)

    async def unsettled(self) -> Sequence[Change]:
        return await self._run("read unsettled changes", stored.unsettled, write=False)

    async def events(self, service: str | None, since: datetime) -> Sequence[Event]:
        return await self._run(
            "read what changed",
            lambda db: records.events(db, service, since.timestamp(), self.clock(db)),
            write=False,
        )

    async def add_release(self, release: Release) -> Release:
        return await self._run("record a release", lambda db: records.add_release(db, release))

    async def releases(self, service: str) -> Sequence[Release]:
        return await self._run(
            "read releases", lambda db: records.releases(db, service), write=False
        )

    async def note_readings(
        self, service: str, readings: Mapping[Ref, tuple[Value, str]], taken: datetime
    ) -> Sequence[Event]:
        return await self._run(
            "record readings",
            lambda db: records.note_readings(
                db, service, kept_readings(readings), taken.timestamp()
            ),
        )

    async def note_health(
        self, service: str, release: int | None, verdicts: Mapping[str, tuple[str, str]]
    ) -> None:
        await self._run(
            "record health",
            lambda db: records.note_health(db, service, release, kept_verdicts(verdicts)),
        )

    async def note_baseline(self, service: str, release: int, figures: Mapping[str, float]) -> None:
        await self._run(
            "record a baseline", lambda db: records.note_baseline(db, service, release, figures)
        )

    async def baseline(self, service: str, release: int) -> Mapping[str, float]:
        return await self._run(
            "read a baseline", lambda db: records.baseline(db, service, release), write=False
        )

    async def verdicts(self) -> Mapping[str, Sequence[Verdict]]:
        return await self._run("read verdicts", records.verdicts, write=False)

    async def check(self) -> Mapping[str, Any]:
        def count(db: sqlite3.Connection) -> dict[str, Any]:
            held = db.execute("SELECT ref, holder FROM lease").fetchall()
            number = db.execute("SELECT count(*) FROM change").fetchone()[0]
            return {"changes": number, "leases": {row["ref"]: row["holder"] for row in held}}

        return await self._run("open the journal", count, write=False)

    async def check_writable(self) -> None:
        # Written and kept, since a full disk shows nowhere else.
        await self._run("write", lambda db: db.execute(f"PRAGMA user_version={len(MIGRATIONS)}"))

    async def close(self) -> None:
        if self._thread is not None:
            thread, self._thread = self._thread, None
            if self._db is not None:
                db, self._db = self._db, None
                await asyncio.get_running_loop().run_in_executor(thread, db.close)
            thread.shutdown(wait=False)
