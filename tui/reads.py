"""What the console's panels poll, each from the reader that the commands use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from commands.changes import ChangesReport
from commands.deck import Deck
from commands.slots import read_slots_of
from commands.sources.arrivals import Arrivals
from commands.sources.fleet import read_fleet
from commands.sources.history import ways_back
from commands.sources.metrics import Recorder, with_traffic
from commands.sources.service import observe_for_return, read_model, read_split
from core.errors import BackendError, ModeldeckError
from core.figures import Mark
from core.history import Event, WaysBack
from core.observed import Observed
from core.releases import last_good
from core.split import WHOLE
from core.units import show_duration, show_time
from core.versions import version_name
from tui.seam import (
    Instruments,
    ReleaseView,
    ServiceView,
    SlotView,
    SourceKind,
    TrafficView,
    VersionsView,
)
from tui.story import Story

OBSERVED_SECONDS = 3.0
_NEEDS: Mapping[SourceKind, str] = {"versions": "model"}


class Reads:
    """The reads of one console. `words` holds what completion may offer, as last read."""

    def __init__(self, deck: Deck, recorder: Recorder) -> None:
        self._deck = deck
        self._recorder = recorder
        self._arrivals = Arrivals(deck)
        self._observed: dict[
            str, tuple[float, asyncio.Future[tuple[Observed, BackendError | None]]]
        ] = {}
        self._story = Story(deck)
        self.ledger = self._story.ledger
        self.words: dict[str, list[str]] = {"service": list(deck.config.services)}
        if deck.config.demo is not None:
            self.words["fault"] = []

    def has(self, service: str, kind: SourceKind) -> bool:
        """Whether the service's config makes this source possible."""
        need = _NEEDS.get(kind)
        return need is None or getattr(self._deck.service(service), need) is not None

    async def services(self) -> tuple[ServiceView, ...]:
        fleet = await read_fleet(self._deck)
        await self._story.note(fleet)
        lines = await asyncio.gather(*(self._canary(s.service, s.traffic) for s in fleet.services))
        return tuple(
            ServiceView(status, canary)
            for status, canary in zip(fleet.services, lines, strict=True)
        )

    async def changes(self) -> ChangesReport:
        report = await self._story.changes()
        asked, _ = await self._deck.journal.approvals(None, expired=False)
        self.words["approval"] = [one.name for one in asked if one.change is None]
        return report

    async def figures(self, service: str) -> Instruments:
        taken = await self._recorder.round(service)
        if not taken.pages and taken.errors:
            raise next(iter(taken.errors.values()))
        marks = tuple(Mark(event.at, event.what) for event in self._moves(service))
        figures = with_traffic(self._recorder.watches[service].figures(), taken.live)
        release, baseline = await self._baseline(service)
        return Instruments(figures, release, baseline, marks)

    def _moves(self, service: str) -> list[Event]:
        return [e for e in self._story.events if e.service == service and e.moved]

    async def _baseline(
        self, service: str
    ) -> tuple[str | None, dict[tuple[str, str | None], float]]:
        """The figures of the release to compare with: the one that a rollback would lead to."""
        try:
            seen = await self._seen(service)
        except ModeldeckError:
            return None, {}
        release = last_good(seen) or seen.release_now()
        if release is None:
            return None, {}
        noted = await self._deck.journal.baseline(service, release.number)
        return release.name, {(concept, None): value for concept, value in noted.items()}

    async def _seen(self, service: str) -> Observed:
        """The service as observed within the last seconds: several panels ask at once."""
        known = self._observed.get(service)
        if known is None or time.monotonic() - known[0] > OBSERVED_SECONDS:
            asked = asyncio.ensure_future(
                observe_for_return(self._deck, self._deck.service(service))
            )
            known = self._observed[service] = (time.monotonic(), asked)
        seen, _ = await asyncio.shield(known[1])
        return seen

    async def ways(self, service: str) -> WaysBack:
        return ways_back(await self._seen(service))

    async def versions(self, service: str) -> VersionsView:
        found = self._deck.service(service)
        model = await read_model(self._deck, found)
        assert model is not None
        self.words[f"version {service}"] = [
            *(f"@{alias}" for alias in model.aliases),
            *(version.number for version in model.versions),
        ]
        return VersionsView(model, found.champion_alias, await self._story.chain(model))

    async def slots(self, service: str) -> tuple[SlotView, ...]:
        rows = await read_slots_of(self._deck, self._deck.service(service))
        return tuple(
            SlotView(
                row.slot,
                row.version,
                None if row.error is not None and row.version is None else row.ready,
                row.active,
                row.address,
                row.detail,
            )
            for row in rows
        )

    async def releases(self, service: str) -> tuple[ReleaseView, ...]:
        found = self._deck.service(service)
        seen = await self._seen(service)
        now = seen.release_now()
        self.words[f"release {service}"] = [release.name for release in seen.releases]
        views = []
        for release in seen.releases:
            good = release.good(found.good_after)
            prompts = ", ".join(f"{name} {number}" for name, number in release.prompts.items())
            views.append(
                ReleaseView(
                    release.name,
                    release.version,
                    show_time(release.taken),
                    release.by,
                    True if good else None,
                    now is not None and now.number == release.number,
                    prompts,
                )
            )
        return tuple(views)

    async def traffic(self, service: str) -> tuple[TrafficView, ...]:
        """What is wanted per slot, and what arrived since the split was last seen to move."""
        found = self._deck.service(service)
        router = self._deck.router(found)
        if router is None:
            return ()
        split, rows = await asyncio.gather(
            read_split(router, found), read_slots_of(self._deck, found)
        )
        if split is None:
            return ()
        arrived = await self._arrivals.since_split(found, split)
        total = sum(count.requests for count in arrived.values())
        return tuple(
            TrafficView(
                row.version,
                row.slot,
                split.weights.get(row.slot, 0) / WHOLE,
                split.mirrors.get(row.slot, 0) / WHOLE,
                arrived[row.slot].requests / total if total and row.slot in arrived else None,
                arrived[row.slot].requests if row.slot in arrived else None,
                arrived[row.slot].errors if row.slot in arrived else None,
            )
            for row in rows
        )

    async def _canary(self, service: str, traffic: Mapping[str, float]) -> str:
        """ "v13 5 %: 3 errors of 812, champion 3 of 15,428": what is known of a canary."""
        if len(traffic) != 2:
            return ""
        try:
            views = await self.traffic(service)
        except ModeldeckError:
            return ""
        live = sorted((view for view in views if view.wanted), key=lambda view: view.wanted)
        if len(live) != 2 or live[0].arrives is None or live[1].arrives is None:
            return ""
        small, large = (_counted(view) for view in live)
        name = version_name(live[0].version or f"?{live[0].slot}")
        other = version_name(live[1].version or f"?{live[1].slot}")
        share = f"{live[0].wanted * 100:g} %"
        return (
            f"{name} {share}: {small[0]} errors of {small[1]:,}, {other} {large[0]} of {large[1]:,}"
        )

    async def notes(self, service: str) -> tuple[str, ...]:
        """What an operator should know beside a plan."""
        notes = []
        watch = self._recorder.watches.get(service)
        figures = watch.figures() if watch else ()
        for figure in figures:
            if figure.concept == "request_rate" and figure.version is None and figure.value:
                notes.append(f"live requests: {figure.value:.3g}/s")
        events = self._moves(service)
        if events:
            age = show_duration((datetime.now(UTC) - events[0].at).total_seconds())
            notes.append(f"last changed {age} ago by {events[0].actor or 'somebody outside'}")
        return tuple(notes)


def _counted(view: TrafficView) -> tuple[int, int]:
    return view.errors or 0, view.requests or 0
