"""What one slot's scrapes say of a stretch of time, reduced to what the catalog asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from core.concepts import CATALOG, START_TIME, Catalog, Pick, rules
from core.rates import Buckets, Sample, bucket_increases, increases, merge


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


def page_key(page: Page) -> PageKey:
    return (page.vantage, page.slot)


@dataclass(frozen=True, slots=True)
class Counted:
    """What one slot's pages say of a stretch of time; a pick without any series is left out.

    With one page only there is no stretch: `seconds` is 0, and nothing is known but the gauges.
    """

    engine: str
    seconds: float
    shown: frozenset[Pick] = frozenset()
    """The picks that are on the last page."""
    increases: Mapping[Pick, float] = field(default_factory=dict)
    buckets: Mapping[Pick, Buckets] = field(default_factory=dict)
    gauges: Mapping[Pick, float] = field(default_factory=dict)
    """As of its end."""


def count(before: Page | None, after: Page, catalog: Catalog = CATALOG) -> Counted:
    """What happened between two pages of the same slot; without a first one, only the gauges."""
    increased: dict[Pick, float] = {}
    histograms: dict[Pick, Buckets] = {}
    gauges: dict[Pick, float] = {}
    shown: set[Pick] = set()
    restarted = before is not None and _restarted(before, after)
    for kind, pick in _picks(after.engine, catalog):
        now = _matching(after, pick)
        if not now:
            continue
        shown.add(pick)
        if kind == "gauge":
            gauges[pick] = sum(sample.value for sample in now)
        elif before is not None:
            then = _matching(before, pick)
            if kind == "quantile":
                gained = bucket_increases(then, now, restarted=restarted)
                if gained is not None:
                    histograms[pick] = gained
            else:
                increased[pick] = sum(increases(then, now, restarted=restarted).values())
    seconds = after.taken - before.taken if before is not None else 0.0
    return Counted(after.engine, seconds, frozenset(shown), increased, histograms, gauges)


def _restarted(before: Page, after: Page) -> bool:
    then, now = (
        [sample.value for sample in page.series.get(START_TIME, ())] for page in (before, after)
    )
    return bool(then and now) and then != now


def _matching(page: Page, pick: Pick) -> Sequence[Sample]:
    samples = page.series.get(pick.name, ())
    return [s for s in samples if pick.matches(s.labels)] if pick.where else samples


def _picks(engine: str, catalog: Catalog) -> Iterable[tuple[str, Pick]]:
    """Each pick of the engine once, with the kind of rule that uses it."""
    seen: dict[Pick, str] = {}
    for concept in catalog.values():
        for rule in rules(concept, engine):
            for pick in rule.picks:
                seen.setdefault(pick, rule.kind)
    return ((kind, pick) for pick, kind in seen.items())


def add_up(stretches: Sequence[Counted]) -> Counted:
    """Neighbouring stretches of one slot as one, oldest first; there is at least one."""
    last = stretches[-1]
    if len(stretches) == 1:
        return last
    total: dict[Pick, float] = {}
    histograms: dict[Pick, list[Buckets]] = {}
    for stretch in stretches:
        for pick, value in stretch.increases.items():
            total[pick] = total.get(pick, 0.0) + value
        for pick, buckets in stretch.buckets.items():
            histograms.setdefault(pick, []).append(buckets)
    merged = {pick: whole for pick, parts in histograms.items() if (whole := merge(parts))}
    seconds = sum(stretch.seconds for stretch in stretches)
    return Counted(last.engine, seconds, last.shown, total, merged, last.gauges)
