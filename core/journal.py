"""Where the journal lies: `[journal]` in the config, and what that is worth."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.schema import Problem, Secret

URL = ("postgresql://", "postgres://")
_SECRET = {"password", "sslpassword", "oauth_client_secret"}
_EXAMPLE = "postgresql://USER@HOST/DATABASE"


@dataclass(frozen=True, slots=True)
class JournalConfig:
    path: str | None = None
    """Where the SQLite file lies; None is the user's state folder."""
    url: str | None = None
    """A PostgreSQL database instead, for a team. Without any secret in it."""
    schema: str = "modeldeck"
    """That of the database in which the tables are made; those who name another share nothing."""
    password: Secret | None = None

    @property
    def shared(self) -> bool:
        return self.url is not None

    @property
    def lease(self) -> str:
        """Whom a lease of this journal holds off."""
        if self.shared:
            return "lease: shared by everybody who uses this database"
        return "lease: this account only"


def journal_problems(config: JournalConfig) -> list[Problem]:
    """What is wrong, without a word of what may be a secret."""
    found = list[Problem]()

    def bad(key: str, said: str) -> None:
        found.append(Problem(("journal", key), said))

    if config.path is not None and config.path.startswith(URL):
        bad("path", f'names a file; write url = "{_EXAMPLE}" for a PostgreSQL database')
    if config.url is None:
        if config.password is not None:
            bad("password", "belongs to a url, and there is none")
        return found
    if config.path is not None:
        bad("url", "and path both say where the journal lies; leave one of them out")
    if not config.url.startswith(URL):
        bad("url", f'is no URL of PostgreSQL; write "{_EXAMPLE}"')
    elif _has_secret(config.url):
        bad(
            "url",
            'holds a password, a port that is no number, or an "@" that is to be written "%40";'
            " leave a password out and write"
            ' password = { env = "NAME" }, or set PGPASSWORD, or keep it in ~/.pgpass',
        )
    if not re.fullmatch(r"(?!pg_)[a-z_][a-z0-9_]{0,62}", config.schema):
        bad("schema", 'takes small letters, digits and "_", such as "modeldeck_prod"')
    return found


def _has_secret(url: str) -> bool:
    from urllib.parse import parse_qsl

    rest = url.partition("://")[2]
    user, _, place = rest.rpartition("@")
    named = {key.lower() for key, _ in parse_qsl(rest.partition("?")[2], keep_blank_values=True)}
    hosts = re.split(r"[/?]", place, maxsplit=1)[0].split(",")
    # Without its "@host" a password stands where the port does.
    ports = (re.sub(r"^\[[^]]*\]", "", host).partition(":") for host in hosts)
    odd = any(colon and not re.fullmatch(r"[0-9]+", port) for _, colon, port in ports)
    return ":" in user or odd or bool(named & _SECRET)
