"""`cutover`: blue-green, all traffic at once."""

from __future__ import annotations

from dataclasses import dataclass

from commands.deck import Deck
from commands.request import request_option, wait_option
from commands.sources.gate import ask_gate
from commands.sources.service import observe
from commands.spec import Spec, positional
from core.plan import Plan
from core.promotion import cutover


@dataclass(frozen=True, slots=True)
class Args:
    service: str = positional("the service", completes="service")
    version: str = positional("a number, an alias (@challenger) or a stage", completes="version")
    request: bool = request_option()
    wait: str | None = wait_option()


async def run(deck: Deck, args: Args) -> Plan:
    service = deck.service(args.service)
    seen = await observe(deck, service)
    version = seen.find(args.version)
    return cutover(seen, version, await ask_gate(deck, service, seen.as_served(version), version))


SPEC = Spec(
    "cutover",
    "change",
    "Blue-green: all traffic at once, the old side kept warm for the way back",
    Args,
    run,
    (
        "modeldeck cutover tumor 3 --dry-run",
        "modeldeck cutover tumor @challenger --yes",
        "modeldeck cutover tumor 3 --request",
    ),
)
