"""`promote`: a version into a stage; to Production only through the gate."""

from __future__ import annotations

from dataclasses import dataclass

from commands.deck import Deck
from commands.request import request_option, wait_option
from commands.sources.gate import ask_gate
from commands.sources.service import observe
from commands.spec import Spec, option, positional
from core.errors import UsageError, nearest
from core.plan import Plan
from core.promotion import promote
from core.versions import Stage, parse_stage


@dataclass(frozen=True, slots=True)
class Args:
    service: str = positional("the service", completes="service")
    version: str = positional("a number, an alias (@challenger) or a stage", completes="version")
    to: str | None = option(
        "--to",
        "Draft, Staging, Production or Archived",
        default=None,
        metavar="STAGE",
        completes="stage",
    )
    request: bool = request_option()
    wait: str | None = wait_option()


async def run(deck: Deck, args: Args) -> Plan:
    known = [item.value for item in Stage]
    if args.to is None:
        hint = f"modeldeck promote {args.service} {args.version} --to Production"
        raise UsageError(f"promote needs --to: {', '.join(known)}", hint=hint)
    stage = parse_stage(args.to)
    if stage is None:
        raise UsageError(
            f"{args.to!r} is no stage.{nearest(args.to.capitalize(), known)}",
            hint=f"the stages are {', '.join(known)}",
        )
    service = deck.service(args.service)
    seen = await observe(deck, service)
    version = seen.find(args.version)
    gate = (
        await ask_gate(deck, service, seen.as_served(version), version)
        if stage is Stage.PRODUCTION
        else None
    )
    return promote(seen, version, stage, gate)


SPEC = Spec(
    "promote",
    "change",
    "Move a version between stages; to Production only through the gate",
    Args,
    run,
    (
        "modeldeck promote tumor 5 --to Staging",
        "modeldeck promote tumor @challenger --to Production --dry-run",
        'modeldeck promote tumor 3 --to Production --yes --reason "better recall"',
        "modeldeck promote tumor 3 --to Production --request --wait 2h",
    ),
)
