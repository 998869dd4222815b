"""Where a journal of the tests lies: a file, or a database of its own on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.journal.postgres import PostgresJournal
from backends.journal.sql import SqlJournal
from backends.journal.sqlite import SqliteJournal


@dataclass(frozen=True)
class Place:
    """One journal, which any number of consoles open."""

    config: str
    """The lines of the config that name it."""
    _open: Callable[..., SqlJournal]

    def open(self, **options: Any) -> SqlJournal:
        return self._open(**options)


def file_place(file: Path) -> Place:
    return Place(f'[journal]\npath = "{file}"\n', lambda **options: SqliteJournal(file, **options))


def database_place(url: str) -> Place:
    return Place(f'[journal]\nurl = "{url}"\n', lambda **options: PostgresJournal(url, **options))
