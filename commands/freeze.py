"""`freeze`: nobody promotes meanwhile; going back stays allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from commands.deck import Deck
from commands.spec import Grid, Spec, option, positional
from core.errors import ModeldeckError, UsageError
from core.freeze import Freeze
from core.history import EVERY
from core.units import parse_duration, parse_time, show_time


@dataclass(frozen=True, slots=True)
class Args:
    service: str | None = positional("the service", completes="service", default=None)
    all: bool = option("--all", "every service", default=False)
    lasts: str | None = option("--for", "how long", default=None, metavar="DURATION")
    until: str | None = option(
        "--until", "until when: ISO 8601, UTC without a zone", default=None, metavar="TIME"
    )
    reason: str = option("--reason", "why, for the journal", default="", metavar="TEXT")


@dataclass(frozen=True)
class FreezeReport:
    freezes: tuple[Freeze, ...]
    title: str

    def data(self) -> Mapping[str, Any]:
        return {"freezes": [freeze_json(one) for one in self.freezes]}

    def grids(self) -> Sequence[Grid]:
        rows = [
            (
                "every service" if one.service == EVERY else one.service,
                f"until {show_time(one.until)}",
                f"by {one.actor}",
                one.reason,
            )
            for one in self.freezes
        ]
        return [Grid((), rows, self.title)]

    def error(self) -> ModeldeckError | None:
        return None


def freeze_json(one: Freeze) -> dict[str, Any]:
    return {
        "service": None if one.service == EVERY else one.service,
        "begun": show_time(one.begun),
        "until": show_time(one.until),
        "by": one.actor,
        "reason": one.reason or None,
        "ended": show_time(one.ended) if one.ended else None,
        "ended_by": one.ended_by or None,
    }


def concerned(deck: Deck, service: str | None, every: bool, command: str) -> str:
    """The service's name, or EVERY. Raises UsageError where neither or both were named."""
    if (service is None) != every:
        raise UsageError(
            f"{command} takes a service, or --all",
            hint=f"the config names {', '.join(list(deck.config.services)[:12]) or 'none'}",
        )
    return EVERY if service is None else deck.service(service).name


async def run(deck: Deck, args: Args) -> FreezeReport:
    service = concerned(deck, args.service, args.all, "freeze")
    _, now = await deck.journal.freezes()
    until = _until(args, now)
    one = await deck.journal.freeze(service, until=until, actor=deck.actor, reason=args.reason)
    return FreezeReport((one,), "frozen: only ways back are allowed")


def _until(args: Args, now: datetime) -> datetime:
    if (args.lasts is None) == (args.until is None):
        raise UsageError(
            "freeze takes either --for or --until", hint="--for 2h, --until 2026-12-24T08:00Z"
        )
    if args.lasts is not None:
        try:
            until = now + timedelta(seconds=parse_duration(args.lasts))
        except (ValueError, OverflowError) as error:
            raise UsageError(f"--for: {error}") from error
        if until <= now:
            raise UsageError(f"--for {args.lasts} is over at once", hint="write --for 2h")
        return until
    try:
        until = parse_time(args.until or "")
    except ValueError as error:
        raise UsageError(
            f"--until: {args.until!r} is no time",
            hint="write 2026-12-24T08:00Z; --for takes a duration",
        ) from error
    if until <= now:
        raise UsageError(f"--until {show_time(until)} has passed: it is {show_time(now)}")
    return until


SPEC = Spec(
    "freeze",
    "record",
    "Refuse every change that goes forward for a while; going back stays allowed",
    Args,
    run,
    (
        "modeldeck freeze tumor --for 2h",
        'modeldeck freeze --all --until 2027-01-04T08:00Z --reason "end of year"',
    ),
)
