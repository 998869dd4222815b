"""`unfreeze`: end a freeze before its time."""

from __future__ import annotations

from dataclasses import dataclass

from commands.deck import Deck
from commands.freeze import FreezeReport, concerned
from commands.permission import read_frozen
from commands.spec import Spec, option, positional
from core.errors import Refused
from core.history import EVERY


@dataclass(frozen=True, slots=True)
class Args:
    service: str | None = positional("the service", completes="service", default=None)
    all: bool = option("--all", "what froze every service", default=False)
    reason: str = option("--reason", "why, for the journal", default="", metavar="TEXT")


async def run(deck: Deck, args: Args) -> FreezeReport:
    service = concerned(deck, args.service, args.all, "unfreeze")
    ended = await deck.journal.unfreeze(service, actor=deck.actor, reason=args.reason)
    if service == EVERY:
        return FreezeReport(tuple(ended), "ended" if ended else "nothing froze every service")
    still = await read_frozen(deck, deck.service(service))
    if still is not None and not ended:
        raise Refused(
            f"{service} has no freeze of its own: {still.because}",
            hint="modeldeck unfreeze --all ends one of every service; a window ends by itself, or "
            "in the config",
        )
    title = "ended" if ended else f"{service} was not frozen"
    return FreezeReport(tuple(ended), f"{title}; {still.because}" if still else title)


SPEC = Spec(
    "unfreeze",
    "record",
    "End the freeze of a service, or with --all the one of every service, before its time",
    Args,
    run,
    ("modeldeck unfreeze tumor", "modeldeck unfreeze --all"),
)
