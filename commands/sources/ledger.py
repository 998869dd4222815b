"""What other machines did to a model's aliases, as the registry's ledger tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from backends.base import Ledgered
from commands.deck import Deck
from core.config import Service
from core.errors import ModeldeckError
from core.history import Event
from core.ledger import Chain, Entry
from core.refs import alias_ref, prompt_ref, show

_OWN_CHANGES = 500
"""Changes of this journal whose entries are known to be ours."""
_STATES = {"set": "done", "dropped": "undone", "open": "running"}


@dataclass(frozen=True)
class Ledgers:
    """The chains per model and prompt; `error` says why there are none."""

    chains: Mapping[str, Chain] = field(default_factory=dict)
    error: ModeldeckError | None = None


async def read_ledgers(deck: Deck, services: Sequence[Service]) -> Ledgers:
    """In one question for all services. Never raises: the ledger explains, and nothing needs it."""
    if deck.config.registry is None:
        return Ledgers()
    names = [name for service in services for name in _owners(service)]
    if not names:
        return Ledgers()
    try:
        registry = deck.registry
        return (
            Ledgers(await registry.ledger(names)) if isinstance(registry, Ledgered) else Ledgers()
        )
    except ModeldeckError as error:
        return Ledgers(error=error)


async def elsewhere(
    deck: Deck, services: Sequence[Service], ledgers: Ledgers, since: datetime
) -> Sequence[Event]:
    """The entries that no change of this journal made."""
    if not ledgers.chains:
        return []
    found: list[Event] = []
    for service in services:
        chains = [ledgers.chains[name] for name in _owners(service) if name in ledgers.chains]
        if not any(chain.entries for chain in chains):
            continue
        changes = await deck.journal.changes(service.name, limit=_OWN_CHANGES)
        own = {change.id for change in changes}
        for chain in chains:
            found += [
                event(service, chain, entry)
                for entry in chain.entries
                if entry.at is not None
                and entry.at >= since
                and entry.deed.change not in own
                and _concerns(service, chain, entry)
            ]
    return found


def explained(events: Sequence[Event], told: Sequence[Event]) -> Sequence[Event]:
    """`events` without the outside changes that the ledger's entries, `told`, account for."""
    return [one for one in events if not any(_accounts_for(entry, one) for entry in told)]


def event(service: Service, chain: Chain, entry: Entry) -> Event:
    assert entry.at is not None
    deed = entry.deed
    notes = [deed.reason] if deed.reason else []
    if entry.overtaken and entry.end is not None:
        notes.append(f"never finished: {entry.end.by or 'somebody'} ended it")
    if deed.undo:
        notes.append("an undo")
    return Event(
        at=entry.at,
        service=service.name,
        what=_what(service, chain, entry),
        actor=entry.by,
        origin="ledger",
        kind=deed.command or "moved",
        state=_STATES[entry.state],
        reason="; ".join(notes),
        entry=entry.number,
    )


def said_of(chain: Chain, alias: str, value: str | None) -> str:
    """Who last moved the alias, and when; that it was moved past the ledger; "" for neither."""
    last = chain.settled(alias)
    if last is None:
        return ""
    when = f" {last.at:%Y-%m-%d %H:%M}Z" if last.at else ""
    if chain.moved_past(alias, value) is not None:
        return (
            f"@{alias} was moved past the ledger: {last.by} had set it to {show(last.after)}{when}"
        )
    now = chain.open
    if now is not None and now.alias == alias:
        return f"{now.by} is moving @{alias} to {show(now.after)}"
    return f"@{alias} by {last.by}{when}"


def _owners(service: Service) -> list[str]:
    prompts = [name.rpartition("@")[0] for name in service.prompts]
    return [name for name in dict.fromkeys([service.model, *prompts]) if name]


def _concerns(service: Service, chain: Chain, entry: Entry) -> bool:
    if chain.model == service.model:
        return True
    return f"{chain.model}@{entry.alias}" in service.prompts


def _what(service: Service, chain: Chain, entry: Entry) -> str:
    make = alias_ref if chain.model == service.model else prompt_ref
    ref = make(chain.model, entry.alias)
    return f"{ref} {show(entry.before)} → {show(entry.after)}"


def _accounts_for(entry: Event, outside: Event) -> bool:
    """The server's seconds are whole, and its clock need not be ours to the second."""
    if outside.origin != "outside" or entry.state != "done" or entry.what != outside.what:
        return False
    slack = 5.0
    late = (entry.at - outside.at).total_seconds()
    early = (outside.after - entry.at).total_seconds() if outside.after else 0.0
    return late <= slack and early <= slack
