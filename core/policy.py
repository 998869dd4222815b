"""Who may promote: `[services.NAME.policy]`, and approvals that are bound to one exact plan."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from core import units
from core.errors import Refused, UsageError
from core.plan import Plan
from core.refs import show
from core.schema import Duration
from core.trigger import DriftRule
from core.units import show_time

Mode = Literal["automatic", "approved"]
AnswerVerdict = Literal["approved", "rejected"]
ApprovalState = Literal["waiting", "approved", "rejected", "expired", "used"]


UNPROVED = "unproved"
"""The evidence of a rollback to a release for which nothing speaks: `because`, in words, and
`instead`, the release that a rollback leads to that names none."""
PROMOTION = "promotion"
"""The evidence of a plan that gives a version more traffic than one gets without the gate."""

_ADVISORY = "advisory: whoever may use this account can also call themselves otherwise"
_SHARED = "advisory: who somebody is, their own modeldeck says; the database keeps the role that it let in"


def advisory(*, shared: bool) -> str:
    """What an approval is worth in a journal of one account, or in one that a team shares."""
    return _SHARED if shared else _ADVISORY


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """Who may promote. In the config a bare string stands for `mode`."""

    SHORT: ClassVar[str] = "mode"

    mode: Mode = "automatic"
    approvals: int = 1
    """How many people beside the one who asks must have approved the plan."""
    expires: Duration = 4 * 3600.0
    """Seconds after which a request, and an approval that was not used, no longer counts."""
    drift: DriftRule = field(default_factory=DriftRule)

    def __post_init__(self) -> None:
        if self.approvals < 1:
            raise ValueError(f"needs at least one approval, not {self.approvals}")
        if self.expires <= 0:
            raise ValueError("lets approvals expire at once; write a duration such as 4h")


@dataclass(frozen=True, slots=True)
class Answered:
    """What one person said to a request, and when."""

    actor: str
    verdict: AnswerVerdict
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Approval:
    """A request for approval of one exact plan, with what became of it."""

    number: int
    plan: Plan
    command: str
    """The line that plans it, without `--request`."""
    actor: str
    reason: str
    needed: int
    created: datetime
    expires: datetime
    answers: tuple[Answered, ...] = ()
    change: int | None = None
    """The change that it let through: an approval counts once."""

    @property
    def name(self) -> str:
        return f"A-{self.number}"

    @property
    def approvers(self) -> tuple[str, ...]:
        """Who approved, each person once."""
        people: dict[str, str] = {}
        for answer in self.answers:
            if answer.verdict == "approved":
                people.setdefault(person(answer.actor), answer.actor)
        return tuple(people.values())

    @property
    def rejection(self) -> Answered | None:
        return next((one for one in self.answers if one.verdict == "rejected"), None)

    def under(self, needed: int, lasts: float) -> Approval:
        """The request as a policy counts it: at least so many people, for no longer than so many
        seconds. What it was asked with is what the requester's own config said."""
        try:
            expires = min(self.expires, self.created + timedelta(seconds=lasts))
        except OverflowError:
            expires = self.expires
        return replace(self, needed=max(self.needed, needed), expires=expires)

    def state(self, now: datetime) -> ApprovalState:
        if self.change is not None:
            return "used"
        if self.rejection is not None:
            return "rejected"
        if now >= self.expires:
            return "expired"
        others = [one for one in self.approvers if person(one) != person(self.actor)]
        return "approved" if len(others) >= self.needed else "waiting"

    def said(self, now: datetime) -> str:
        """Its state in words."""
        state = self.state(now)
        if state == "used":
            return f"{self.name} let change {self.change} through, and counts once"
        if state == "rejected" and self.rejection is not None:
            why = f": {self.rejection.reason}" if self.rejection.reason else ""
            return f"{self.name} was rejected by {self.rejection.actor}{why}"
        if state == "expired":
            return f"{self.name} expired at {show_time(self.expires)}"
        if state == "approved":
            return f"{self.name} was approved by {', '.join(self.approvers)}"
        left = self.needed - len(self.approvers)
        return f"{self.name} waits for {left} {'approval' if left == 1 else 'approvals'}"


