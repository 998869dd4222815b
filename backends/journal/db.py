"""What the journal's SQL asks of a database, so that one set of statements serves every one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Row(Protocol):
    def __getitem__(self, key: str, /) -> Any: ...


class Db(Protocol):
    """One transaction on a database. Statements have `?` for each parameter, and are written so
    that SQLite and PostgreSQL take them alike."""

    def execute(self, sql: str, params: Sequence[Any] = (), /) -> Sequence[Row]:
        """What the statement answers; nothing for one that only writes."""

    def one(self, sql: str, params: Sequence[Any] = (), /) -> Row | None:
        """The first row, if there is one."""

    def insert(self, sql: str, params: Sequence[Any] = (), /) -> int:
        """Insert one row into a table whose rows the database numbers; its `number`.

        Not by RETURNING, which the SQLite of a still supported RHEL lacks.
        """

    def now(self) -> float:
        """Seconds since the epoch by the database's own clock, which all holders share."""


def marks(values: Sequence[Any]) -> str:
    """`(?, ?)` for as many values."""
    return f"({', '.join('?' * len(values))})"
