"""Every service at a glance, read so that one dead backend dims its own part and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from backends.base import SlotState
from backends.journal.base import Change, Verdict
from commands.deck import Deck
from commands.sources.service import slot_states
from commands.together import together
from core.config import LAYERS, Layer, Service
from core.errors import BackendError, ModeldeckError
from core.freeze import Freeze, Frozen, frozen, longest
from core.history import Release
from core.observed import by_version
from core.refs import Ref, Value, alias_ref, slot_ref, traffic_ref
from core.releases import prompt_refs
from core.split import WHOLE, Split
from core.status import LayerState, OpenChange, ServiceStatus, State, unmeasured
from core.units import show_duration

FRESH_SECONDS = 60.0
"""An older verdict says nothing about now."""


@dataclass(frozen=True)
class Fleet:
    """All services, and the refs that were read on the way, per service."""

    services: tuple[ServiceStatus, ...]
    readings: Mapping[str, Mapping[Ref, tuple[Value, str]]] = field(default_factory=dict)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class _Journalled:
    verdicts: Mapping[str, Sequence[Verdict]] = field(default_factory=dict)
    matters: Mapping[str, Change] = field(default_factory=dict)
    freezes: Sequence[Freeze] = ()
    waiting: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The requests for approval that nobody has answered, per service."""
    now: datetime | None = None
    """For the journal."""
    error: BackendError | None = None


async def read_fleet(deck: Deck, name: str | None = None) -> Fleet:
    """The status of one service, or of all. Raises only where the name is unknown."""
    began = datetime.now(UTC)
    services = deck.services(name)
    aliases, journalled = await together(_aliases(deck, services), _journalled(deck))
    both = await together(*(_one(deck, item, aliases, journalled) for item in services))
    statuses = tuple(status for status, _ in both)
    return Fleet(statuses, {s.service: readings for s, readings in both}, began)


async def _aliases(
    deck: Deck, services: list[Service]
) -> Mapping[str, Mapping[str, str]] | ModeldeckError:
    """Of all models and prompts at once: a call for each would take a large registry a minute."""
    models = [service.model for service in services if service.model]
    prompts = [ref.parts[0] for service in services for ref in prompt_refs(service.prompts)]
    if not models and not prompts:
        return {}
    try:
        return await deck.registry.aliases([*models, *prompts])
    except ModeldeckError as error:
        return error


async def _journalled(deck: Deck) -> _Journalled:
    try:
        verdicts, changes, (freezes, now), (approvals, _) = await together(
            deck.journal.verdicts(),
            deck.journal.unsettled(),
            deck.journal.freezes(),
            deck.journal.approvals(None, limit=500, expired=False),
        )
        told = {**verdicts, **deck.judged}
        waiting: dict[str, tuple[str, ...]] = {}
        for one in approvals:
            if deck.counted(one).state(now) == "waiting":
                waiting[one.plan.service] = (*waiting.get(one.plan.service, ()), one.name)
        matters = {change.plan.service: change for change in changes}
        return _Journalled(told, matters, freezes, waiting, now)
    except BackendError as error:
        return _Journalled(deck.judged, error=error)


async def _one(
    deck: Deck,
    service: Service,
    aliases: Mapping[str, Mapping[str, str]] | ModeldeckError,
    journalled: _Journalled,
) -> tuple[ServiceStatus, Mapping[Ref, tuple[Value, str]]]:
    now = datetime.now(UTC)
    errors: dict[str, str] = {}
    readings: dict[Ref, tuple[Value, str]] = {}
    split, slots = await together(
        _split(deck, service, errors, readings), slot_states(deck, service)
    )
    prompts = _prompts(service, aliases, errors, readings)
    held = _held(service, slots, errors, readings)
    champion = _champion(service, aliases, errors, readings)
    if journalled.error:
        errors["journal"] = journalled.error.message
    live = by_version(split.weights, held) if split else {}
    release = await _release(deck, service, split, live, prompts)
    verdicts = journalled.verdicts.get(service.name, ())
    # Verdicts are dated by the journal's clock, which on a shared one is not this machine's.
    layers = _layers(verdicts, journalled.now or now)
    change = journalled.matters.get(service.name)
    status = ServiceStatus(
        service.name,
        service.model,
        deck.environment,
        champion,
        {version: share / WHOLE for version, share in live.items()},
        {v: share / WHOLE for v, share in by_version(split.mirrors, held).items()} if split else {},
        layers,
        release.name if release else None,
        _open_change(change) if change else None,
        None,
        now,
        errors,
        _since(verdicts, layers),
        _frozen(deck, service, journalled),
        journalled.waiting.get(service.name, ()),
    )
    return status, readings


