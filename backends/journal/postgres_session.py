"""One connection to PostgreSQL and the transactions on it. Imports psycopg, which takes its time."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from backends.journal.db import Db, Row
from backends.journal.postgres_schema import LAST, statements

T = TypeVar("T")
CONNECT_SECONDS = 3
IDLE_SECONDS = 3.0
"""A writer that stands still for so long is put out, so that no frozen program stops all others."""
LOCK_SECONDS = 4.0
STATEMENT_SECONDS = 5.0
ANSWER_SECONDS = 8.0
"""For a whole transaction, by this program's clock: a server that hangs keeps no time."""
_LOST = {"57P01", "57P02", "57P03", "57P05", "25P03"}
"""States in which the server ends the connection: it stops or starts, or we stood still."""


class Outdated(Exception):
    """The tables are of an older modeldeck; version 0 is that there are none."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


class TooNew(Outdated):
    """A newer modeldeck has been here."""


class Lost(Exception):
    """The connection ended. `silent`: because the server said nothing; `committing`: on the last
    word of a transaction, so that nobody knows whether that was written."""

    def __init__(self, error: psycopg.Error, *, silent: bool, committing: bool) -> None:
        super().__init__(str(error))
        self.error, self.silent, self.committing = error, silent, committing


class PostgresDb:
    """`backends.journal.db.Db` on a connection within a transaction.

    `time` is the database's at the moment the transaction had its turn: nobody else has written
    since, and each look at the clock would be one more way over the network.
    """

    def __init__(self, connection: psycopg.Connection[DictRow], time: float) -> None:
        self._connection, self._time = connection, time

    def execute(self, sql: str, params: Sequence[Any] = (), /) -> Sequence[Row]:
        cursor = self._connection.execute(_marked(sql), [_plain(value) for value in params])
        return cursor.fetchall() if cursor.description else []

    def one(self, sql: str, params: Sequence[Any] = (), /) -> Row | None:
        found = self.execute(sql, params)
        return found[0] if found else None

    def insert(self, sql: str, params: Sequence[Any] = (), /) -> int:
        (row,) = self.execute(f"{sql} RETURNING number", params)
        return int(row["number"])

    def now(self) -> float:
        return self._time


@functools.lru_cache(256)
def _marked(sql: str) -> bytes:
    return sql.replace("%", "%%").replace("?", "%s").encode()


def _plain(value: Any) -> Any:
    # The one character that PostgreSQL keeps in no text.
    return value.replace("\0", "\\x00") if isinstance(value, str) else value


class Session:
    """Its transactions see one schema alone. All settings are those of a transaction, so that a
    pooler may hand the connection around between them."""

    def __init__(self, url: str, schema: str, password: str | None) -> None:
        target = {
            "connect_timeout": CONNECT_SECONDS,
            "application_name": f"modeldeck {os.uname().nodename}:{os.getpid()}"[:63],
            "client_encoding": "UTF8",
            "tcp_user_timeout": int(ANSWER_SECONDS * 1000),
            **conninfo_to_dict(url),
        }
        if password is not None:
            target["password"] = password
        self._connection: psycopg.Connection[DictRow] = psycopg.connect(
            make_conninfo("", **target),
            autocommit=True,
            prepare_threshold=None,
            row_factory=dict_row,
        )
        self._schema = f'"{schema}"'
        # One writer at a time per schema, as one file has one writer.
        digest = hashlib.sha256(f"modeldeck {schema}".encode()).digest()
        self._lock = int.from_bytes(digest[:8]) >> 2

    def close(self) -> None:
        with contextlib.suppress(psycopg.Error):
            self._connection.close()

    def run(self, work: Callable[[Db], T], *, write: bool) -> T:
        """`work` in one transaction. Raises Outdated, TooNew, Lost, or what psycopg raises."""
        with self._transaction(write=write):
            asked = f"SELECT version, {_CLOCK} AS time FROM {self._schema}.modeldeck_version"
            try:
                row = self._open(f"{self._beginning(write=write)}; {asked}")
            except (errors.UndefinedTable, errors.InvalidSchemaName) as error:
                raise Outdated(0) from error
            _check_version(row["version"])
            return work(PostgresDb(self._connection, row["time"]))

    def migrate(self) -> None:
        """Make the tables, or bring them up to date; whoever comes second finds it done."""
        with self._transaction(write=True):
            version = f"{self._schema}.modeldeck_version"
            made = f"SELECT to_regnamespace('{self._schema}') IS NOT NULL AS made"
            if not self._open(f"{self._beginning(write=True)}; {made}")["made"]:
                self._say(f"CREATE SCHEMA {self._schema}")
            self._say(f"CREATE TABLE IF NOT EXISTS {version} (version BIGINT NOT NULL)")
            found = self._say(f"SELECT version FROM {version}").fetchone()
            if found is None:
                self._say(f"INSERT INTO {version} VALUES (0)")
            for number in range(found["version"] if found else 0, LAST):
                for statement in statements(number):
                    self._say(statement)
            self._say(f"UPDATE {version} SET version = {LAST} WHERE version < {LAST}")

    def writer(self) -> str:
        """Whoever holds the lock of the writers now, as far as this role may know; "" if nobody."""
        asked = (
            "SELECT coalesce(application_name, 'a program') AS name, usename, pid FROM pg_locks"
            " LEFT JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted"
            f" AND (classid::bigint << 32 | objid::bigint) = {self._lock}"
        )
        with contextlib.suppress(psycopg.Error), self._watched():
            row = self._say(asked).fetchone()
            if row is not None:
                return f"{row['name']} (role {row['usename']}, PostgreSQL's process {row['pid']})"
        return ""

    def _beginning(self, *, write: bool) -> str:
        """One message to the server; a statement each would be a way over the network each."""
        # A writer reads what was committed before it had the lock, and no older snapshot; a reader
        # sees one state and waits for nobody.
        how = "READ COMMITTED READ WRITE" if write else "REPEATABLE READ READ ONLY"
        said = [
            f"BEGIN ISOLATION LEVEL {how}",
            f"SET LOCAL search_path TO {self._schema}",
            f"SET LOCAL statement_timeout = {STATEMENT_SECONDS * 1000:.0f}",
            f"SET LOCAL lock_timeout = {LOCK_SECONDS * 1000:.0f}",
            f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_SECONDS * 1000:.0f}",
        ]
        if write:
            # An intent is on the disk before its write is sent, whatever the database is set to.
            said += [
                "SELECT set_config('synchronous_commit', 'on', true)"
                " WHERE current_setting('synchronous_commit') IN ('off', 'local')",
                f"SELECT pg_advisory_xact_lock({self._lock})",
            ]
        return "; ".join(said)

    def _open(self, statements: str) -> DictRow:
        """The row that the last of these statements answers."""
        cursor = self._say(statements)
        while cursor.nextset():
            pass
        row = cursor.fetchone()
        assert row is not None
        return row

    def _say(self, statement: str) -> psycopg.Cursor[DictRow]:
        return self._connection.execute(statement.encode())

    @contextlib.contextmanager
    def _transaction(self, *, write: bool) -> Iterator[None]:
        committing = False
        with self._watched() as watch:
            try:
                yield
                committing = write
                self._say("COMMIT")
            except BaseException as error:
                if isinstance(error, psycopg.Error) and self._ended(error):
                    raise Lost(error, silent=watch.fired, committing=committing) from error
                with contextlib.suppress(psycopg.Error):
                    self._say("ROLLBACK")
                raise

    def _ended(self, error: psycopg.Error) -> bool:
        state = error.sqlstate
        if state is None:
            return self._connection.closed or isinstance(error, psycopg.OperationalError)
        return self._connection.closed or state in _LOST or state.startswith("08")

    def _watched(self) -> _Watch:
        return _Watch(self._connection)


class _Watch:
    """Cuts the connection where the server has not answered in time: the thread that waits for it
    then learns of it as of any other lost connection."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self.fired = False
        self._connection = connection
        self._lock, self._over = threading.Lock(), False
        self._timer = threading.Timer(ANSWER_SECONDS, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> _Watch:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._over = True
        self._timer.cancel()

    def _cut(self) -> None:
        with self._lock, contextlib.suppress(OSError, psycopg.Error):
            if not self._over:
                self.fired = True
                with socket.socket(fileno=os.dup(self._connection.fileno())) as line:
                    line.shutdown(socket.SHUT_RDWR)


_CLOCK = "extract(epoch FROM clock_timestamp())::float8"


def _check_version(version: int) -> None:
    if version > LAST:
        raise TooNew(version)
    if version < LAST:
        raise Outdated(version)
