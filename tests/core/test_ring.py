"""The recent past of a service: windows, gaps, histories, and bounded memory."""

from __future__ import annotations

import gc
import math
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.base import MetricsPage, Series
from core.figures import Figure
from core.measure import figures
from core.ring import Ring

BOUNDS = ("5", "10", "25", "50", "100", "+Inf")
HELD = {"blue": "12"}


def envoy(taken: float, requests: float, *, slot: str = "blue", active: float = 1.0) -> MetricsPage:
    """A proxy's page after so many requests, all of them answered within 25 ms."""
    answered = {"envoy_response_code_class": "2"}
    buckets = [Series({"le": bound}, requests if float(bound) >= 25 else 0.0) for bound in BOUNDS]
    series = {
        "envoy_cluster_upstream_rq_completed": [Series({}, requests)],
        "envoy_cluster_upstream_rq_xx": [Series(answered, requests)],
        "envoy_cluster_upstream_rq_time_bucket": buckets,
        "envoy_cluster_upstream_rq_active": [Series({}, active)],
    }
    return MetricsPage("envoy", "proxy", slot, taken, series)


def find(found: Sequence[Figure], concept: str, version: str | None = None) -> Figure:
    return next(f for f in found if (f.concept, f.version) == (concept, version))


def steady(ring: Ring, seconds: int, *, every: int = 2, per_second: float = 10.0) -> None:
    for at in range(0, seconds + 1, every):
        ring.add([envoy(float(at), at * per_second)], HELD, float(at))


def test_the_usual_figure_is_that_of_the_last_half_minute() -> None:
    ring = Ring()
    steady(ring, 100)
    ring.add([envoy(102.0, 1000 + 200)], HELD, 102.0)
    told = find(ring.figures(), "request_rate", "12")
    assert told.value == pytest.approx((14 * 20 + 200) / 30)
    assert told.seconds == pytest.approx(30)
    assert find(ring.figures(2), "request_rate", "12").value == pytest.approx(100)
    assert find(ring.figures(100), "request_rate", "12").seconds == pytest.approx(100, abs=20)


def test_a_window_says_the_same_as_its_two_end_scrapes() -> None:
    ring = Ring()
    steady(ring, 30)
    direct = figures([envoy(0.0, 0.0)], [envoy(30.0, 300.0)], HELD)
    for concept in ("request_rate", "error_share", "latency_p50", "latency_p99", "active"):
        kept = find(ring.figures(), concept, "12")
        assert kept.value == pytest.approx(find(direct, concept, "12").value)
        assert (kept.n, kept.bounds) == (
            find(direct, concept, "12").n,
            find(direct, concept, "12").bounds,
        )


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=20, max_size=60))
def test_nothing_that_was_counted_is_lost_to_thinning_or_restarts(
    polls: list[tuple[int, bool]],
) -> None:
    ring = Ring(window=400, points=6, fresh=8)
    total, counter = 0, 0
    ring.add([envoy(0.0, 0.0)], HELD, 0.0)
    for number, (requests, restarts) in enumerate(polls, start=1):
        restarts = restarts and requests < counter
        counter = requests if restarts else counter + requests
        total += requests
        ring.add([envoy(2.0 * number, float(counter))], HELD, 2.0 * number)
    assert find(ring.figures(400), "request_rate", "12").n == total


def test_the_history_holds_the_figure_as_it_was_and_gaps_where_there_was_none() -> None:
    ring = Ring()
    steady(ring, 20)
    ring.add([], HELD, 22.0)
    ring.add([], HELD, 60.0)
    ring.add([envoy(62.0, 620.0)], HELD, 62.0)
    history = find(ring.figures(), "request_rate", "12").history
    times = [at for at, _ in history]
    values = dict(history)
    assert times == sorted(times)
    assert values[20.0] == pytest.approx(10)
    assert math.isnan(values[60.0])
    assert values[62.0] == pytest.approx(10)


def test_a_slot_that_is_no_longer_read_has_no_figures() -> None:
    ring = Ring(patience=15)
    steady(ring, 20)
    ring.add([], HELD, 30.0)
    assert find(ring.figures(), "request_rate", "12").value == pytest.approx(10)
    ring.add([], HELD, 40.0)
    gone = find(ring.figures(), "request_rate", "12")
    assert (gone.value, gone.why) == (None, "no metrics were read")


def test_what_the_old_version_counted_is_not_the_new_ones() -> None:
    ring = Ring()
    steady(ring, 40, per_second=100)
    ring.add([envoy(42.0, 4200.0)], {"blue": "13"}, 42.0)
    assert find(ring.figures(), "request_rate", "13").value is None
    ring.add([envoy(44.0, 4210.0)], {"blue": "13"}, 44.0)
    assert find(ring.figures(), "request_rate", "13").value == pytest.approx(5)
    assert not any(figure.version == "12" for figure in ring.figures())


def test_a_version_that_nobody_could_tell_for_a_moment_keeps_its_past() -> None:
    ring = Ring()
    steady(ring, 40)
    ring.add([envoy(42.0, 420.0)], {}, 42.0)
    ring.add([envoy(44.0, 440.0)], HELD, 44.0)
    assert find(ring.figures(), "request_rate", "12").n == 300


def test_a_version_that_came_while_nobody_could_tell_starts_afresh() -> None:
    ring = Ring()
    steady(ring, 40)
    ring.add([envoy(42.0, 420.0)], {}, 42.0)
    ring.add([envoy(44.0, 440.0)], {"blue": "13"}, 44.0)
    assert find(ring.figures(), "request_rate", "13").value is None


def test_hours_take_no_more_room_than_the_window() -> None:
    def traced() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    ring = Ring(window=120, points=20, fresh=10)
    tracemalloc.start()
    try:
        steady(ring, 160)
        full = traced()
        for at in range(162, 800, 2):
            ring.add([envoy(float(at), at * 10.0)], HELD, float(at))
        grown = traced() - full
    finally:
        tracemalloc.stop()
    history = find(ring.figures(), "latency_p95", "12").history
    # What the window may hold; without an end it would be some hundred kilobytes.
    assert grown < 60_000
    assert 15 <= len(history) <= 30
    assert history[0][0] >= 798 - 120 - 12
    assert find(ring.figures(10_000), "request_rate", "12").seconds <= 120 + 12


def test_a_page_that_comes_twice_or_late_counts_once() -> None:
    ring = Ring()
    steady(ring, 20)
    ring.add([envoy(20.0, 200.0), envoy(10.0, 100.0)], HELD, 21.0)
    assert find(ring.figures(), "request_rate", "12").n == 200


def test_pages_of_router_and_engines_may_come_one_by_one() -> None:
    ring = Ring()
    for at in range(0, 20, 2):
        ring.add([envoy(float(at), at * 9.0)], {"blue": "12", "green": "13"}, float(at))
        green = envoy(at + 0.5, at * 1.0, slot="green")
        ring.add([green], {"blue": "12", "green": "13"}, at + 0.5)
    told = ring.figures()
    assert find(told, "request_rate", "12").value == pytest.approx(9)
    assert find(told, "request_rate", "13").value == pytest.approx(1)
    assert find(told, "request_rate").value == pytest.approx(10)
