"""What is polled now: the fleet always, and the one service that the operator looks at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any

from core.errors import ModeldeckError
from core.snapshot import Snapshot
from tui.feeds import Feed, Store
from tui.pollers import Poller, Pollers
from tui.screens.scene import Subject
from tui.seam import Backend, Source, SourceKind, source_key

GOODBYE = 0.4
"""Seconds that everything together gets to close."""
MOST_KEPT = 48
"""Answers about single versions that are kept while other versions are looked at."""


class Watch:
    """Snapshots in, a store for the screens out. `changed` is called when there is news."""

    def __init__(
        self,
        backend: Backend,
        changed: Callable[[], None],
        now: Callable[[], datetime],
        pace: float = 1.0,
    ) -> None:
        self._backend = backend
        self._changed = changed
        self._now = now
        self._pace = pace
        self._pollers = Pollers()
        self._fleet: tuple[str, ...] = ()
        self._service: str | None = None
        self._kinds: frozenset[SourceKind] = frozenset()
        self._subject: Subject | None = None
        self._subjects: dict[str, Subject] = {}
        self._known: dict[str, Feed[Any]] = {}
        self._frozen: tuple[datetime, dict[str, Feed[Any]]] | None = None
        self._opened = False
        self.news = 0
        """Grows with everything that may change the picture, besides the passing of time."""

    async def open(self) -> None:
        """Open the backend and poll the fleet. Raises ModeldeckError."""
        await self._backend.open()
        sources = self._backend.sources()
        self._fleet = tuple(source.key for source in sources)
        self._opened = True
        for source in sources:
            self._poll(source)
        if self._service is not None:
            self.follow(self._service, self._kinds, self._subject)

    def follow(
        self, service: str, kinds: frozenset[SourceKind], subject: Subject | None = None
    ) -> None:
        """Poll these kinds of this service and of one version, and of no other any more."""
        self._service, self._kinds, self._subject = service, kinds, subject
        self.news += 1
        if not self._opened:
            return
        offered = self._backend.service_sources(service)
        if subject is not None:
            offered = [*offered, *self._backend.version_sources(service, subject.number)]
        sources = [source for source in offered if source.kind in kinds]
        self._pollers.keep([*self._fleet, *(source.key for source in sources)])
        for source in sources:
            known = self._still_known(source, subject) if source.version else None
            self._poll(source, known)

    def _still_known(self, source: Source[Any], subject: Subject | None) -> Snapshot[Any] | None:
        """What was read of the version while it stood as it does now; older news is let go."""
        key = source.key
        before = self._subjects.pop(key, None)
        if subject is not None:
            self._subjects[key] = subject
        for old in list(self._subjects)[:-MOST_KEPT]:
            del self._subjects[old]
            self._known.pop(old, None)
        if before != subject:
            self._pollers.poll_now([key])
            return None
        return self._known[key].snapshot if key in self._known else None

    def _poll(self, source: Source[Any], known: Snapshot[Any] | None = None) -> None:
        def publish(_snapshot: Snapshot[Any]) -> None:
            self.news += 1
            if source.wakes is not None:
                self._pollers.poll_now([source_key(source.wakes)])
            self._changed()

        every = source.every * self._pace
        poller = Poller(
            source.key, every, source.read, publish, now=self._now, known=known, whole=source.whole
        )
        self._pollers.start(poller)

    def look(self) -> tuple[datetime, Store, list[Feed[Any]]]:
        """The time and the feeds to draw, and the feeds of everything that is polled now."""
        running = {k: Feed(s, every) for k, (s, every) in self._pollers.snapshots().items()}
        self._known.update(running)
        at, store = self._frozen or (self._now(), self._known)
        return at, store, list(running.values())

    @property
    def paused(self) -> bool:
        return self._frozen is not None

    def pause(self) -> None:
        """Stop the picture, or let it go on; polling goes on meanwhile."""
        self.news += 1
        self._frozen = None if self._frozen else (self._now(), dict(self._known))

    def poll_now(self) -> None:
        self._pollers.poll_now()

    async def close(self) -> None:
        """Within `GOODBYE`; what hangs is cancelled and left."""
        closing = {
            asyncio.ensure_future(self._pollers.close()),
            asyncio.ensure_future(self._close_backend()),
        }
        _, hanging = await asyncio.wait(closing, timeout=GOODBYE)
        for task in hanging:
            task.cancel()

    async def _close_backend(self) -> None:
        try:
            await self._backend.close()
        except ModeldeckError:
            # Nobody is left to tell, and nothing depends on it.
            return
