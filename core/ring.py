"""The recent past of one service's metrics, in bounded memory: figures over a window, sparklines."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.concepts import CATALOG, Catalog
from core.figures import Figure
from core.measure import tell
from core.scrapes import Counted, Page, PageKey, Reading, add_up, count, read


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What was counted up to `end`, in seconds since the epoch."""

    end: float
    counted: Counted


@dataclass(slots=True)
class _Line:
    """A figure's past as numbers: sixteen bytes a point."""

    times: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def put(self, at: float, value: float) -> None:
        if self.times and self.times[-1] >= at:
            self.values[-1] = value
        else:
            self.times.append(at)
            self.values.append(value)

    def points(self) -> tuple[tuple[float, float], ...]:
        return tuple(zip(self.times, self.values, strict=True))

    def thinned(self, oldest: float, fresh: float, step: float) -> _Line:
        """Nothing before `oldest`, and a step apart before `fresh`."""
        line = _Line()
        for at, value in self.points():
            if at >= oldest and (not line.times or at >= fresh or at - line.times[-1] >= step):
                line.put(at, value)
        return line


class Ring:
    """Of each slot it keeps the last reading, and of the time before only what was counted.

    `window`: how far back it reaches. `span`: the time that the usual figure is measured over,
    and each point of its history with it. `points`: about how many points a history keeps of the
    window; the last `fresh` seconds stay as fine as they were read. `patience`: a slot that was
    not read for longer has no figures. All in seconds.
    """

    def __init__(
        self,
        *,
        window: float = 900.0,
        span: float = 30.0,
        points: int = 60,
        fresh: float = 30.0,
        patience: float = 15.0,
        catalog: Catalog = CATALOG,
    ) -> None:
        self.window = window
        self.span = span
        self._step = window / points
        self._fresh = fresh
        self._most = round(1.5 * points)
        """Of stretches and points, before the old ones are thinned."""
        self._patience = patience
        self._catalog = catalog
        self._now = -math.inf
        self._versions: dict[str, str] = {}
        self._held: dict[str, str] = {}
        """The version last known of each slot, also while nobody can tell it."""
        self._last: dict[PageKey, Reading] = {}
        self._stretches: dict[PageKey, list[_Stretch]] = {}
        self._history: dict[tuple[str, str | None], _Line] = {}
        self._latest: tuple[Figure, ...] = ()

    def add(self, pages: Iterable[Page], versions: Mapping[str, str], now: float) -> None:
        """Take in what one round of polls brought; nothing, where all failed.

        `versions` maps each slot to the version that it holds, as `core.measure.figures` has it.
        What a slot counted before its version changed is not counted for the new one.
        """
        self._now = max(self._now, now)
        self._versions = dict(versions)
        changed = {s for s, v in versions.items() if self._held.get(s, v) != v}
        self._held.update(versions)
        for key in [key for key in self._last if key[1] in changed]:
            self._forget(key)
        for page in pages:
            self._take(read(page, self._catalog))
        for key in [k for k, page in self._last.items() if page.taken < self._now - self.window]:
            self._forget(key)
        self._remember()

    def figures(self, window: float | None = None) -> tuple[Figure, ...]:
        """Every figure over the last `window` seconds (the usual span if None), with its history.

        The same order and the same reasons for None as `core.measure.figures`.
        """
        told = self._latest if window is None else self._tell(window)
        return tuple(
            replace(figure, history=line.points())
            if (line := self._history.get((figure.concept, figure.version)))
            else figure
            for figure in told
        )

    def _take(self, page: Reading) -> None:
        key = page.key
        last = self._last.get(key)
        if last is not None and last.engine != page.engine:
            self._forget(key)
            last = None
        if last is not None and page.taken <= last.taken:
            return
        self._last[key] = page
        kept = self._stretches.setdefault(key, [])
        kept.append(_Stretch(page.taken, count(last, page)))
        if len(kept) > self._most:
            self._stretches[key] = self._thin(kept)

    def _thin(self, kept: Sequence[_Stretch]) -> list[_Stretch]:
        """Old stretches joined until each is two steps long; what they counted is all still there."""
        thinned: list[_Stretch] = []
        for stretch in kept:
            if stretch.end < self._now - self.window:
                continue
            previous = thinned[-1] if thinned else None
            old = stretch.end < self._now - self._fresh
            if previous and old and previous.counted.seconds < 2 * self._step:
                joined = add_up([previous.counted, stretch.counted])
                thinned[-1] = _Stretch(stretch.end, joined)
            else:
                thinned.append(stretch)
        return thinned

    def _forget(self, key: PageKey) -> None:
        self._last.pop(key, None)
        self._stretches.pop(key, None)

    def _tell(self, window: float) -> tuple[Figure, ...]:
        counted: dict[PageKey, Counted] = {}
        for key, page in self._last.items():
            if page.taken < self._now - self._patience:
                continue
            since = page.taken - window
            kept = self._stretches[key]
            # At least the last stretch, also where the polls are further apart than the window.
            inside = [s.counted for s in kept if s.end > since + s.counted.seconds / 2]
            counted[key] = add_up(inside or [kept[-1].counted])
        return tell(counted, self._versions, self._catalog)

    def _remember(self) -> None:
        """A point of history for each figure as it is now; NaN where it cannot be told."""
        self._latest = self._tell(self.span)
        for figure in self._latest:
            key = (figure.concept, figure.version)
            line = self._history.get(key)
            if line is None and figure.value is not None:
                line = self._history[key] = _Line()
            if line is not None:
                line.put(self._now, math.nan if figure.value is None else figure.value)
        oldest, fresh = self._now - self.window, self._now - self._fresh
        for key, line in list(self._history.items()):
            if line.times[-1] < oldest:
                del self._history[key]
            elif len(line.times) > self._most:
                self._history[key] = line.thinned(oldest, fresh, self._step)
