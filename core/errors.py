"""The errors that a user can meet.

ModeldeckError
├── UsageError      2   the command line or the config is wrong
├── Refused         3   read-only, a gate that was not passed, a missing confirmation
├── Conflict        4   what is live is not what the plan was made from, or someone holds it
├── BackendError    5   a backend could not be reached or answered with an error
│   ├── Unreachable     nothing listens there: the request had no effect
│   ├── Timeout         no answer in time: whether the request had an effect is not known
│   ├── BadAnswer       an answer that is not what the protocol says
│   └── Denied          the backend understood and said no
└── Unfinished      6   stopped half-way: the journal knows, `modeldeck recover` goes on or says how
"""

from __future__ import annotations

from core.redaction import redact

EXIT_OK = 0
EXIT_NO = 1
EXIT_INTERRUPTED = 130


class ModeldeckError(Exception):
    """What failed, and what to do next; never shown with a traceback, and without any secret."""

    exit_code: int = EXIT_NO
    code: str = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = redact(message)
        self.hint = hint and redact(hint)
        super().__init__(self.message)


class UsageError(ModeldeckError):
    exit_code = 2
    code = "usage"


class Refused(ModeldeckError):
    exit_code = 3
    code = "refused"


class Conflict(ModeldeckError):
    exit_code = 4
    code = "conflict"


class BackendError(ModeldeckError):
    """`backend` names the system and its address, `operation` what was asked of it."""

    exit_code = 5
    code = "backend"

    def __init__(
        self, message: str, *, backend: str, operation: str = "", hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.backend = backend
        self.operation = operation
        self.http_status: int | None = None
        """What a server over HTTP refused with; None where it did not come to that."""


class Unreachable(BackendError):
    code = "unreachable"


class Timeout(BackendError):
    code = "timeout"


class BadAnswer(BackendError):
    code = "bad_answer"


class Denied(BackendError):
    code = "denied"


class Unfinished(ModeldeckError):
    exit_code = 6
    code = "unfinished"


def nearest(word: str, known: object) -> str:
    """The closest of the known words as " Did you mean …?", or nothing when none is close."""
    from collections.abc import Iterable
    from difflib import get_close_matches

    words = [str(item) for item in known] if isinstance(known, Iterable) else []
    close = get_close_matches(word, words, n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""
