"""`canary`: a small live share for a version."""

from __future__ import annotations

from dataclasses import dataclass

from commands.deck import Deck
from commands.request import request_option, wait_option
from commands.sources.gate import ask_gate
from commands.sources.service import observe
from commands.spec import Spec, option, positional
from core.errors import UsageError
from core.plan import Plan
from core.strategies import canary


@dataclass(frozen=True, slots=True)
class Args:
    service: str = positional("the service", completes="service")
    version: str = positional("a number, an alias (@challenger) or a stage", completes="version")
    weight: float = option("--weight", "percent of live traffic", default=5.0, metavar="PERCENT")
    request: bool = request_option()
    wait: str | None = wait_option()


def points(percent: float, flag: str) -> int:
    """Percent as basis points. Raises UsageError outside of 0 to 100, or finer than a point."""
    value = round(percent * 100)
    if not 0 < percent <= 100 or abs(value - percent * 100) > 1e-6:
        raise UsageError(f"{flag} {percent:g} cannot be: write percent, from 0.01 to 100")
    return value


async def run(deck: Deck, args: Args) -> Plan:
    weight = points(args.weight, "--weight")
    service = deck.service(args.service)
    seen = await observe(deck, service)
    version = seen.find(args.version)
    above = weight > service.max_ungated
    gate = await ask_gate(deck, service, seen.need_model(), version) if above else None
    return canary(seen, version, weight, gate)


SPEC = Spec(
    "canary",
    "change",
    "Send a share of live traffic to a version",
    Args,
    run,
    (
        "modeldeck canary tumor 3 --weight 5",
        "modeldeck canary tumor @challenger --weight 25 --yes",
        "modeldeck canary tumor 3 --weight 75 --request",
    ),
)
