"""`slots`: where versions are loaded, and what each slot is doing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backends.base import SlotCounts
from commands.deck import Deck
from commands.sources.service import read_split, slot_states
from commands.spec import Cell, Grid, Spec, positional
from commands.together import together
from core.config import Service
from core.errors import BackendError, ModeldeckError
from core.split import WHOLE, Split
from core.versions import version_name


@dataclass(frozen=True, slots=True)
class Args:
    service: str | None = positional(
        "the service; all without it", completes="service", default=None
    )


@dataclass(frozen=True, slots=True)
class SlotRow:
    """One slot. `active` is None where the router cannot be asked."""

    service: str
    slot: str
    address: str
    version: str | None
    ready: bool
    share: float
    shadow: float
    active: int | None
    requests: int | None
    can_load: bool
    detail: str
    error: BackendError | None = None


@dataclass(frozen=True)
class SlotsReport:
    rows: tuple[SlotRow, ...]

    def data(self) -> Mapping[str, Any]:
        return {
            "slots": [
                {
                    "service": row.service,
                    "slot": row.slot,
                    "host": row.address,
                    "gpu": None,
                    "version": row.version,
                    "ready": row.ready,
                    "traffic": row.share,
                    "shadow": row.shadow,
                    "active_requests": row.active,
                    "requests": row.requests,
                    "can_load": row.can_load,
                    "detail": row.detail or None,
                }
                for row in self.rows
            ]
        }

    def grids(self) -> Sequence[Grid]:
        rows: list[Sequence[Cell]] = []
        for row in self.rows:
            ready: Cell = ("✔ ready", "ok") if row.ready else ("✖ not ready", "critical")
            share = f"{row.share * 100:g} %" if row.share else "idle"
            if row.shadow:
                share += f" shadow {row.shadow * 100:g} %"
            rows.append(
                (
                    (row.service, "strong"),
                    row.slot,
                    version_name(row.version) if row.version else "–",
                    ready,
                    share,
                    "–" if row.active is None else str(row.active),
                    row.address,
                    (row.detail, "dim"),
                )
            )
        columns = ("service", "slot", "version", "", "traffic", "active", "address", "")
        return [Grid(columns, rows, empty="no slots in the config", right=frozenset({5}))]

    def error(self) -> ModeldeckError | None:
        return next((row.error for row in self.rows if row.error), None)


async def read_slots_of(deck: Deck, service: Service) -> tuple[SlotRow, ...]:
    """Every slot of one service; what cannot be asked is said in its row."""
    states, (split, counts, trouble) = await together(
        slot_states(deck, service), _traffic(deck, service)
    )
    rows = []
    for name, state in states.items():
        slot = deck.slot(service, name)
        failed = state if isinstance(state, BackendError) else None
        count = counts.get(name)
        rows.append(
            SlotRow(
                service.name,
                name,
                slot.address,
                None if isinstance(state, BackendError) else state.version,
                not isinstance(state, BackendError) and state.ready,
                (split.weights.get(name, 0) if split else 0) / WHOLE,
                (split.mirrors.get(name, 0) if split else 0) / WHOLE,
                count.active if count else None,
                count.requests if count else None,
                slot.can_load,
                state.message if isinstance(state, BackendError) else state.detail,
                failed or trouble,
            )
        )
    return tuple(rows)


async def _traffic(
    deck: Deck, service: Service
) -> tuple[Split | None, Mapping[str, SlotCounts], BackendError | None]:
    router = deck.router(service)
    if router is None:
        return None, {}, None
    split: Split | None = None
    try:
        split = await read_split(router, service)
        return split, await router.counts(), None
    except BackendError as error:
        return split, {}, error


async def run(deck: Deck, args: Args) -> SlotsReport:
    services = deck.services(args.service)
    rows = await together(*(read_slots_of(deck, service) for service in services))
    return SlotsReport(tuple(row for group in rows for row in group))


SPEC = Spec(
    "slots",
    "query",
    "The slots: address, version, ready, share of traffic, active requests",
    Args,
    run,
    ("modeldeck slots", "modeldeck slots tumor -o json"),
    watch=True,
)
