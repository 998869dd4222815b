"""The ledger: who moved an alias of a model from what to what, as one chain that all machines share.

An entry begins as a claim and is ended once: by whoever claimed it, or, where that one died, by
the next. What an alias should name is what the last entry that was `set` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Result = Literal["set", "dropped"]
State = Literal["set", "dropped", "open"]


@dataclass(frozen=True, slots=True)
class Deed:
    """On whose behalf, and within which change, something is set."""

    who: str = ""
    change: str = ""
    """The change's id; whoever recovers a change goes on under it."""
    number: int | None = None
    """The change's number in the journal of that machine."""
    command: str = ""
    reason: str = ""
    undo: bool = False
    """It takes back what the same change had set, or may have set."""


@dataclass(frozen=True, slots=True)
class End:
    """How an entry ended. `at` is the registry's time where it tells one, for the eye only."""

    result: Result
    by: str
    """The name of whoever ended it, with the host."""
    at: datetime | None = None
    value: str | None = None
    """What the alias named when somebody else ended it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One claim: this alias, from this version to that one."""

    number: int
    alias: str
    before: str | None
    after: str | None
    op: str
    """Tells this claim from every other, also from one of the same person for the same move."""
    host: str
    deed: Deed
    at: datetime | None = None
    bound: float = 0.0
    """Seconds after which the claimant has set the alias or never will."""
    end: End | None = None

    @property
    def state(self) -> State:
        return "open" if self.end is None else self.end.result

    @property
    def by(self) -> str:
        """The claimant as the ledger names one."""
        return by(self.deed.who, self.host)

    @property
    def overtaken(self) -> bool:
        """Whether somebody else had to end it."""
        return self.end is not None and self.end.by != self.by


@dataclass(frozen=True, slots=True)
class Gap:
    """Between two entries the alias was moved without one: from `before` to `after`."""

    alias: str
    before: str | None
    after: str | None
    since: datetime | None
    """When the last entry before it ended."""
    until: datetime | None
    """When it was found: the next entry's time, or None for "now"."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The entries of one model in their order, oldest first. Only the last can be open."""

    model: str
    entries: tuple[Entry, ...] = ()
    free: int = 1
    """The number that the next claim takes."""
    place: str = field(default="", compare=False)
    """Where it is kept, as the registry names it."""

    @property
    def open(self) -> Entry | None:
        last = self.entries[-1] if self.entries else None
        return last if last is not None and last.end is None else None

    def settled(self, alias: str) -> Entry | None:
        """The last entry that set this alias."""
        every = (one for one in reversed(self.entries) if one.alias == alias)
        return next((one for one in every if one.state == "set"), None)

    def moved_past(self, alias: str, value: str | None) -> Entry | None:
        """The entry that the alias differs from, where nothing in the chain explains its value.

        An open claim explains the value that it leads to: its claimant is just setting it.
        """
        said = self.settled(alias)
        if said is None or said.after == value:
            return None
        now = self.open
        if now is not None and now.alias == alias and now.after == value:
            return None
        return said

    def moved_on(self, change: str, alias: str) -> Entry | None:
        """The entry that the alias rests on now, where others moved it on after this change had
        set it; None where what the change set is last, was taken back, or never was set.

        Whoever led it away and back to the same version rests on it too. A change of others that
        was taken back moved nothing.
        """
        moves = [one for one in self.entries if one.alias == alias and one.state == "set"]
        own = [one for one in moves if one.deed.change == change]
        if not change or not own or own[-1].deed.undo:
            return None
        undone = {one.deed.change for one in moves if one.deed.undo} - {"", change}
        last = [one for one in moves if one.deed.change not in undone][-1]
        return None if last is own[-1] else last

    def gaps(self) -> Sequence[Gap]:
        """Every move without an entry that a later entry found, oldest first."""
        found: list[Gap] = []
        last: dict[str, Entry] = {}
        for entry in self.entries:
            before = last.get(entry.alias)
            if before is not None and before.after != entry.before:
                since = before.end.at if before.end else before.at
                found.append(Gap(entry.alias, before.after, entry.before, since, entry.at))
            if entry.state == "set":
                last[entry.alias] = entry
        return found


def by(who: str, host: str) -> str:
    return f"{who or 'somebody'}@{host}" if host else who or "somebody"
