"""What happened to the services, after a look at what is so now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from commands.deck import Deck
from commands.sources.fleet import Fleet, read_fleet
from commands.sources.ledger import Ledgers, explained, read_ledgers
from commands.together import together
from core.errors import ModeldeckError
from core.history import Event, WaysBack
from core.observed import Observed
from core.releases import last_good, rollback
from core.strategies import abort
from core.versions import version_name


async def look(deck: Deck, service: str | None) -> Ledgers:
    """Note what is found changed just now, and read what the ledger tells."""
    fleet, ledgers = await together(
        read_fleet(deck, service), read_ledgers(deck, deck.services(service))
    )
    await note_outside(deck, fleet)
    return ledgers


async def story(
    deck: Deck, service: str | None, since: datetime, told: Sequence[Event]
) -> Sequence[Event]:
    """Newest first: what the journal has, and what other machines did, `told` by the ledger."""
    own = await deck.journal.events(service, since)
    return sorted([*explained(own, told), *told], key=lambda event: event.at, reverse=True)


async def note_outside(deck: Deck, fleet: Fleet) -> Sequence[Event]:
    """Compare every ref that was read with its last reading in the journal.

    Without the right to write nothing is: what differs would be found again at every look.
    """
    if deck.read_only:
        return []
    found: list[Event] = []
    for service, readings in fleet.readings.items():
        found += await deck.journal.note_readings(service, readings, fleet.began)
    return found


def ways_back(seen: Observed) -> WaysBack:
    """Where `rollback` and `abort` would lead now, or why they cannot."""
    try:
        release = last_good(seen)
        plan = rollback(seen, None, None, "")
        parts = ", ".join(f"{s.ref.kind} {s.before}→{s.after}" for s in plan.sets[:2])
        back = f"{release.name}: {version_name(release.version)}" if release else ""
        if release and parts and not plan.find("traffic"):
            back = f"{release.name}: {parts}"
        can_rollback = bool(plan.sets)
        if not can_rollback:
            back = "nothing to put back"
    except ModeldeckError as error:
        back, can_rollback = error.message, False
    try:
        away, can_abort = abort(seen).title, True
    except ModeldeckError as error:
        away, can_abort = error.message, False
    return WaysBack(back, can_rollback, away, can_abort)
