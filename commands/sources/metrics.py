"""The figures of a service: one scrape of its router and its engines, and a watch over time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from backends.base import MetricsPage, SlotState
from backends.journal.base import Verdict
from commands.deck import Deck
from commands.sources.service import read_prompts, read_split, slot_states
from commands.together import together
from core.concepts import CATALOG, engines_of, wanted
from core.config import Layer, Service
from core.errors import BackendError, ModeldeckError
from core.figures import Figure, limited
from core.layers import judge_layers
from core.measure import figures
from core.ring import Ring
from core.split import Split
from core.status import LayerState, State
from core.versions import version_name

BETWEEN_SECONDS = 2.0
"""Between the two scrapes of a script's `metrics`."""
SAME_LOOK_SECONDS = 1.0
BASELINE_EVERY = 60.0
BASELINE_WINDOW = 300.0


@dataclass(frozen=True)
class Scrape:
    """What one round of polls brought; `errors` says per source what could not be asked."""

    pages: tuple[MetricsPage, ...]
    versions: Mapping[str, str]
    taken: float
    split: Split | None = None
    errors: Mapping[str, BackendError] = field(default_factory=dict)

    @property
    def live(self) -> frozenset[str]:
        """The versions that have live or shadow traffic."""
        slots = self.split.slots() if self.split else frozenset()
        return frozenset(self.versions.get(slot, f"?{slot}") for slot in slots)

    @property
    def serving(self) -> str | None:
        """The version that has all traffic; None while it is split or not known."""
        slot = self.split.settled if self.split else None
        return self.versions.get(slot) if slot else None


async def scrape(deck: Deck, service: Service) -> Scrape:
    """Every page of the service's router and slots, taken at once. Never raises BackendError."""
    errors: dict[str, BackendError] = {}
    names = _names()

    async def router_pages() -> Sequence[MetricsPage]:
        router = deck.router(service)
        try:
            return await router.pages(names) if router else ()
        except BackendError as error:
            errors["router"] = error
            return ()

    async def slot_pages(name: str) -> Sequence[MetricsPage]:
        try:
            return await deck.slot(service, name).pages(names)
        except BackendError as error:
            errors[f"slot {name}"] = error
            return ()

    async def split_now() -> Split | None:
        try:
            return await read_split(deck.router(service), service)
        except BackendError as error:
            errors["router"] = error
            return None

    states, split, pages = await together(
        slot_states(deck, service),
        split_now(),
        together(router_pages(), *(slot_pages(name) for name in service.slots)),
    )
    versions = {}
    for name, state in states.items():
        if isinstance(state, SlotState) and state.version is not None:
            versions[name] = state.version
    every = tuple(page for group in pages for page in group)
    return Scrape(every, versions, time.time(), split, errors)


_WANTED: frozenset[str] | None = None


def _names() -> frozenset[str]:
    """Every name that the catalog reads of any engine."""
    global _WANTED
    if _WANTED is None:
        engines = {
            e for concept in CATALOG.values() for name in concept.rules for e in engines_of(name)
        }
        _WANTED = frozenset(name for engine in engines for name in wanted(engine))
    return _WANTED


async def measure(
    deck: Deck, service: Service, seconds: float
) -> tuple[Scrape, tuple[Figure, ...]]:
    """Two scrapes `seconds` apart and the figures between them.

    Raises the BackendError of the service's only sources where none could be asked.
    """
    first = await scrape(deck, service)
    await asyncio.sleep(seconds)
    second = await scrape(deck, service)
    if not second.pages and second.errors:
        raise next(iter(second.errors.values()))
    told = figures(first.pages, second.pages, _known(service, second.versions))
    return second, with_traffic(limited(told, service.thresholds), second.live)


async def measure_version(
    deck: Deck, service: Service, version: str, concept: str, seconds: float
) -> tuple[Figure | None, str]:
    """One concept on the live or shadow traffic of one version, or why there is none.

    Never raises BackendError: what cannot be asked is a reason too. A router counts no mirrored
    requests for its users, so that a version which has only those is seen from its engine.
    """
    first = await scrape(deck, service)
    if version not in first.live:
        errors = "; ".join(error.message for error in first.errors.values())
        return None, errors or f"{version_name(version)} has neither live nor shadow traffic"
    await asyncio.sleep(seconds)
    second = await scrape(deck, service)
    split = second.split
    if split is None or first.split != split or first.versions != second.versions:
        return None, "the split moved while it was measured"
    users = any(second.versions.get(slot) == version for slot in split.weights)
    pages = [
        [page for page in taken.pages if users or page.vantage == "engine"]
        for taken in (first, second)
    ]
    told = figures(pages[0], pages[1], _known(service, second.versions))
    found = next((f for f in told if f.concept == concept and f.version == version), None)
    return found, "" if found else f"nothing measures {concept}"


