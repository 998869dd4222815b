"""What happened: changes of ours, changes from outside, and releases, as lines of one story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

EVERY = "*"
"""The service of what concerns every service."""

Origin = Literal["modeldeck", "ledger", "outside"]
"""`ledger`: another machine's modeldeck, as the registry's ledger tells it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of "what changed", newest first in lists.

    An outside change happened between `after` and `at`: a poll saw the old value at `after`
    and the new one at `at`, and no change of ours made it. `actor` is "" where nobody can tell.
    Approvals and freezes are events without a change; `service` is EVERY for a freeze of all.
    """

    at: datetime
    service: str
    what: str
    actor: str
    origin: Origin = "modeldeck"
    after: datetime | None = None
    change: int | None = None
    kind: str = ""
    state: str = ""
    reason: str = ""
    release: int | None = None
    approval: str = ""
    """The approval that let it through, such as "A-12"."""
    override: str = ""
    """Why somebody went ahead against a freeze or without an approval."""
    entry: int | None = None
    """Its number in the ledger of the model."""

    @property
    def source(self) -> str:
        """What tells of it: "change 214", "ledger 4"; "" where it is neither."""
        if self.entry is not None:
            return f"ledger {self.entry}"
        return f"change {self.change}" if self.change is not None else ""

    @property
    def moved(self) -> bool:
        """Whether it set anything, which a request, an answer and a freeze do not."""
        return self.origin != "modeldeck" or self.change is not None

    def of(self, service: str) -> bool:
        """Whether it concerns the service; "" asks for all."""
        return service == "" or self.service in (service, EVERY)


@dataclass(frozen=True, slots=True)
class Release:
    """What served together; taken when one version has 100 % and nothing is shadowed."""

    number: int
    service: str
    taken: datetime
    version: str
    prompts: Mapping[str, str] = field(default_factory=dict)
    """NAME@ALIAS to the prompt version."""
    indexes: Mapping[str, str] = field(default_factory=dict)
    routing: Mapping[str, int] = field(default_factory=dict)
    """Version to basis points of live traffic."""
    change: int | None = None
    """The change that made it; None where it was found as it is."""
    by: str = ""
    watched_ok: float = 0.0
    """Seconds that it served healthily while somebody watched."""
    watched_bad: float = 0.0

    @property
    def name(self) -> str:
        return f"r{self.number}"

    def good(self, good_after: float) -> bool:
        return self.watched_ok >= good_after

    def same_content(self, other: Release) -> bool:
        return (self.version, dict(self.prompts), dict(self.indexes)) == (
            other.version,
            dict(other.prompts),
            dict(other.indexes),
        )


@dataclass(frozen=True, slots=True)
class WaysBack:
    """What the operator can go back to, for the overview: one line each, or why there is none."""

    rollback: str
    can_rollback: bool
    abort: str
    can_abort: bool
