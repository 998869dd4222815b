"""`abort`: the end of a canary or a shadow."""

from __future__ import annotations

from dataclasses import dataclass

from commands.deck import Deck
from commands.sources.service import observe_for_return
from commands.spec import Spec, positional
from core.plan import Plan
from core.strategies import abort


@dataclass(frozen=True, slots=True)
class Args:
    service: str = positional("the service", completes="service")


async def run(deck: Deck, args: Args) -> Plan:
    seen, _ = await observe_for_return(deck, deck.service(args.service))
    return abort(seen)


SPEC = Spec(
    "abort",
    "change",
    "End a canary or a shadow: the split is again what it was before",
    Args,
    run,
    ("modeldeck abort tumor", "modeldeck abort tumor --yes"),
)
