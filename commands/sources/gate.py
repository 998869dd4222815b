"""The gate's evidence of one version, read from the registry."""

from __future__ import annotations

from commands.deck import Deck
from core.config import Service
from core.gate import GateReport, evaluate
from core.versions import Version


async def ask_gate(deck: Deck, service: Service, version: Version) -> GateReport:
    """The report on the version. Raises BackendError where the registry cannot be asked."""
    headline = service.gate.headline
    metrics = {}
    if headline is not None and version.run_id:
        metrics = dict(await deck.registry.run_metrics(version.run_id))
    return evaluate(version, headline, metrics)