def _known(service: Service, versions: Mapping[str, str]) -> Mapping[str, str]:
    """Slots whose version nobody could tell stand under their own name."""
    return {name: versions.get(name, f"?{name}") for name in service.slots}


def with_traffic(told: Iterable[Figure], live: frozenset[str]) -> tuple[Figure, ...]:
    """The figures of the whole service, and of each version where traffic is split."""
    split = live if len(live) > 1 else frozenset()
    return tuple(f for f in told if f.version is None or f.version in split)


class Watch:
    """One service watched over time: figures over the last seconds, history for sparklines."""

    def __init__(self, deck: Deck, service: Service) -> None:
        self._deck = deck
        self._service = service
        self._ring = Ring()

    async def look(self) -> Scrape:
        """One more scrape into the ring."""
        taken = await scrape(self._deck, self._service)
        self._ring.add(taken.pages, _known(self._service, taken.versions), taken.taken)
        return taken

    def figures(self, window: float | None = None) -> tuple[Figure, ...]:
        return limited(self._ring.figures(window), self._service.thresholds)

    def layers(self) -> Mapping[Layer, LayerState]:
        return judge_layers(self._ring.figures(), self._service.thresholds)


class Recorder:
    """Watches every service and keeps what it judged in the journal, for scripts and releases.

    With a read-only deck nothing is recorded: the verdicts last as long as the program.

    A round that a backend spoils is a round without a verdict, never an end of the watch.
    """

    def __init__(self, deck: Deck) -> None:
        self._deck = deck
        self.watches = {s.name: Watch(deck, s) for s in deck.services()}
        self._noted: dict[str, float] = {}
        self._looked: dict[str, Scrape] = {}

    async def round(self, name: str) -> Scrape:
        """Look at one service once, and record the states of its layers.

        A look that somebody took within the last second serves again.
        """
        known = self._looked.get(name)
        if known is not None and time.time() - known.taken < SAME_LOOK_SECONDS:
            return known
        watch = self.watches[name]
        self._looked[name] = taken = await watch.look()
        layers = watch.layers()
        verdicts: dict[str, tuple[str, str]] = {
            layer: (state.state.value, state.because) for layer, state in layers.items()
        }
        if self._deck.read_only:
            self._keep(name, verdicts)
            return taken
        release = await self._release(name, taken)
        await self._deck.journal.note_health(name, release, verdicts)
        if release is not None and layers["system"].state is State.OK:
            await self._note_baseline(name, release)
        return taken

    def _keep(self, name: str, verdicts: Mapping[str, tuple[str, str]]) -> None:
        """The verdicts for this program alone: a read-only deck writes nothing."""
        now = datetime.now(UTC)
        before = {v.layer: v for v in self._deck.judged.get(name, ())}

        def since(layer: str, state: str) -> datetime:
            known = before.get(layer)
            return known.since if known is not None and known.state == state else now

        self._deck.judged[name] = tuple(
            Verdict(layer, state, because, now, since(layer, state))
            for layer, (state, because) in verdicts.items()
        )

    async def _release(self, name: str, taken: Scrape) -> int | None:
        """The number of the release that serves, recorded as r1 where there is none yet."""
        if taken.serving is None:
            return None
        from commands.door import found_release

        service = self._deck.service(name)
        try:
            prompts = await read_prompts(self._deck, service)
            await found_release(self._deck, name)
        except ModeldeckError:
            return None
        wanted = {ref.name: version for ref, version in prompts.items() if version is not None}
        for release in await self._deck.journal.releases(name):
            if release.version == taken.serving and dict(release.prompts) == wanted:
                return release.number
        return None

    async def _note_baseline(self, name: str, release: int) -> None:
        noted = self._noted.get(name, -BASELINE_EVERY)
        if time.monotonic() - noted < BASELINE_EVERY:
            return
        self._noted[name] = time.monotonic()
        told = {
            figure.concept: figure.value
            for figure in self.watches[name].figures(BASELINE_WINDOW)
            if figure.version is None and figure.value is not None
        }
        if told:
            await self._deck.journal.note_baseline(name, release, told)
