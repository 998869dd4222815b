"""`changes`: what changed, by us and from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from commands.deck import Deck
from commands.sources.history import look, story
from commands.sources.ledger import elsewhere
from commands.spec import Cell, Grid, Spec, option, positional
from core.errors import ModeldeckError, UsageError
from core.history import EVERY, Event
from core.units import parse_duration, show_duration, show_time


@dataclass(frozen=True, slots=True)
class Args:
    service: str | None = positional(
        "the service; all without it", completes="service", default=None
    )
    since: str = option("--since", "how far back", default="48h", metavar="DURATION")


@dataclass(frozen=True)
class ChangesReport:
    events: tuple[Event, ...]
    seconds: float
    untold: str | None = None
    """Why nobody can tell what other machines did."""

    def data(self) -> Mapping[str, Any]:
        return {"changes": [event_json(event) for event in self.events], "untold": self.untold}

    def grids(self) -> Sequence[Grid]:
        columns = ("when", "service", "by", "what", "", "reason")
        rows = [_row(event) for event in self.events]
        empty = f"nothing changed in {show_duration(self.seconds)}, as far as anybody looked"
        grids = [Grid(columns, rows, empty=empty)]
        if self.missing:
            grids.append(Grid((), [((self.missing, "warning"),)]))
        return grids

    @property
    def missing(self) -> str | None:
        """That what other machines did is not known, in words."""
        return f"▲ what other machines did is not known: {self.untold}" if self.untold else None

    def error(self) -> ModeldeckError | None:
        return None


def event_json(event: Event) -> dict[str, Any]:
    return {
        "at": show_time(event.at),
        "after": show_time(event.after) if event.after else None,
        "service": None if event.service == EVERY else event.service,
        "origin": event.origin,
        "kind": event.kind,
        "what": event.what,
        "by": event.actor or None,
        "change": event.change,
        "entry": event.entry,
        "state": event.state or None,
        "release": f"r{event.release}" if event.release else None,
        "approval": event.approval or None,
        "override": event.override or None,
        "reason": event.reason or None,
    }


def _row(event: Event) -> Sequence[Cell]:
    if event.origin == "outside":
        between = f"OUTSIDE, since {show_time(event.after)}" if event.after else "OUTSIDE"
        return (
            show_time(event.at),
            (event.service, "strong"),
            event.actor or "somebody",
            event.what,
            (between, "warning"),
            "",
        )
    if event.change is None and event.origin == "modeldeck":
        calm = event.state in ("approved", "unfrozen")
        return (
            show_time(event.at),
            ("every service" if event.service == EVERY else event.service, "strong"),
            event.actor,
            event.what,
            (event.state, "dim" if calm else "warning"),
            event.reason,
        )
    bad = event.state not in ("done", "running")
    release = f" r{event.release}" if event.release else ""
    release += f" {event.approval}" if event.approval else ""
    loud = "OVERRIDE " if event.override else ""
    state: Cell = (
        f"{loud}{event.source} {event.state}{release}",
        "critical" if loud else "warning" if bad else "dim",
    )
    return (
        show_time(event.at),
        (event.service, "strong"),
        event.actor,
        event.what,
        state,
        event.reason,
    )


async def run(deck: Deck, args: Args) -> ChangesReport:
    try:
        seconds = parse_duration(args.since)
    except ValueError as error:
        raise UsageError(f"--since: {error}") from error
    if args.service:
        deck.service(args.service)
    ledgers = await look(deck, args.service)
    told = await elsewhere(deck, deck.services(args.service), ledgers, back(seconds))
    return await tell(deck, args.service, seconds, told, ledgers.error)


def back(seconds: float) -> datetime:
    return datetime.fromtimestamp(datetime.now(UTC).timestamp() - seconds, UTC)


async def tell(
    deck: Deck,
    service: str | None,
    seconds: float,
    told: Sequence[Event],
    untold: ModeldeckError | None,
) -> ChangesReport:
    """The report from the journal as it is, and from the ledger as it was last read."""
    events = await story(deck, service, back(seconds), told)
    return ChangesReport(tuple(events), seconds, untold.message if untold else None)


SPEC = Spec(
    "changes",
    "query",
    "What changed: the journal, and every ref that differs from its last reading",
    Args,
    run,
    ("modeldeck changes", "modeldeck changes helpdesk --since 2h", "modeldeck changes -o json"),
    watch=True,
)
