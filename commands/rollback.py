"""`rollback`: weights, prompts, indexes and routing back to the last good release."""

from __future__ import annotations

from dataclasses import dataclass, replace

from commands.deck import Deck
from commands.door import default_reason
from commands.sources.service import observe_for_return
from commands.spec import Spec, option, positional
from core.errors import UsageError, nearest
from core.plan import Finding, Plan
from core.releases import PARTS, find_release, rollback


@dataclass(frozen=True, slots=True)
class Args:
    service: str = positional("the service", completes="service")
    to: str | None = option(
        "--to", "the release to go back to", default=None, metavar="RELEASE", completes="release"
    )
    only: str | None = option(
        "--only",
        "one part: weights, prompts, indexes or routing",
        default=None,
        metavar="PART",
        completes="part",
    )


async def run(deck: Deck, args: Args) -> Plan:
    if args.only is not None and args.only not in PARTS:
        raise UsageError(
            f"--only {args.only} cannot be.{nearest(args.only, PARTS)}",
            hint=f"the parts are {', '.join(PARTS)}",
        )
    seen, trouble = await observe_for_return(deck, deck.service(args.service))
    to = find_release(seen, args.to) if args.to else None
    reason = await default_reason(deck, args.service)
    plan = rollback(seen, to, args.only, reason)
    if trouble is None:
        return plan
    if not plan.sets:
        # Traffic is as on that release; what may differ is what nobody can read now.
        raise trouble
    said = Finding(
        "warning",
        f"alias, stages and prompts stay as they are: {trouble.message}",
        "roll back again once the registry answers",
    )
    return replace(plan, findings=(said, *plan.findings))


SPEC = Spec(
    "rollback",
    "change",
    "Put weights, prompts, indexes and routing back to the last good release",
    Args,
    run,
    (
        "modeldeck rollback tumor",
        "modeldeck rollback tumor --to r1 --yes",
        "modeldeck rollback helpdesk --only prompts",
    ),
)
