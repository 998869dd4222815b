"""The journal of a team, in a schema of a PostgreSQL database.

Writers come one after the other, as in one file: each takes the same lock of the database for its
transaction, which is all that `BEGIN IMMEDIATE` means. Whoever reads sees one state of everything.
The clock is the database's, so that the clocks of the consoles' machines may differ.

A connection that is lost is opened once more, and what had not been committed is done again. Where
it is lost on the commit itself nobody knows whether that was written. The new transaction then
waits for the same lock, and the old one holds it until it is decided, so that what it finds is the
truth: a change that was begun is found by its identity, a step or a lease that was written is
written as it is, a result is there. What done twice would stand there twice (an answer, a freeze, a
release) is not done again: the error says that nobody knows.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from backends import secrets
from backends.journal.base import LEASE_SECONDS
from backends.journal.db import Db
from backends.journal.opening import look_at_nothing
from backends.journal.sql import Call, SqlJournal
from core.errors import BackendError, Timeout
from core.schema import Secret

if TYPE_CHECKING:
    from backends.journal.postgres_session import Session

T = TypeVar("T")
RETURN_SECONDS = 5.0
"""How long a writer whose server went away waits for it: about as long as a restart takes."""


class PostgresJournal(SqlJournal):
    """The journal of all who use a database. To `read_only` one without tables is empty."""

    damaged = "nothing else writes these tables: ask whoever looks after the database"

    def __init__(
        self,
        url: str,
        *,
        schema: str = "modeldeck",
        password: Secret | None = None,
        read_only: bool = False,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        """`url` holds no secret: it is shown."""
        named = url if schema == "modeldeck" else f"{url} (schema {schema})"
        super().__init__(named, read_only=read_only, lease_seconds=lease_seconds)
        self._url, self._schema, self._password = url, schema, password
        self._session: Session | None = None
        self._failed: tuple[float, Exception] = (float("-inf"), Exception())
        """When it was last found that nobody can be asked, and how."""

    def _perform(self, call: Call[T]) -> T:
        what = call.what
        try:
            from psycopg import Error

            from backends.journal.postgres_session import Lost
        except ImportError as error:
            said = "PostgreSQL is spoken to with psycopg, which is not installed"
            raise self._error(what, said, "pip install 'modeldeck[postgres]'") from error
        unknown = False
        try:
            try:
                return self._once(call)
            except Lost as lost:
                self._disconnect()
                unknown = lost.committing
                if lost.silent and lost is not self._failed[1]:
                    told = Lost(lost.error, silent=True, committing=False)
                    self._failed = (time.monotonic(), told)
                if lost.silent or (unknown and not call.again):
                    raise
            self._reconnect(RETURN_SECONDS if call.write else 0.0)
            return self._once(call)
        except Lost as lost:
            self._disconnect()
            raise self._lost(what, lost, unknown=unknown or lost.committing) from lost
        except Error as error:
            raise self._trouble(what, error, unknown=unknown) from error

    def _once(self, call: Call[T]) -> T:
        from backends.journal.postgres_session import Outdated, TooNew

        if self._session is None and call.asked < self._failed[0]:
            # Whoever asked while that was found out is told the same, and need not wait for it too.
            raise self._failed[1]
        session = self._session or self._connect()
        try:
            try:
                return session.run(call.work, write=call.write)
            except TooNew:
                raise
            except Outdated as found:
                if self._read_only and found.version == 0:
                    return look_at_nothing(call.work)
                if self._read_only:
                    said = f"{self.path} was made by an older modeldeck (schema {found.version})"
                    hint = "a modeldeck that may write to it brings it up to date"
                    raise self._error(call.what, said, hint) from found
                session.migrate()
                return session.run(call.work, write=call.write)
        except TooNew as found:
            said = f"{self.path} was written by a newer modeldeck (schema {found.version})"
            hint = "update modeldeck on this machine, or name another journal in the config"
            raise self._error(call.what, said, hint) from found

    def _connect(self) -> Session:
        from psycopg import Error

        from backends.journal.postgres_session import Session

        try:
            self._session = Session(self._url, self._schema, secrets.load(self._password))
        except Error as error:
            self._failed = (time.monotonic(), error)
            raise
        return self._session

    def _reconnect(self, patience: float) -> None:
        from psycopg import OperationalError

        end = time.monotonic() + patience
        while True:
            try:
                self._connect()
            except OperationalError:
                if time.monotonic() >= end:
                    raise
                time.sleep(0.1)
            else:
                return

    def _lost(self, what: str, lost: Exception, *, unknown: bool) -> BackendError:
        from backends.journal.postgres_session import ANSWER_SECONDS, Lost
        from backends.journal.postgres_trouble import first_line

        assert isinstance(lost, Lost)
        kind: type[BackendError] = BackendError
        said = f"{self.path} ended the connection ({first_line(lost.error)})"
        if lost.silent:
            kind, said = Timeout, f"{self.path} did not answer within {ANSWER_SECONDS:g} s"
        hint = "is the server up? modeldeck doctor asks it"
        return self._uncertain(what, said, hint, kind, unknown)

    def _trouble(self, what: str, error: Exception, *, unknown: bool) -> BackendError:
        from psycopg import errors

        from backends.journal.postgres_trouble import explain

        kind, said, hint = explain(error, self.path)
        if isinstance(error, errors.LockNotAvailable) and self._session is not None:
            who = self._session.writer() or "another program"
            hint = f"{who} held it last; modeldeck doctor names who has a change open"
        return self._uncertain(what, said, hint, kind, unknown)

    def _uncertain(
        self, what: str, said: str, hint: str, kind: type[BackendError], unknown: bool
    ) -> BackendError:
        if not unknown:
            return self._error(what, said, hint, kind)
        said = f"{what}: {said}; whether this was recorded is not known"
        hint = f"{hint}; `modeldeck changes` and `modeldeck approvals` show what was recorded"
        return kind(said, backend="journal", operation=what, hint=hint)

    def _touch(self, db: Db) -> None:
        db.execute("UPDATE modeldeck_version SET version = version")

    def _disconnect(self) -> None:
        if self._session is not None:
            session, self._session = self._session, None
            session.close()
