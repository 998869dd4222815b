"""From two scrapes to what happened between them: increases, histograms, quantiles, ratios."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

Labels = frozenset[tuple[str, str]]
"""Label names and values: what tells the series of one name apart."""
Counters = Mapping[Labels, float]
"""The series of one name at one moment."""
Histograms = Mapping[Labels, Mapping[float, float]]
"""The `_bucket` series of one name at one moment: per series the count under each bound."""


class Sample(Protocol):
    """One sample of an exposition; `backends.base.Series` is one."""

    @property
    def labels(self) -> Mapping[str, str]: ...

    @property
    def value(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Told:
    """A figure, or in words why it cannot be told.

    `n` is the number of requests behind it, `bounds` the bucket of an interpolated quantile.
    """

    value: float | None
    n: int | None = None
    bounds: tuple[float, float] | None = None
    why: str = ""


def increase(before: float, after: float) -> float:
    """How far a counter rose: `after - before`, or `after` where it fell, since it began anew.

    NaN on either side stays NaN.
    """
    if math.isnan(before):
        return before
    return after - before if after >= before else after


def counters(samples: Iterable[Sample]) -> Counters:
    return {frozenset(sample.labels.items()): sample.value for sample in samples}


def increases(before: Counters, after: Counters) -> dict[Labels, float]:
    """The increase of each series.

    A series that was not there before counts from 0: exporters make a series with its first
    event. After a restart that nothing else shows, `before` is to be empty.
    """
    return {key: increase(before.get(key, 0.0), value) for key, value in after.items()}


def rate(total: float, seconds: float) -> Told:
    """`total / seconds`, per second; n is the total."""
    if seconds <= 0:
        return Told(None, why="no time passed between the scrapes")
    if not _countable(total):
        return Told(None, why=f"the counter reads {total:g}")
    return Told(total / seconds, round(total))


def ratio(part: float, whole: float, *, least: int = 1, things: str = "requests") -> Told:
    """`part / whole` of two increases: a share, or a mean where they are a sum and a count.

    Fewer than `least` in the whole cannot tell.
    """
    if not _countable(part) or not _countable(whole):
        return Told(None, why=f"the counters read {part:g} and {whole:g}")
    n = round(whole)
    if n < least:
        return Told(None, n, why=too_few(n, least, things))
    return Told(part / whole, n)


def too_few(n: int, least: int, things: str = "requests") -> str:
    if n == 0:
        return f"no {things} in this time"
    return f"{n} {things if n != 1 else things.removesuffix('s')}, {least} are needed"


def _countable(value: float) -> bool:
    return math.isfinite(value) and value >= 0


@dataclass(frozen=True, slots=True)
class Buckets:
    """A histogram: `counts[i]` observations were at or below `bounds[i]`.

    The last bound is +Inf, so the last count is that of all. Counts are floats, as scraped.
    """

    bounds: tuple[float, ...]
    counts: tuple[float, ...]

    @property
    def n(self) -> float:
        return self.counts[-1] if self.counts else 0.0


def histograms(samples: Iterable[Sample]) -> Histograms:
    """Samples without a bound that is a number are left out."""
    found: dict[Labels, dict[float, float]] = {}
    for sample in samples:
        labels = dict(sample.labels)
        try:
            bound = float(labels.pop("le"))
        except (KeyError, ValueError):
            continue
        found.setdefault(frozenset(labels.items()), {})[bound] = sample.value
    return found


def bucket_increases(before: Histograms, after: Histograms) -> Buckets | None:
    """What a histogram gained, added up over its series.

    A series of which any bucket fell began anew as a whole. None where `after` holds no series
    that ends in +Inf.
    """
    gained = [
        _gain(before.get(labels, {}), now) for labels, now in after.items() if math.inf in now
    ]
    return merge(gained)


def _gain(then: Mapping[float, float], now: Mapping[float, float]) -> Buckets:
    # Envoy shows nothing but an empty +Inf bucket until its first flush: then all others were 0.
    if not then.get(math.inf) or any(now.get(b, math.inf) < count for b, count in then.items()):
        return Buckets(_bounds(frozenset(now)), tuple(now[bound] for bound in sorted(now)))
    # The count of a bound that is new is not known for before.
    bounds = _bounds(frozenset(now) & frozenset(then))
    return Buckets(bounds, tuple(now[bound] - then[bound] for bound in bounds))


@lru_cache(maxsize=1024)
def _bounds(bounds: frozenset[float]) -> tuple[float, ...]:
    """Sorted; the same object for the same bounds, since many histograms share them."""
    return tuple(sorted(bounds))


def merge(parts: Sequence[Buckets]) -> Buckets | None:
    """Histograms added up. Where their bounds differ, those stay that all of them have: cumulative
    counts are exact there. None for no histogram at all."""
    if not parts:
        return None
    first = parts[0]
    if len(parts) == 1:
        return first
    if all(item.bounds == first.bounds for item in parts):
        return Buckets(first.bounds, tuple(map(sum, zip(*(h.counts for h in parts), strict=True))))
    shared = set(first.bounds).intersection(*(item.bounds for item in parts))
    tables = [dict(zip(item.bounds, item.counts, strict=True)) for item in parts]
    bounds = _bounds(frozenset(shared))
    return Buckets(bounds, tuple(sum(table[bound] for table in tables) for bound in bounds))


def least_for(q: float) -> int:
    """The fewest observations of which one lies beyond the quantile: 2 for p50, 100 for p99."""
    return math.ceil(round(1 / (1 - q), 6))


def quantile(q: float, histogram: Buckets, *, things: str = "requests") -> Told:
    """The q-quantile (0 < q < 1), linear inside the bucket that holds it, with that bucket.

    With rank = q · n, in the first bucket (lo, hi] whose cumulative count reaches the rank:
    lo + (hi − lo) · (rank − count(lo)) / (count(hi) − count(lo)), as PromQL's histogram_quantile.
    The first bucket starts at 0 unless its bound is below. Beyond the last finite bound only that
    bound is known: it is the value, and the bucket's upper bound is +Inf.
    """
    bounds = histogram.bounds
    if len(bounds) < 2 or not math.isinf(bounds[-1]):
        return Told(None, why="the histogram has no buckets to interpolate in")
    if not all(_countable(count) for count in histogram.counts):
        return Told(None, why="the histogram holds counts that cannot be")
    counts: list[float] = []
    for count in histogram.counts:
        # Buckets are not read at one instant: a lower one may be ahead.
        counts.append(max(count, counts[-1]) if counts else count)
    n = round(counts[-1])
    if n == 0:
        return Told(None, 0, why="its histogram gained nothing in this time")
    if n < least_for(q):
        return Told(None, n, why=too_few(n, least_for(q), things))
    rank = q * counts[-1]
    index = next(i for i, count in enumerate(counts) if count >= rank)
    high = bounds[index]
    if math.isinf(high):
        return Told(bounds[-2], n, (bounds[-2], high))
    if index == 0:
        low, below = (0.0, 0.0) if high > 0 else (high, 0.0)
    else:
        low, below = bounds[index - 1], counts[index - 1]
    inside = counts[index] - below
    value = low + (high - low) * (rank - below) / inside if inside else high
    return Told(value, n, (low, high))
