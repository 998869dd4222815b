"""What changed, as the console reads it: the journal often; the ledger rarely, and beside it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace

from commands.changes import ChangesReport, back, tell
from commands.deck import Deck
from commands.sources.fleet import Fleet
from commands.sources.history import note_outside
from commands.sources.ledger import Ledgers, elsewhere, read_ledgers
from core.errors import ModeldeckError
from core.history import Event
from core.ledger import Chain
from core.versions import Model

SECONDS = 7 * 86400.0
AT_ONCE = 2.0
"""Seconds that the ledger gets to explain a move that was just seen."""
MOVED = ("alias:", "prompt:")


class Story:
    """The story of one fleet. `events` is what was last told."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._ledgers = Ledgers()
        self._told: Sequence[Event] = ()
        self.events: Sequence[Event] = ()

    async def changes(self) -> ChangesReport:
        """As `modeldeck changes` reports them; the registry is not asked for it."""
        report = await tell(self._deck, None, SECONDS, self._told, self._ledgers.error)
        self.events = report.events
        return report

    async def ledger(self) -> Ledgers:
        """Read it. Where it cannot be read, what was known of it goes on being told, with that."""
        services = self._deck.services()
        found = await read_ledgers(self._deck, services)
        if found.error is not None:
            self._ledgers = replace(self._ledgers, error=found.error)
            raise found.error
        if found.chains != self._ledgers.chains:
            self._told = await elsewhere(self._deck, services, found, back(SECONDS))
        self._ledgers = found
        return found

    async def note(self, fleet: Fleet) -> None:
        """Note what was moved from outside; what the ledger accounts for is not left as that."""
        # A journal that cannot be written dims its own panel; the services are shown all the same.
        try:
            found = await note_outside(self._deck, fleet)
        except ModeldeckError:
            return
        if any(event.what.startswith(MOVED) for event in found):
            await self._hurry()

    async def chain(self, model: Model) -> Chain | None:
        """The ledger of a model that was just read; a move newer than it is none past it."""
        chain = self._ledgers.chains.get(model.name)
        if chain is not None and any(chain.moved_past(*move) for move in model.aliases.items()):
            await self._hurry()
        return self._ledgers.chains.get(model.name) if self._ledgers.error is None else None

    async def _hurry(self) -> None:
        with contextlib.suppress(ModeldeckError, TimeoutError):
            async with asyncio.timeout(AT_ONCE):
                await self.ledger()
