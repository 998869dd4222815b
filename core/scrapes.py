"""What one slot's scrapes say of a stretch of time, reduced to what the catalog asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from core.concepts import CATALOG, START_TIME, Catalog, Pick, picks
from core.rates import (
    Buckets,
    Counters,
    Histograms,
    Sample,
    bucket_increases,
    counters,
    histograms,
    increases,
    merge,
)


class Page(Protocol):
    """One scrape of one slot at one vantage point; `backends.base.MetricsPage` is one."""

    @property
    def engine(self) -> str: ...

    @property
    def vantage(self) -> str: ...

    @property
    def slot(self) -> str: ...

    @property
    def taken(self) -> float: ...

    @property
    def series(self) -> Mapping[str, Sequence[Sample]]: ...


PageKey = tuple[str, str]
"""(vantage, slot): a slot is seen once from each vantage point."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One page reduced to what the catalog picks from it."""

    engine: str
    vantage: str
    slot: str
    taken: float
    started: float | None
    """When the process began, where the engine tells it."""
    counters: Mapping[Pick, Counters]
    histograms: Mapping[Pick, Histograms]
    gauges: Mapping[Pick, float]

    @property
    def key(self) -> PageKey:
        return (self.vantage, self.slot)


def read(page: Page, catalog: Catalog = CATALOG) -> Reading:
    """A pick without any series is left out."""
    found_counters: dict[Pick, Counters] = {}
    found_histograms: dict[Pick, Histograms] = {}
    gauges: dict[Pick, float] = {}
    for pick, kind in picks(page.engine, catalog).items():
        samples: Sequence[Sample] = page.series.get(pick.name, ())
        if pick.where:
            samples = [sample for sample in samples if pick.matches(sample.labels)]
        if not samples:
            continue
        if kind == "gauge":
            gauges[pick] = sum(sample.value for sample in samples)
        elif kind == "quantile":
            found_histograms[pick] = histograms(samples)
        else:
            found_counters[pick] = counters(samples)
    # Several processes behind one page show no start, or several: then only falling counters tell.
    starts = page.series.get(START_TIME, ())
    started = starts[0].value if len(starts) == 1 else None
    return Reading(
        page.engine,
        page.vantage,
        page.slot,
        page.taken,
        started,
        found_counters,
        found_histograms,
        gauges,
    )


@dataclass(frozen=True, slots=True)
class Counted:
    """What one slot's readings say of a stretch of time; a pick without any series is left out.

    With one reading only there is no stretch: `seconds` is 0, and nothing is known but the gauges.
    """

    engine: str
    seconds: float
    shown: frozenset[Pick] = frozenset()
    """The picks that the last reading has."""
    increases: Mapping[Pick, float] = field(default_factory=dict)
    buckets: Mapping[Pick, Buckets] = field(default_factory=dict)
    gauges: Mapping[Pick, float] = field(default_factory=dict)
    """As of its end."""


def count(before: Reading | None, after: Reading) -> Counted:
    """What happened between two readings of the same slot; without a first one, only the gauges."""
    shown = _shared(frozenset([*after.counters, *after.histograms, *after.gauges]))
    if before is None:
        return Counted(after.engine, 0.0, shown, gauges=after.gauges)
    restarted = None not in (before.started, after.started) and before.started != after.started
    increased: dict[Pick, float] = {}
    gained: dict[Pick, Buckets] = {}
    for pick, now in after.counters.items():
        then = {} if restarted else before.counters.get(pick, {})
        increased[pick] = sum(increases(then, now).values())
    for pick, buckets in after.histograms.items():
        whole = bucket_increases({} if restarted else before.histograms.get(pick, {}), buckets)
        if whole is not None:
            gained[pick] = whole
    seconds = after.taken - before.taken
    return Counted(after.engine, seconds, shown, increased, gained, after.gauges)


@lru_cache(maxsize=256)
def _shared(shown: frozenset[Pick]) -> frozenset[Pick]:
    """The same object for the same picks, since many stretches are kept."""
    return shown


def add_up(stretches: Sequence[Counted]) -> Counted:
    """Neighbouring stretches of one slot as one, oldest first; there is at least one."""
    last = stretches[-1]
    if len(stretches) == 1:
        return last
    total: dict[Pick, float] = {}
    gained: dict[Pick, list[Buckets]] = {}
    for stretch in stretches:
        for pick, value in stretch.increases.items():
            total[pick] = total.get(pick, 0.0) + value
        for pick, buckets in stretch.buckets.items():
            gained.setdefault(pick, []).append(buckets)
    merged = {pick: whole for pick, parts in gained.items() if (whole := merge(parts))}
    seconds = sum(stretch.seconds for stretch in stretches)
    return Counted(last.engine, seconds, last.shown, total, merged, last.gauges)