def _frozen(deck: Deck, service: Service, journalled: _Journalled) -> Frozen | None:
    windows = deck.config.environment.freeze
    own = frozen(service.name, journalled.freezes, (), journalled.now or deck.clock())
    return longest(own, frozen(service.name, (), windows, deck.clock()))


async def _split(
    deck: Deck,
    service: Service,
    errors: dict[str, str],
    readings: dict[Ref, tuple[Value, str]],
) -> Split | None:
    router = deck.router(service)
    if router is None:
        return None
    ref = traffic_ref(service.name)
    try:
        reading = await router.read(ref)
    except ModeldeckError as error:
        errors["traffic"] = error.message
        return None
    readings[ref] = (reading.value, reading.note)
    return reading.value if isinstance(reading.value, Split) else None


def _prompts(
    service: Service,
    aliases: Mapping[str, Mapping[str, str]] | ModeldeckError,
    errors: dict[str, str],
    readings: dict[Ref, tuple[Value, str]],
) -> dict[str, str]:
    found: dict[str, str] = {}
    for ref in prompt_refs(service.prompts):
        name, alias = ref.parts
        if isinstance(aliases, ModeldeckError):
            errors["registry"] = aliases.message
            break
        if name not in aliases:
            errors["registry"] = f"the registry has no prompt {name!r}"
            break
        value = aliases[name].get(alias)
        readings[ref] = (value, "")
        if value is not None:
            found[ref.name] = value
    return found


def _held(
    service: Service,
    slots: Mapping[str, SlotState | BackendError],
    errors: dict[str, str],
    readings: dict[Ref, tuple[Value, str]],
) -> dict[str, str | None]:
    held: dict[str, str | None] = {}
    for name, state in slots.items():
        if isinstance(state, BackendError):
            errors[f"slot {name}"] = state.message
        else:
            held[name] = state.version
            readings[slot_ref(service.name, name)] = (state.version, "")
    return held


def _champion(
    service: Service,
    aliases: Mapping[str, Mapping[str, str]] | ModeldeckError,
    errors: dict[str, str],
    readings: dict[Ref, tuple[Value, str]],
) -> str | None:
    if service.model is None:
        return None
    if isinstance(aliases, ModeldeckError):
        errors["registry"] = aliases.message
        return None
    if service.model not in aliases:
        errors["registry"] = f"the registry has no model {service.model!r}"
        return None
    champion = aliases[service.model].get(service.champion_alias)
    readings[alias_ref(service.model, service.champion_alias)] = (champion, "")
    return champion


async def _release(
    deck: Deck,
    service: Service,
    split: Split | None,
    live: Mapping[str, int],
    prompts: Mapping[str, str],
) -> Release | None:
    if split is None or split.settled is None or len(live) != 1:
        return None
    try:
        releases = await deck.journal.releases(service.name)
    except BackendError:
        return None
    (version,) = live
    same = (r for r in releases if r.version == version and dict(r.prompts) == dict(prompts))
    return next(same, None)


def _layers(verdicts: Sequence[Verdict], now: datetime) -> dict[Layer, LayerState]:
    """The last verdicts; one that is old is unknown, and says how old it is."""
    layers = unmeasured()
    for verdict in verdicts:
        layer = next((name for name in LAYERS if name == verdict.layer), None)
        if layer is None:
            continue
        age = (now - verdict.taken).total_seconds()
        if age > FRESH_SECONDS:
            said = f"last judged {show_duration(age)} ago: {verdict.state}"
            layers[layer] = LayerState(State.UNKNOWN, said)
        else:
            layers[layer] = LayerState(State(verdict.state), verdict.because)
    return layers


def _since(verdicts: Sequence[Verdict], layers: Mapping[Layer, LayerState]) -> datetime | None:
    """When the worst layer entered its state."""
    for wanted in (State.CRITICAL, State.WARNING):
        times = [v.since for v in verdicts if v.state == wanted and wanted in _states(layers)]
        if times:
            return min(times)
    return None


def _states(layers: Mapping[Layer, LayerState]) -> set[State]:
    return {layer.state for layer in layers.values()}


def _open_change(change: Change) -> OpenChange:
    plan = change.plan
    return OpenChange(
        change.number, plan.kind, change.state, change.actor, change.created, change.running
    )
