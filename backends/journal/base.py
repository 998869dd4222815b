"""The journal's protocol: what was meant, done and seen. It explains the world, never shadows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from core.errors import Conflict
from core.freeze import Freeze
from core.history import Event, Release
from core.plan import Goal, Plan
from core.policy import AnswerVerdict, Approval, PolicyConfig
from core.refs import Ref, Value

StepState = Literal[
    "pending", "intent", "done", "found", "undo_intent", "undone", "foreign", "failed"
]
"""`found`: it was so before we came, and an undo leaves it; `foreign`: somebody else's value."""
ChangeState = Literal[
    "running", "done", "undone", "conflict", "unfinished", "needs_person", "superseded"
]
LEASE_SECONDS = 10.0
"""Longer than any request's timeout (`changes.md`, rule 8)."""


RECOVERED_BY = "recovered by "
"""How the note of a change begins that somebody took over to end it; the name follows."""


class LeaseLost(Conflict):
    """Another holder took the change over: nothing may be written any more."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True)
class Step:
    """One set of a change and how far it got."""

    index: int
    ref: Ref
    before: Value
    after: Value
    state: StepState
    note: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A plan that was begun. `epoch` grows whenever somebody takes it over."""

    id: str
    number: int
    plan: Plan
    goal: Literal["forward", "back", "undo"]
    state: ChangeState
    open: bool
    actor: str
    reason: str
    command: str
    key: str | None
    holder: str
    epoch: int
    created: datetime
    ended: datetime | None
    verified: bool
    note: str
    release: int | None
    steps: tuple[Step, ...]
    repeated: bool = False
    """This is an earlier change with the same key: nothing was begun."""
    running: bool = False
    """Whether its lease is still held."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of one layer of a service as a watcher last judged it."""

    layer: str
    state: str
    because: str
    taken: datetime
    since: datetime


class Journal(Protocol):
    """Every call raises BackendError with backend "journal" where the database cannot be used."""

    path: str
    lease_seconds: float

    async def begin(
        self, plan: Plan, *, actor: str, reason: str, command: str, key: str | None, holder: str
    ) -> Change:
        """Take the leases of all refs and write the whole plan, in one transaction.

        Raises Conflict where the service was changed since the plan's `standing`: what the plan
        found as it should be, and so does not set, may have been moved since.

        The same key with the same plan gives back the earlier change (`repeated`). Raises
        Conflict where somebody holds a ref or a cut-off change is open, UsageError where the key
        belongs to another plan, Refused where a freeze is on that the plan does not override, or
        where the approval that its evidence names does not let it through; that one is used up.
        LeaseLost where the connection was lost meanwhile, and others have gone on with the change.
        A plan that goes back supersedes a cut-off change, and is never refused, unless it leads to
        a release that has not proved good without overriding that.
        """

    async def renew(self, change: Change) -> None:
        """Hold the leases longer. Raises LeaseLost."""

    async def step(self, change: Change, index: int, state: StepState, note: str = "") -> None:
        """Record a step, and renew the lease in the same transaction. Raises LeaseLost."""

    async def turn_back(self, change: Change) -> None:
        """From now on the change is being undone. Raises LeaseLost."""

    async def finish(
        self, change: Change, state: ChangeState, *, verified: bool, note: str, release: int | None
    ) -> None:
        """Record the result and give the leases back. Raises LeaseLost."""

    async def take_over(self, number: int, holder: str) -> Change:
        """An open change whose holder is gone, or one that left its service half-way and is the
        service's last. Raises Conflict while it is still held."""

    async def change(self, number: int) -> Change | None: ...

    async def standing(self, service: str) -> str:
        """A token of how the service's newest change stands, for `Plan.standing`; another one once
        anybody has begun another change, or gone on with that one."""

    async def keyed(self, key: str) -> Change | None:
        """The change that was begun with this key, as `repeated`."""

    async def changes(self, service: str | None, *, limit: int = 50) -> Sequence[Change]:
        """Newest first."""

    async def open_changes(self) -> Sequence[Change]: ...

    async def unsettled(self) -> Sequence[Change]:
        """The open changes, and those that left a service half-way (`needs_person`) where no
        later change of it was done; oldest first."""

    async def ask_approval(
        self, plan: Plan, *, actor: str, reason: str, command: str, needed: int, lasts: float
    ) -> Approval:
        """A request for `needed` approvals that counts for `lasts` seconds.

        Asked again by the same person while it counts, it is the same request.
        """

    async def approval(self, number: int) -> tuple[Approval, datetime]:
        """The request, and the time that it is for the journal. Raises UsageError where there is
        none."""

    async def answer_approval(
        self,
        number: int,
        *,
        actor: str,
        verdict: AnswerVerdict,
        reason: str,
        policy: PolicyConfig | None = None,
    ) -> Approval:
        """The request with this answer. Raises Refused where the requester answers, or where it
        no longer counts, under `policy` too; UsageError where there is none."""

    async def approvals(
        self, service: str | None, *, limit: int = 50, expired: bool = True
    ) -> tuple[Sequence[Approval], datetime]:
        """Newest first, whatever became of them, and the time that it is for the journal.

        Without `expired` those alone whose time is not over.
        """

    async def freeze(self, service: str, *, until: datetime, actor: str, reason: str) -> Freeze:
        """Freeze a service, or `core.freeze.EVERY`."""

    async def unfreeze(self, service: str, *, actor: str, reason: str) -> Sequence[Freeze]:
        """End the freezes of this service, or those of every service; which they were."""

    async def freezes(self) -> tuple[Sequence[Freeze], datetime]:
        """Those that are on, and the time that it is for the journal."""

    async def events(self, service: str | None, since: datetime) -> Sequence[Event]:
        """Changes of ours and from outside, approvals and freezes, newest first."""

    async def add_release(self, release: Release) -> Release:
        """The release with its number: one more than the service's last."""

    async def releases(self, service: str) -> Sequence[Release]:
        """Newest first, with the seconds that each was watched healthy and not."""

    async def note_readings(
        self, service: str, readings: Mapping[Ref, tuple[Value, str]], taken: datetime
    ) -> Sequence[Event]:
        """Compare refs with their last reading; differences that no change made are recorded and
        returned. `taken` is when the poll began; the string beside a value says who, if known."""

    async def note_health(
        self, service: str, release: int | None, verdicts: Mapping[str, tuple[str, str]]
    ) -> None:
        """The states of the layers as judged now, and whether the release was seen healthy."""

    async def note_baseline(self, service: str, release: int, figures: Mapping[str, float]) -> None:
        """What the figures of the whole service are while the release serves healthily."""

    async def baseline(self, service: str, release: int) -> Mapping[str, float]:
        """The figures last noted for the release, by concept; empty where there are none."""

    async def verdicts(self) -> Mapping[str, Sequence[Verdict]]:
        """The last verdict per service and layer."""

    async def check(self) -> Mapping[str, Any]:
        """How many changes there are, and who holds leases; also while somebody else writes."""

    async def check_writable(self) -> None:
        """Raises BackendError where nothing can be recorded now."""

    async def close(self) -> None: ...


def direction(goal: Goal) -> Literal["forward", "back"]:
    return "back" if goal == "back" else "forward"