def person(actor: str) -> str:
    """Names that differ in case, blanks or Unicode form alone are one person's."""
    return unicodedata.normalize("NFKC", actor).strip().casefold()


def names_request(text: str) -> bool:
    """Whether somebody means a request and no service by it: "A-12", "12"."""
    return re.fullmatch(r"(?i)\s*(a-)?[0-9]+\s*", text) is not None


def parse_number(text: str) -> int:
    """The number of "A-12" or "12". Raises UsageError."""
    number = units.parse_number(text.strip().upper().removeprefix("A-"))
    if number is None:
        raise UsageError(
            f"{text!r} is no approval; one looks like A-12", hint="modeldeck approvals lists them"
        )
    return number


def promotes(plan: Plan) -> bool:
    """Whether the plan makes a version the champion, or gives it as much as a champion gets: what
    the policy is about."""
    moves = plan.find("alias") is not None or plan.evidence.get(PROMOTION) is True
    return plan.goal == "forward" and moves


def held_up(plan: Plan) -> bool:
    """Whether a freeze or a missing approval stops the plan, and whether leaving the champion is
    to be confirmed by the service's name.

    A way back is never held up, but for one to a release that has not proved good: that is
    anything that once served, and what it says of itself is no more than a name.
    """
    return plan.goal != "back" or UNPROVED in plan.evidence


def check_answer(approval: Approval, actor: str, verdict: AnswerVerdict, now: datetime) -> None:
    """Raises Refused where this person may not answer so, or not any more."""
    again = f"ask again: {approval.command} --request"
    if person(actor) == person(approval.actor):
        raise Refused(
            f"{approval.name} was asked for by {approval.actor}: another person answers it",
            hint="who you are is your login's name; behind sudo, the one that you came from",
        )
    state = approval.state(now)
    if state in ("used", "rejected", "expired"):
        raise Refused(approval.said(now), hint=again if state != "used" else None)
    if verdict == "approved" and person(actor) in map(person, approval.approvers):
        raise Refused(f"{actor} has approved {approval.name}: {approval.said(now)}")
    if verdict == "approved" and state == "approved":
        raise Refused(f"{approval.said(now)} already", hint=f"{approval.command} applies it")


def granted(approvals: Sequence[Approval], plan: Plan, now: datetime) -> Approval | None:
    """The approval that lets exactly this plan through, or None; each as the policy counts it."""
    wanted = plan.hash
    for approval in approvals:
        if approval.state(now) == "approved" and approval.plan.hash == wanted:
            return approval
    return None


def lacking(approvals: Sequence[Approval], plan: Plan, now: datetime) -> str:
    """Why no approval lets the plan through, in words; `approvals` are newest first."""
    wanted = plan.hash
    for approval in approvals:
        if approval.plan.hash == wanted:
            return approval.said(now)
    for approval in approvals:
        alike = (approval.plan.kind, approval.plan.title) == (plan.kind, plan.title)
        if alike and approval.state(now) in ("approved", "waiting"):
            return f"{approval.name} is for another plan: {difference(approval.plan, plan)}"
    return "nobody was asked to approve it"


def difference(asked: Plan, now: Plan) -> str:
    """How a plan differs from the one that was asked for, in words: the first set that does."""
    before = {item.ref: item for item in asked.sets}
    after = {item.ref: item for item in now.sets}
    for ref, item in after.items():
        old = before.get(ref)
        if old is None:
            return f"it would also set {ref} from {show(item.before)} to {show(item.after)}"
        if old.before != item.before:
            return f"{ref} was {show(old.before)} then and is {show(item.before)} now"
        if old.after != item.after:
            return f"{ref} was to become {show(old.after)} and would become {show(item.after)}"
    for ref in before:
        if ref not in after:
            return f"it would no longer set {ref}"
    return "its sets are in another order" if asked.sets != now.sets else "it is another command"
