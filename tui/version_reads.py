"""What the console asks about one version: its gate, lineage and card, and all of it for a plan."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from commands.deck import Deck
from commands.readiness import read_readiness
from commands.sources.gate import ask_gate
from commands.sources.lineage import read_card, read_lineage
from commands.sources.service import read_model
from commands.together import together
from core.card import Card
from core.config import Service
from core.errors import ModeldeckError
from core.gate import GateReport
from core.lineage import Lineage
from core.observed import Observed
from core.plan import Plan
from core.versions import Model, Version
from tui.seam import Readiness, Source, TrafficView

T = TypeVar("T")
Traffic = Callable[[str], Awaitable[tuple[TrafficView, ...]]]

GATE_SECONDS = 60.0
"""The gate may hang on live latency; what a run logged hardly ever changes."""
RARELY = 300.0
MODEL_SECONDS = 3.0
"""How old the registry's list of versions may be for the three questions that begin together."""


class VersionReads:
    """The reads about the version that the operator chose."""

    def __init__(self, deck: Deck, traffic: Traffic) -> None:
        self._deck = deck
        self._traffic = traffic

    def sources(self, service: str, version: str) -> Sequence[Source[Any]]:
        """None where the service has no registered model."""
        if self._deck.service(service).model is None:
            return []
        gate = partial(self.gate, service, version)
        lineage = partial(self.lineage, service, version)
        card = partial(self.card, service, version)
        return [
            Source("gate", GATE_SECONDS, gate, service, version),
            Source("lineage", RARELY, lineage, service, version, _all_reached),
            Source("card", RARELY, card, service, version, _all_read),
        ]

    async def gate(self, service: str, version: str) -> GateReport:
        return await ask_gate(self._deck, *await self._find(service, version))

    async def lineage(self, service: str, version: str) -> Lineage:
        return await read_lineage(self._deck, *await self._find(service, version))

    async def card(self, service: str, version: str) -> Card:
        return await read_card(self._deck, *await self._find(service, version))

    async def _find(self, name: str, text: str) -> tuple[Service, Model, Version]:
        service = self._deck.service(name)
        model = await self._deck.shared(
            ("model", name), MODEL_SECONDS, partial(read_model, self._deck, service)
        )
        seen = Observed(service, model)
        return service, seen.need_model(), seen.find(text)

    async def readiness(self, service: str, version: str, plan: Plan) -> Readiness:
        """Gate, lineage, card and traffic beside a plan; what fails stands there as the error."""
        routed = self._deck.service(service).router is not None
        ready, traffic = await together(
            read_readiness(self._deck, plan, version, partial(self._find, service, version)),
            _told(self._traffic(service) if routed else _nothing()),
        )
        return Readiness(ready.version, ready.gate, ready.lineage, ready.card, traffic)


def _all_reached(lineage: Lineage) -> bool:
    return not lineage.of("unreachable")


def _all_read(card: Card) -> bool:
    return not card.of("unreachable")


async def _told(question: Awaitable[T]) -> T | ModeldeckError:
    try:
        return await question
    except ModeldeckError as error:
        return error


async def _nothing() -> None:
    return None
