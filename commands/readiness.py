"""What speaks for the version that a plan promotes, and against it: gate, lineage and model card."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from commands.card import MARKS as CARD_MARKS
from commands.deck import Deck
from commands.gate import VERDICTS
from commands.lineage import MARKS as LINEAGE_MARKS
from commands.sources.gate import ask_gate
from commands.sources.lineage import find_version, read_card, read_lineage
from commands.spec import Cell, Grid, Style
from commands.together import together
from core.card import FIELDS, Card
from core.config import Service
from core.errors import ModeldeckError
from core.gate import GateReport
from core.lineage import Lineage
from core.lineage_keys import TITLES
from core.plan import Plan
from core.policy import promotes
from core.versions import Model, Stage, Version

T = TypeVar("T")
Find = Callable[[], Awaitable[tuple[Service, Model, Version]]]


def raises_stage(plan: Plan) -> bool:
    """Whether the plan takes a version to Staging or Production: what its readiness is about."""
    if plan.kind not in ("promote", "cutover"):
        return False
    up = (Stage.STAGING.value, Stage.PRODUCTION.value)
    return any(
        item.ref.kind == "alias" or (item.ref.kind == "stage" and item.after in up)
        for item in plan.sets
    )


@dataclass(frozen=True, slots=True)
class Readiness:
    """What is known of a version when it is to be promoted; an error where nobody could be asked."""

    version: str
    gate: GateReport | ModeldeckError
    lineage: Lineage | ModeldeckError
    card: Card | ModeldeckError


async def read_readiness(deck: Deck, plan: Plan, text: str, find: Find) -> Readiness:
    """Gate, lineage and card of the version that the plan's command called `text`.

    Nothing is raised. The gate is the one that the plan was judged by, where it was judged by one.
    """
    judged = plan.evidence.get("gate")
    kept = GateReport.from_json(judged) if judged else None
    try:
        service, model, version = await find()
    except ModeldeckError as error:
        return Readiness(text, kept or error, error, error)
    gate, lineage, card = await together(
        _told(ask_gate(deck, service, model, version)) if kept is None else _known(kept),
        _told(read_lineage(deck, service, model, version)),
        _told(read_card(deck, service, model, version)),
    )
    return Readiness(version.number, gate, lineage, card)


async def _told(question: Awaitable[T]) -> T | ModeldeckError:
    try:
        return await question
    except ModeldeckError as error:
        return error


async def _known(report: GateReport) -> GateReport:
    return report


def readiness_data(ready: Readiness) -> Mapping[str, Any]:
    """The verdicts in short; `gate`, `lineage` and `card` have all of each."""
    return {
        "version": ready.version,
        "gate": ready.gate.verdict if isinstance(ready.gate, GateReport) else None,
        "lineage": None if isinstance(ready.lineage, ModeldeckError) else ready.lineage.complete,
        "card": None if isinstance(ready.card, ModeldeckError) else ready.card.complete,
    }


def readiness_grid(ready: Readiness, policy: str) -> Grid:
    """A line each, below it what is not as it should be. What the gate lacks the plan names."""
    rows: list[Sequence[Cell]] = []
    if isinstance(ready.gate, GateReport):
        text, style = VERDICTS[ready.gate.verdict]
        rows.append(("gate", (f"{text}, {ready.gate.tally}", style)))
    else:
        rows.append(_unreachable("gate", ready.gate))
    if isinstance(ready.lineage, Lineage):
        items = [(TITLES[item.name], item.verdict) for item in ready.lineage.items]
        rows.append(_counted("lineage", items, LINEAGE_MARKS))
    else:
        rows.append(_unreachable("lineage", ready.lineage))
    if isinstance(ready.card, Card):
        fields = [(FIELDS[field.name], field.verdict) for field in ready.card.fields]
        rows.append(_counted("card", fields, CARD_MARKS))
    else:
        rows.append(_unreachable("card", ready.card))
    rows.append(("policy", policy))
    return Grid((), rows)


def _unreachable(label: str, error: ModeldeckError) -> Sequence[Cell]:
    return label, (f"? unreachable: {error.message}", "unknown")


def _counted(
    label: str, found: Sequence[tuple[str, Any]], marks: Mapping[Any, tuple[str, Style]]
) -> Sequence[Cell]:
    """ "✖ 8 of 10 present; missing: seeds, owner", under the sign of the worst."""
    verdicts = [verdict for _, verdict in found]
    worst = next((one for one in marks if one in verdicts and one != "present"), "present")
    text = f"{marks[worst][0][0]} {verdicts.count('present')} of {len(found)} present"
    for verdict in marks:
        names = [name for name, one in found if one == verdict]
        if names and verdict != "present":
            text += f"; {verdict}: {', '.join(names)}"
    return label, (text, marks[worst][1])


async def promotion_grids(deck: Deck, plan: Plan, args: Any) -> list[Grid]:
    """What is shown below the sets of a plan that raises a version's stage; else empty."""
    ready = await ask_readiness(deck, plan, args)
    if ready is None:
        return []
    return [readiness_grid(ready, _policy(deck, plan))]


def _policy(deck: Deck, plan: Plan) -> str:
    policy = deck.service(plan.service).policy
    if policy.mode == "approved" and promotes(plan):
        return f"approved: {policy.approvals} beside whoever asks"
    return "no approval is needed"


async def ask_readiness(deck: Deck, plan: Plan, args: Any) -> Readiness | None:
    """None where the plan raises no stage."""
    if not raises_stage(plan):
        return None
    service = deck.service(plan.service)

    async def find() -> tuple[Service, Model, Version]:
        return service, *await find_version(deck, service, args.version)

    return await read_readiness(deck, plan, args.version, find)
