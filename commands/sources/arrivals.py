"""What arrives per slot since the split was last seen to move."""

from __future__ import annotations

from collections.abc import Mapping

from backends.base import SlotCounts
from commands.deck import Deck
from core.config import Service
from core.split import Split


class Arrivals:
    """Remembers, per service, the counts at which its present split was first seen."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self._start: dict[str, tuple[Split, Mapping[str, SlotCounts]]] = {}

    async def since_split(self, service: Service, split: Split) -> Mapping[str, SlotCounts]:
        """Counts per slot since then; nothing without a router. Raises BackendError."""
        router = self._deck.router(service)
        if router is None:
            return {}
        now = await router.counts()
        known = self._start.get(service.name)
        if known is None or known[0] != split or _restarted(known[1], now):
            known = self._start[service.name] = (split, now)
        start = known[1]
        return {
            slot: SlotCounts(
                count.requests - start[slot].requests if slot in start else count.requests,
                count.errors - start[slot].errors if slot in start else count.errors,
                count.active,
                count.mirrored - start[slot].mirrored if slot in start else count.mirrored,
            )
            for slot, count in now.items()
        }


def _restarted(start: Mapping[str, SlotCounts], now: Mapping[str, SlotCounts]) -> bool:
    return any(slot in now and now[slot].requests < start[slot].requests for slot in start)
