"""The journal in a database that speaks SQL, whichever it is."""

from __future__ import annotations

import asyncio
import os
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from backends.journal import changes, records, stored
from backends.journal.base import LEASE_SECONDS, Change, ChangeState, StepState, Verdict
from backends.journal.db import Db
from backends.journal.kept import kept, kept_readings, kept_verdicts
from backends.journal.sql_policy import SqlPolicy
from core.errors import BackendError, ModeldeckError, Refused
from core.history import Event, Release
from core.plan import Plan
from core.redaction import redact
from core.refs import Ref, Value
from core.ulid import ulid

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """Something that is asked of the journal: `work`, in one transaction."""

    what: str
    work: Callable[[Db], T]
    write: bool
    again: bool
    """Done twice it is as if done once, so that it may be where nobody knows whether the first was
    written."""
    asked: float = field(default_factory=time.monotonic)


class SqlJournal(SqlPolicy):
    """The Journal of `backends.journal.base` on one dedicated thread.

    With `read_only` nothing is created or written, and every call that would write raises Refused.
    An adapter opens its database, and runs `work` in one transaction of it.
    """

    damaged: str
    """What to do where a record cannot be understood."""

    def __init__(
        self, path: str, *, read_only: bool = False, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self.path = path
        self.lease_seconds = lease_seconds
        self._read_only = read_only
        self._thread: ThreadPoolExecutor | None = None

    @abstractmethod
    def _perform(self, call: Call[T]) -> T:
        """Do it; calls that write come one after the other, whoever makes them.

        Raises BackendError where the database fails.
        """

    @abstractmethod
    def _touch(self, db: Db) -> None:
        """Write something that changes nothing."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Close what was opened."""

    async def _run(
        self, what: str, work: Callable[[Db], T], *, write: bool = True, again: bool = False
    ) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._transact, Call(what, work, write, again)
        )

    def _transact(self, call: Call[T]) -> T:
        if self._read_only and call.write:
            said = f"{call.what}: {self.path} is open for reading only; nothing was changed"
            raise Refused(said)
        try:
            return self._perform(call)
        except ModeldeckError:
            raise
        except (ValueError, KeyError, TypeError) as error:
            said = f"{self.path} holds a record that cannot be understood ({error})"
            raise self._error(call.what, said, self.damaged) from error

    def _error(
        self, what: str, said: str, hint: str, kind: type[BackendError] = BackendError
    ) -> BackendError:
        # Only before the first step is this certain.
        end = "; nothing was changed" if what == "begin a change" else ""
        return kind(f"{what}: {said}{end}", backend="journal", operation=what, hint=hint)

    async def begin(
        self, plan: Plan, *, actor: str, reason: str, command: str, key: str | None, holder: str
    ) -> Change:
        # Drawn here, so that a change whose commit nobody heard of is found again.
        identity = ulid(int(time.time() * 1000), int.from_bytes(os.urandom(10)))
        return await self._run(
            "begin a change",
            lambda db: changes.begin(
                db,
                identity,
                kept(plan),
                redact(actor),
                redact(reason),
                redact(command),
                key,
                holder,
                self.lease_seconds,
                self.clock(db),
            ),
            again=True,
        )

    async def renew(self, change: Change) -> None:
        await self._run(
            "hold the lease", lambda db: changes.renew(db, change, self.lease_seconds), again=True
        )

    async def step(self, change: Change, index: int, state: StepState, note: str = "") -> None:
        await self._run(
            "record a step",
            lambda db: changes.step(db, change, index, state, redact(note), self.lease_seconds),
            again=True,
        )

    async def turn_back(self, change: Change) -> None:
        await self._run("record the undo", lambda db: changes.turn_back(db, change), again=True)

    async def finish(
        self, change: Change, state: ChangeState, *, verified: bool, note: str, release: int | None
    ) -> None:
        await self._run(
            "record the result",
            lambda db: changes.finish(db, change, state, verified, redact(note), release),
            again=True,
        )

    async def take_over(self, number: int, holder: str) -> Change:
        return await self._run(
            "take a change over",
            lambda db: changes.take_over(db, number, holder, self.lease_seconds),
        )

    async def change(self, number: int) -> Change | None:
        return await self._run("read a change", lambda db: stored.read(db, number), write=False)

    async def standing(self, service: str) -> str:
        return await self._run(
            "read the newest change", lambda db: changes.standing(db, service), write=False
        )

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
                db, service, kept_readings(readings), _by_its_clock(db, taken)
            ),
            again=True,
        )

    async def note_health(
        self, service: str, release: int | None, verdicts: Mapping[str, tuple[str, str]]
    ) -> None:
        await self._run(
            "record health",
            lambda db: records.note_health(db, service, release, kept_verdicts(verdicts)),
            again=True,
        )

    async def note_baseline(self, service: str, release: int, figures: Mapping[str, float]) -> None:
        await self._run(
            "record a baseline",
            lambda db: records.note_baseline(db, service, release, figures),
            again=True,
        )

    async def baseline(self, service: str, release: int) -> Mapping[str, float]:
        return await self._run(
            "read a baseline", lambda db: records.baseline(db, service, release), write=False
        )

    async def verdicts(self) -> Mapping[str, Sequence[Verdict]]:
        return await self._run("read verdicts", records.verdicts, write=False)

    async def check(self) -> Mapping[str, Any]:
        def count(db: Db) -> dict[str, Any]:
            held = db.execute("SELECT ref, holder FROM lease ORDER BY ref")
            (found,) = db.execute("SELECT count(*) AS number FROM change")
            return {
                "changes": found["number"],
                "leases": {row["ref"]: row["holder"] for row in held},
            }

        return await self._run("open the journal", count, write=False)

    async def check_writable(self) -> None:
        # Written and kept, since a full disk shows nowhere else.
        await self._run("write", self._touch, again=True)

    async def close(self) -> None:
        if self._thread is not None:
            thread, self._thread = self._thread, None
            await asyncio.get_running_loop().run_in_executor(thread, self._disconnect)
            thread.shutdown(wait=False)


def _by_its_clock(db: Db, taken: datetime) -> float:
    """A moment of this machine's clock on the database's, which may be another machine's.

    Both are asked now, the own one last: a reading is rather taken for too old than for too new.
    """
    there = db.now()
    return there - (time.time() - taken.timestamp())
