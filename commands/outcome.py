"""How a change ends, and what was seen of it."""

from __future__ import annotations

from dataclasses import dataclass

from backends.journal.base import Change, ChangeState
from core.errors import EXIT_INTERRUPTED, EXIT_NO, Conflict, ModeldeckError, Unfinished


class Interrupted(ModeldeckError):
    """The operator, or a signal, asked to stop."""

    exit_code = EXIT_INTERRUPTED
    code = "interrupted"


class NotSeen(ModeldeckError):
    """What was written is not what arrives."""

    exit_code = EXIT_NO
    code = "not_seen"


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether the plan's effect was seen from outside; `against` is evidence that it is not so."""

    verified: bool
    text: str = ""
    against: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a change ended."""

    change: Change
    state: ChangeState
    verified: bool
    text: str
    cause: ModeldeckError | None = None

    @classmethod
    def repeated(cls, change: Change) -> Outcome:
        """Of an earlier change with the same key: how that one ended."""
        said = f"change {change.number} with this key: {change.note}".rstrip(": ")
        return cls(change, change.state, change.verified, said)

    @property
    def exit_code(self) -> int:
        if self.state == "done":
            # What others went on from stands, whatever was seen of it and whoever interrupted it.
            return self.cause.exit_code if isinstance(self.cause, NotSeen | Interrupted) else 0
        if self.state in ("unfinished", "needs_person", "running"):
            return Unfinished.exit_code
        if self.state == "conflict":
            return Conflict.exit_code
        return self.cause.exit_code if self.cause else EXIT_NO
