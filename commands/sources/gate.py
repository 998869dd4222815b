"""The gate's evidence of one version: from the registry, and where it asks for it from traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from commands.aside import aside
from commands.deck import Deck
from commands.sources.service import nothing
from commands.together import together
from core.config import Service
from core.errors import BackendError
from core.gate import Check, GateReport
from core.versions import Model, Version

if TYPE_CHECKING:
    from core.figures import Figure
    from core.gate.evidence import Side
    from core.signature import Signature


async def _lineage(deck: Deck, service: Service, model: Model, version: Version) -> Sequence[Check]:
    if not service.gate.lineage:
        return ()
    from commands.sources.lineage import read_lineage
    from core.gate.complete import check_lineage

    return (check_lineage(await read_lineage(deck, service, model, version)),)


async def _card(deck: Deck, service: Service, model: Model, version: Version) -> Sequence[Check]:
    if not service.gate.card:
        return ()
    from commands.sources.lineage import read_card
    from core.gate.complete import check_card

    return (check_card(await read_card(deck, service, model, version)),)


LOG_SECONDS = 10.0
"""For the newest file of an inference log, which may lie on a file system that hangs."""


async def _requests(
    deck: Deck, service: Service, _model: Model, version: Version
) -> Sequence[Check]:
    """The signature against what callers send, where the config names the inference log."""
    log = service.inference_log
    if log is None or service.gate.schema is None:
        return ()
    from backends.inference_log.columns import read_columns
    from core.inference_log import LogColumns, check_requests

    async def columns() -> LogColumns | str:
        try:
            async with asyncio.timeout(LOG_SECONDS):
                return await aside(partial(read_columns, log.path, log.features))
        except TimeoutError:
            return f"{log.path} could not be read within {LOG_SECONDS:g} s"
        except BackendError as error:
            return error.message

    signature, found = await together(_signature(deck, version), columns())
    return (check_requests(signature, found, log),)


async def _trigger(
    deck: Deck, service: Service, _model: Model, version: Version
) -> Sequence[Check]:
    """Not the config's to leave out: drift alone never promotes."""
    from core.trigger import check_trigger

    rule = service.policy.drift
    evaluation = await deck.registry.evaluation(version, rule.metrics)
    check = check_trigger(rule, version, evaluation, deck.clock())
    return () if check is None else (check,)


Supplier = Callable[[Deck, Service, Model, Version], Awaitable[Sequence[Check]]]
"""Makes the checks of another source. It gives none where the service's config asks for none, and
one without evidence where it cannot tell."""

SUPPLIERS: tuple[Supplier, ...] = (_lineage, _card, _requests, _trigger)


async def ask_gate(deck: Deck, service: Service, model: Model, version: Version) -> GateReport:
    """The report on the version. Raises BackendError where the registry cannot be asked."""
    from core.gate.evidence import Evidence, is_first
    from core.gate.judge import judge

    gate = service.gate
    named = model.aliases.get(service.champion_alias)
    champion = model.find(named) if named else None
    itself = champion is not None and champion.number == version.number
    mine, theirs, (figure, why), supplied = await together(
        _side(deck, version, gate.metrics if gate.reads else None, schema=gate.schema is not None),
        _side(
            deck,
            champion,
            gate.metrics if gate.compares else None,
            schema=gate.schema is not None,
        )
        if champion is not None and not itself
        else nothing(),
        _traffic(deck, service, version),
        together(*(supplier(deck, service, model, version) for supplier in SUPPLIERS)),
    )
    evidence = Evidence(
        mine,
        datetime.now(UTC),
        mine if itself else theirs,
        is_first(model, service.champion_alias, version.number),
        figure,
        why,
        tuple(check for checks in supplied for check in checks),
    )
    return judge(gate, evidence)


async def _side(
    deck: Deck, version: Version, metrics: frozenset[str] | None, *, schema: bool
) -> Side:
    """What the registry knows of one version; None asks for no metric and no tag."""
    from core.evaluation import Evaluation
    from core.gate.evidence import UNREAD, Side

    evaluation, signature = await together(
        deck.registry.evaluation(version, metrics) if metrics is not None else nothing(),
        _signature(deck, version) if schema else nothing(),
    )
    return Side(version, evaluation or Evaluation(), signature or UNREAD)


async def _signature(deck: Deck, version: Version) -> Signature:
    """It lies among the model's files, which may be out of reach while the registry answers."""
    from core.signature import Signature

    try:
        return await deck.registry.signature(version)
    except BackendError as error:
        return Signature(why=f"it could not be read: {error.message}")


async def _traffic(deck: Deck, service: Service, version: Version) -> tuple[Figure | None, str]:
    """The latency of the version's own requests, or why there is none; ("", None) if not asked."""
    ceiling = service.gate.latency
    if ceiling is None or ceiling.source != "traffic":
        return None, ""
    from commands.sources.metrics import measure_version

    return await measure_version(deck, service, version.number, ceiling.metric, ceiling.window)
