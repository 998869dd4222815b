"""Two scrapes to increases, rates, ratios and quantiles, against brute force."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.rates import (
    Buckets,
    bucket_increases,
    counters,
    histograms,
    increase,
    increases,
    least_for,
    merge,
    quantile,
    rate,
    ratio,
)


@dataclass
class Sample:
    labels: Mapping[str, str]
    value: float


BOUNDS = (0.1, 0.5, 1.0, 2.5, math.inf)
VALUES = st.floats(0.001, 5.0)


def exposed(observed: Sequence[float], bounds: Sequence[float] = BOUNDS, **labels: str) -> list:
    """What an engine shows of the observations since it started."""
    return [Sample({**labels, "le": repr(b)}, float(sum(v <= b for v in observed))) for b in bounds]


def counted(observed: Sequence[float], bounds: Sequence[float] = BOUNDS) -> Buckets:
    return Buckets(tuple(bounds), tuple(float(sum(v <= b for v in observed)) for b in bounds))


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 50), st.booleans()), min_size=1, max_size=6
    )
)
def test_each_series_is_followed_through_its_own_restart(
    series: list[tuple[int, int, bool]],
) -> None:
    before, after, happened = [], [], {}
    for number, (old, new, restarts) in enumerate(series):
        labels = {"path": f"/{number}"}
        before.append(Sample(labels, float(old)))
        after.append(Sample(labels, float(new if restarts else old + new)))
        # A restart after which the counter is not below its old value cannot be seen in it.
        assume(not restarts or new < old)
        happened[frozenset(labels.items())] = float(new)
    assert increases(counters(before), counters(after)) == happened


def test_a_counter_that_fell_began_anew() -> None:
    assert increase(100.0, 130.0) == 30.0
    assert increase(100.0, 7.0) == 7.0
    assert math.isnan(increase(math.nan, 7.0))
    assert math.isnan(increase(7.0, math.nan))


def test_a_series_that_appears_counts_from_zero() -> None:
    labels = {"class": "5"}
    assert list(increases({}, counters([Sample(labels, 3.0)])).values()) == [3.0]


@given(st.lists(VALUES, max_size=30), st.lists(VALUES, max_size=30), st.lists(VALUES, max_size=30))
def test_a_histogram_gains_what_was_observed_between(
    old: list[float], new: list[float], other: list[float]
) -> None:
    before = histograms(exposed(old, path="/a"))
    after = histograms(exposed(old + new, path="/a") + exposed(other, path="/b"))
    assert bucket_increases(before, after) == counted(new + other)


@given(st.lists(VALUES, min_size=1, max_size=30), st.data())
def test_a_histogram_that_restarted_is_taken_whole(old: list[float], data: st.DataObject) -> None:
    new = data.draw(st.lists(VALUES, max_size=len(old) - 1))
    gained = bucket_increases(histograms(exposed(old)), histograms(exposed(new)))
    assert gained == counted(new)


def test_the_empty_bucket_before_envoys_first_flush_counts_as_nothing() -> None:
    before = histograms([Sample({"le": "+Inf"}, 0.0)])
    assert bucket_increases(before, histograms(exposed([0.2, 0.7]))) == counted([0.2, 0.7])


def test_a_bound_whose_old_count_nobody_knows_is_left_out() -> None:
    before = histograms(exposed([0.2, 3.0], bounds=(1.0, math.inf)))
    gained = bucket_increases(before, histograms(exposed([0.2, 3.0, 0.3])))
    assert gained == Buckets((1.0, math.inf), (1.0, 1.0))


def test_a_histogram_without_its_last_bucket_is_none() -> None:
    assert bucket_increases({}, histograms(exposed([0.2])[:-1])) is None
    assert bucket_increases({}, histograms([Sample({"le": "much"}, 1.0)])) is None


@given(st.lists(VALUES, max_size=30), st.lists(VALUES, max_size=30))
def test_merged_histograms_are_those_of_all_observations(a: list[float], b: list[float]) -> None:
    assert merge([counted(a), counted(b)]) == counted(a + b)
    coarse = (0.5, 2.5, math.inf)
    assert merge([counted(a), counted(b, coarse)]) == counted(a + b, coarse)


SOME_BOUNDS = st.lists(
    st.floats(0.01, 10).map(lambda v: round(v, 3)), min_size=1, max_size=8, unique=True
).map(lambda found: (*sorted(found), math.inf))


@given(SOME_BOUNDS, st.lists(VALUES, min_size=20, max_size=200), st.sampled_from([0.5, 0.9, 0.95]))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(
    bounds: tuple[float, ...], observed: list[float], q: float
) -> None:
    told = quantile(q, counted(observed, bounds))
    truth = sorted(observed)[max(1, math.ceil(q * len(observed))) - 1]
    assert told.value is not None
    assert told.bounds is not None
    low, high = told.bounds
    assert low < truth <= high
    assert low <= told.value <= high
    assert told.n == len(observed)


@given(SOME_BOUNDS, st.data())
def test_a_quantile_is_exact_where_observations_fill_their_buckets_evenly(
    bounds: tuple[float, ...], data: st.DataObject
) -> None:
    filled = [data.draw(st.integers(0, 20)) for _ in bounds[:-1]]
    assume(sum(filled) >= 2)
    spread = [
        low + (high - low) * (place + 1) / many
        for low, high, many in zip((0.0, *bounds[:-2]), bounds[:-1], filled, strict=True)
        for place in range(many)
    ]
    cumulative = [float(sum(filled[: index + 1])) for index in range(len(filled))]
    histogram = Buckets(bounds, (*cumulative, float(len(spread))))
    rank = data.draw(st.integers(1, len(spread) - 1))
    q = rank / len(spread)
    assume(len(spread) >= least_for(q))
    # The rank is an integer but for rounding, so that the rank-th observation is the quantile.
    assume(q * len(spread) == rank)
    assert quantile(q, histogram).value == pytest.approx(spread[rank - 1])


def test_beyond_the_last_finite_bound_only_that_bound_is_known() -> None:
    told = quantile(0.95, counted([3.0] * 30))
    assert (told.value, told.bounds) == (2.5, (2.5, math.inf))


@pytest.mark.parametrize(("q", "least"), [(0.5, 2), (0.9, 10), (0.95, 20), (0.99, 100)])
def test_a_quantile_needs_an_observation_beyond_it(q: float, least: int) -> None:
    assert least_for(q) == least
    too_few = quantile(q, counted([0.2] * (least - 1)))
    assert too_few.value is None
    assert f"{least} are needed" in too_few.why
    assert quantile(q, counted([0.2] * least)).value is not None


@pytest.mark.parametrize(
    "histogram",
    [
        Buckets((math.inf,), (50.0,)),
        Buckets((0.1, 0.5), (50.0, 50.0)),
        Buckets((0.1, math.inf), (math.nan, 50.0)),
        Buckets((0.1, math.inf), (-3.0, 50.0)),
        Buckets((), ()),
        counted([]),
    ],
)
def test_a_histogram_that_cannot_tell_says_why(histogram: Buckets) -> None:
    told = quantile(0.5, histogram)
    assert told.value is None
    assert told.why


def test_buckets_that_were_not_read_at_one_instant_still_tell() -> None:
    told = quantile(0.5, Buckets((0.1, 0.5, 1.0, math.inf), (10.0, 9.0, 30.0, 30.0)))
    assert told.value == pytest.approx(0.5 + 0.5 * (15 - 10) / (30 - 10))


def test_rates_and_ratios_never_make_a_zero_up() -> None:
    assert rate(50.0, 2.0).value == 25.0
    assert rate(0.0, 2.0).value == 0.0
    assert rate(50.0, 0.0).value is None
    assert rate(-1.0, 2.0).value is None
    assert rate(math.nan, 2.0).value is None
    assert ratio(0.0, 0.0).value is None
    assert ratio(0.0, 0.0).why == "no requests in this time"
    assert ratio(1.0, 9.0, least=10).why == "9 requests, 10 are needed"
    assert ratio(1.0, 10.0, least=10).value == 0.1
    assert ratio(math.inf, 10.0).value is None
