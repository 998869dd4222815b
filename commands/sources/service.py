"""One service as a plan maker needs it: read strictly, since a plan is made from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from backends.base import Router, SlotState
from backends.journal.base import Change
from commands.deck import Deck
from commands.together import together
from core.config import Service
from core.errors import BackendError
from core.history import Release
from core.observed import Observed, RouterView, SlotView
from core.refs import Ref, Value, traffic_ref
from core.releases import prompt_refs
from core.split import Split
from core.versions import Model


async def observe(deck: Deck, service: Service, *, registry: bool = True) -> Observed:
    """Everything that a plan may depend on, read just now.

    Raises BackendError where the registry or the router cannot be asked. A slot that does not
    answer is seen as one that is not ready. Without `registry` nothing is asked of it: the way
    back must not wait for a registry that is down.
    """
    router = deck.router(service)
    model, split, slots, prompts, releases, changes = await together(
        read_model(deck, service) if registry else nothing(),
        read_split(router, service),
        read_slots(deck, service),
        read_prompts(deck, service) if registry else nothing(),
        deck.journal.releases(service.name),
        deck.journal.changes(service.name),
    )
    previous = previous_split(changes)
    view = None
    if router is not None:
        ability = router.ability
        view = RouterView(ability.shadow, ability.smallest_step, ability.limits, router.guarded)
    if previous is None and split is not None and split.settled:
        previous = split
    return Observed(
        service,
        model,
        view,
        split,
        previous,
        slots,
        prompts or {},
        tuple(releases),
        deck.registry.guarded if model or prompts else False,
        blocked_versions(changes, service.model) if service.model else frozenset(),
        returned_to(changes, split),
    )


async def observe_for_return(deck: Deck, service: Service) -> tuple[Observed, BackendError | None]:
    """Like `observe`, and without the registry where it does not answer; the error says why."""
    try:
        return await observe(deck, service), None
    except BackendError as error:
        try:
            return await observe(deck, service, registry=False), error
        except BackendError:
            raise error from None


async def nothing() -> None:
    return None


async def read_model(deck: Deck, service: Service) -> Model | None:
    return await deck.registry.model(service.model) if service.model else None


async def read_split(router: Router | None, service: Service) -> Split | None:
    if router is None:
        return None
    value = (await router.read(traffic_ref(service.name))).value
    return value if isinstance(value, Split) else None


SHARED_SECONDS = 1.0
"""How old a slot's state may be that a poll shares with another."""


async def slot_states(
    deck: Deck, service: Service, *, max_age: float = SHARED_SECONDS
) -> Mapping[str, SlotState | BackendError]:
    """Every slot's state, or what failed when it was asked."""

    async def one(name: str) -> SlotState | BackendError:
        try:
            return await deck.slot(service, name).state()
        except BackendError as error:
            return error

    names = list(service.slots)
    states = await together(
        *(deck.shared(("state", service.name, name), max_age, partial(one, name)) for name in names)
    )
    return dict(zip(names, states, strict=True))


async def read_slots(deck: Deck, service: Service) -> Mapping[str, SlotView]:
    views: dict[str, SlotView] = {}
    for name, state in (await slot_states(deck, service, max_age=0.0)).items():
        slot = deck.slot(service, name)
        if isinstance(state, BackendError):
            views[name] = SlotView(None, False, False, state.message)
        else:
            views[name] = SlotView(state.version, state.ready, slot.can_load, slot.why_not)
    return views


async def read_prompts(deck: Deck, service: Service) -> Mapping[Ref, str | None]:
    refs = prompt_refs(service.prompts)
    readings = await together(*(deck.registry.read(ref) for ref in refs))
    return {ref: _text(reading.value) for ref, reading in zip(refs, readings, strict=True)}


def previous_split(changes: Sequence[Change]) -> Split | None:
    """The settled split before the running canary or shadow, from changes, newest first.

    What a change wanted counts only where it was set and stayed; what it set out from, always,
    but where somebody else's value was found.
    """
    for change in changes:
        moved = next((step for step in change.steps if step.ref.kind == "traffic"), None)
        if moved is None or change.state == "conflict":
            continue
        stayed = change.state == "done" or change.plan.goal == "back"
        arrived = stayed and moved.state in ("done", "found")
        for value in (moved.after if arrived else None, moved.before):
            if isinstance(value, Split) and value.settled:
                return value
    return None


def returned_to(changes: Sequence[Change], split: Split | None) -> str | None:
    """The release that the newest move of traffic led back to; of changes, newest first.

    Where a change was cut off before anybody noted what became of its write, `split`, which is live
    now, tells.
    """
    for change in changes:
        moved = any(
            step.ref.kind == "traffic"
            and (
                step.state in ("done", "found") or (step.state == "intent" and step.after == split)
            )
            for step in change.steps
        )
        if moved and (change.state == "done" or change.plan.goal == "back"):
            back = change.plan.kind == "rollback"
            return change.plan.evidence.get("release") if back else None
    return None


def blocked_versions(changes: Sequence[Change], model: str) -> frozenset[str]:
    """The versions of the model that rollbacks left behind; of changes, newest first.

    Also those whose block the registry was not there to take. Who makes one the champion lifts it.
    """
    found: dict[str, bool] = {}
    for change in changes:
        if change.state != "done" and change.plan.goal != "back":
            continue
        for step in change.steps:
            if step.ref.kind == "block" and step.ref.parts[0] == model:
                found.setdefault(step.ref.parts[1], step.after is not None)
            elif step.ref.kind == "alias" and change.plan.goal == "forward":
                found.setdefault(str(step.after), False)
        for version in change.plan.evidence.get("leaves", ()):
            found.setdefault(version, True)
    return frozenset(version for version, blocked in found.items() if blocked)


def release_of(seen: Observed) -> Release | None:
    """The release that what serves now would make; None while it is not settled."""
    from datetime import UTC, datetime

    live = seen.live
    if seen.split is None or seen.split.settled is None or len(live) != 1:
        return None
    (version,) = live
    if version.startswith("?"):
        return None
    prompts = {ref.name: value for ref, value in seen.prompts.items() if value is not None}
    return Release(0, seen.name, datetime.now(UTC), version, prompts, {}, dict(live))


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None
