"""What PostgreSQL's errors mean for whoever runs modeldeck, and what to do about them."""

from __future__ import annotations

import psycopg
from psycopg import errors

from core.errors import BackendError, Timeout, Unreachable

Told = tuple[type[BackendError], str, str]
_LOGIN = (
    'the user stands in the url; the password comes from [journal] password = { env = "NAME" },'
    " PGPASSWORD or ~/.pgpass"
)
_RIGHTS = "the role needs the rights that docs/architecture.md lists under `Two journals`"
_UP = "is the server up, and do host and port in [journal] url lead there?"
_STATES: tuple[tuple[type[psycopg.Error], str, str], ...] = (
    (errors.InsufficientPrivilege, "does not let this role do it", _RIGHTS),
    (
        errors.ReadOnlySqlTransaction,
        "takes no writes: it is a standby, or set read-only",
        "name the primary, or write ?target_session_attrs=read-write after several hosts",
    ),
    (errors.DiskFull, "has a full disk", "make room there; what was read stays right"),
    (errors.TooManyConnections, "has no connection left", "raise max_connections, or close some"),
    (errors.UntranslatableCharacter, "cannot keep every character", "use a database in UTF8"),
)
_CONNECTING: tuple[tuple[str, str, str], ...] = (
    ("password authentication failed", "refuses the password", _LOGIN),
    ("no password supplied", "asks for a password, and there is none", _LOGIN),
    ("pg_hba.conf", "lets this user or host not in", _LOGIN),
    ('role "', "does not know the user", _LOGIN),
    ('database "', "has no such database", "CREATE DATABASE makes it, or name another in the url"),
    (
        "definition of service",
        "is named by a service that libpq does not find",
        "look into ~/.pg_service.conf",
    ),
    ("ertificate", "cannot be trusted", "sslrootcert and sslmode in the url say whom to trust"),
)


def explain(error: Exception, path: str) -> Told:
    """The kind of error, what to say of the database at `path`, and a hint."""
    line = first_line(error)
    for state, meaning, hint in _STATES:
        if isinstance(error, state):
            return BackendError, f"{path} {meaning} ({line})", hint
    if isinstance(error, errors.LockNotAvailable):
        said = f"{path} was locked by another program's write for too long"
        return BackendError, said, "try again"
    if isinstance(error, errors.QueryCanceled):
        return Timeout, f"{path} took too long ({line})", "try again; is the server overloaded?"
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return Timeout, f"{path} did not answer in time", _UP
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        # The text could repeat the URL with whatever it holds.
        hint = "write it as postgresql://USER@HOST/DATABASE"
        return BackendError, "the url of the journal is not understood", hint
    if isinstance(error, psycopg.OperationalError):
        for words, meaning, hint in _CONNECTING:
            if words in line:
                return Unreachable, f"{path} {meaning} ({line})", hint
        return Unreachable, f"{path} cannot be reached ({line})", _UP
    return BackendError, f"{path}: {line}", "modeldeck doctor asks it again"


def first_line(error: Exception) -> str:
    """The words that say what happened: libpq puts the address before them and advice below."""
    lines = [text.strip() for text in str(error).splitlines() if text.strip()]
    failed = [text for text in lines if "failed: " in text]
    line = failed[-1].rpartition("failed: ")[2] if failed else (lines[0] if lines else "")
    return line.removeprefix("FATAL:").removeprefix("ERROR:").strip() or type(error).__name__
