"""`shadow`: mirrored requests for a version, whose answers nobody sees."""

from __future__ import annotations

from dataclasses import dataclass

from commands.canary import points
from commands.deck import Deck
from commands.sources.service import observe, observe_for_return
from commands.spec import Spec, option, positional
from core.errors import UsageError
from core.plan import Plan
from core.strategies import shadow


@dataclass(frozen=True, slots=True)
class Args:
    service: str = positional("the service", completes="service")
    version: str | None = positional(
        "a number, an alias (@challenger) or a stage", completes="version", default=None
    )
    percent: float = option(
        "--percent", "percent of live requests to mirror", default=10.0, metavar="PERCENT"
    )
    off: bool = option("--off", "end every shadow", default=False)


async def run(deck: Deck, args: Args) -> Plan:
    if (args.version is None) != args.off:
        raise UsageError(
            "shadow takes a version, or --off to end it",
            hint=f"modeldeck shadow {args.service} VERSION --percent 10",
        )
    share = points(args.percent, "--percent")
    service = deck.service(args.service)
    if args.version is None:
        # The way back does not wait for a registry that is down.
        seen, _ = await observe_for_return(deck, service)
        return shadow(seen, None, share)
    seen = await observe(deck, service)
    return shadow(seen, seen.find(args.version), share)


SPEC = Spec(
    "shadow",
    "change",
    "Mirror a share of live requests to a version; users never see its answers",
    Args,
    run,
    ("modeldeck shadow tumor 3 --percent 25", "modeldeck shadow tumor --off --yes"),
)
