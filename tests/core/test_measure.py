"""Figures of a service from two scrapes, on expositions of real servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from backends.base import MetricsPage, Series
from backends.metrics.exposition import parse
from core.concepts import CATALOG, wanted
from core.figures import Figure
from core.measure import figures

EXPOSITIONS = Path(__file__).parents[1] / "fixtures" / "expositions"
SPLIT = {"stable": "12", "canary": "13"}


def page(engine: str, vantage: str, slot: str, taken: float, file: str) -> MetricsPage:
    text = (EXPOSITIONS / f"{file}.prom").read_bytes()
    return MetricsPage(engine, vantage, slot, taken, parse(text, wanted(engine)))


def of_cluster(whole: MetricsPage, slot: str) -> MetricsPage:
    series = {
        name: [s for s in found if s.labels.get("envoy_cluster_name") == f"model-{slot}"]
        for name, found in whole.series.items()
    }
    return replace(whole, slot=slot, series=series)


def envoy(file: str, taken: float) -> list[MetricsPage]:
    whole = page("envoy", "proxy", "", taken, file)
    return [of_cluster(whole, slot) for slot in SPLIT]


def mlserver(slot: str, file: str, taken: float) -> MetricsPage:
    return page("v2", "engine", slot, taken, file)


def changed(old: MetricsPage, **values: Sequence[tuple[Mapping[str, str], float]]) -> MetricsPage:
    """The page with the series of some names replaced, or taken away."""
    series = dict(old.series)
    for name, samples in values.items():
        series[name] = [Series(labels, value) for labels, value in samples]
    return replace(old, series=series)


def by_name(found: Sequence[Figure], version: str | None = None) -> dict[str, Figure]:
    return {figure.concept: figure for figure in found if figure.version == version}


def test_an_llm_engine_tells_everything_in_si_units() -> None:
    before = page("vllm", "engine", "a", 1795412965.974, "vllm-0.32.0-cpu.t0")
    after = page("vllm", "engine", "a", 1795412973.490, "vllm-0.32.0-cpu")
    told = by_name(figures([before], [after], {"a": "31"}), "31")
    seconds = 7.516
    assert told["request_rate"].value == pytest.approx(50 / seconds)
    assert told["error_share"].value == 0.0
    assert told["error_share"].n == 50
    assert told["latency_p50"].value == pytest.approx(0.8 + 0.2 * 3.5 / 14)
    assert told["latency_p95"].value == pytest.approx(1.0 + 0.5 * 8.85 / 10)
    assert told["latency_p95"].bounds == (1.0, 1.5)
    assert told["latency_p95"].n == 43
    assert told["tokens_in"].value == pytest.approx((12964 - 6438) / 43)
    assert told["tokens_out"].value == pytest.approx((3382 - 1688) / 43)
    assert told["ttft_p95"].bounds == (0.5, 0.75)
    assert told["queue_depth"].value == 0.0
    assert {figure.vantage for figure in told.values()} == {"engine"}
    assert told["request_rate"].seconds == pytest.approx(seconds)
    assert told["running"].seconds is None


def test_too_few_requests_are_said_instead_of_a_figure() -> None:
    before = page("vllm", "engine", "a", 0.0, "vllm-0.32.0-cpu.t0")
    after = page("vllm", "engine", "a", 7.5, "vllm-0.32.0-cpu")
    p99 = by_name(figures([before], [after], {"a": "31"}))["latency_p99"]
    assert p99.value is None
    assert p99.n == 43
    assert p99.why == "43 requests, 100 are needed"


def test_a_proxy_tells_each_version_and_the_whole() -> None:
    told = figures(envoy("envoy-1.40.0.t0", 0.0), envoy("envoy-1.40.0", 10.0), SPLIT)
    whole, old, new = (by_name(told, version) for version in (None, "12", "13"))
    assert whole["request_rate"].value == pytest.approx(6.0)
    assert old["request_rate"].value == pytest.approx(5.7)
    assert new["request_rate"].value == pytest.approx(0.3)
    assert (old["request_rate"].slot, whole["request_rate"].slot) == ("stable", None)
    # Milliseconds become seconds, the bounds too; 107 requests of 119 are the champion's.
    assert old["latency_p50"].value == pytest.approx(0.05 + 0.05 * (53.5 - 37) / (106 - 37))
    assert old["latency_p50"].bounds == (0.05, 0.1)
    assert whole["latency_p50"].value == pytest.approx(0.05 + 0.05 * (59.5 - 47) / (118 - 47))
    assert whole["latency_p50"].n == 119


def test_no_error_yet_is_no_error_and_the_first_one_counts() -> None:
    before, after = envoy("envoy-1.40.0.t0", 0.0), envoy("envoy-1.40.0", 10.0)
    quiet = {"envoy_response_code_class": "2"}
    failing = {"envoy_response_code_class": "5"}
    before = [changed(p, envoy_cluster_upstream_rq_xx=[(quiet, 100.0)]) for p in before]
    fine = [changed(p, envoy_cluster_upstream_rq_xx=[(quiet, 150.0)]) for p in after]
    bad = [changed(p, envoy_cluster_upstream_rq_xx=[(quiet, 145.0), (failing, 5.0)]) for p in after]
    assert by_name(figures(before, fine, SPLIT), "13")["error_share"].value == 0.0
    assert by_name(figures(before, bad, SPLIT), "13")["error_share"].value == pytest.approx(0.1)


def test_a_clients_own_error_is_not_the_services() -> None:
    told = figures(envoy("envoy-1.40.0.t0", 0.0), envoy("envoy-1.40.0", 10.0), SPLIT)
    share = by_name(told, "12")["error_share"]
    assert (share.value, share.n) == (0.0, 57)


def test_the_engine_tells_where_there_is_no_proxy() -> None:
    before, after = (
        mlserver("stable", "mlserver-1.7.1.t0", 0.0),
        mlserver("stable", "mlserver-1.7.1", 2.378),
    )
    told = by_name(figures([before], [after], {"stable": "12"}), "12")
    assert told["request_rate"].value == pytest.approx(50 / 2.378)
    assert told["error_share"].value == pytest.approx(0.08)
    assert told["latency_p95"].bounds == (0.01, 0.025)
    assert told["request_rate"].vantage == "engine"
    assert told["ttft_p95"].value is None
    assert told["ttft_p95"].why == "not reported by v2"


def test_proxy_and_engine_each_tell_what_they_see_best() -> None:
    before = [*envoy("envoy-1.40.0.t0", 0.0), mlserver("stable", "mlserver-1.7.1.t0", 0.0)]
    after = [*envoy("envoy-1.40.0", 10.0), mlserver("stable", "mlserver-1.7.1", 10.0)]
    told = by_name(figures(before, after, {"stable": "12"}), "12")
    assert told["request_rate"].vantage == "proxy"
    assert told["request_rate"].value == pytest.approx(5.7)
    assert told["running"].vantage == "engine"


def test_a_slot_that_is_not_seen_leaves_a_gap_and_no_half_sum() -> None:
    before, after = envoy("envoy-1.40.0.t0", 0.0), envoy("envoy-1.40.0", 10.0)
    told = figures(before, after[:1], SPLIT)
    assert by_name(told, "12")["request_rate"].value == pytest.approx(5.7)
    for version in ("13", None):
        gap = by_name(told, version)["request_rate"]
        assert gap.value is None
        assert gap.why == "no metrics of slot canary from the proxy"


def test_an_idle_engine_that_shows_nothing_yet_adds_nothing() -> None:
    busy = [
        mlserver("stable", "mlserver-1.7.1.t0", 0.0),
        mlserver("stable", "mlserver-1.7.1", 10.0),
    ]
    idle = [MetricsPage("v2", "engine", "canary", at, {}) for at in (0.0, 10.0)]
    told = figures([busy[0], idle[0]], [busy[1], idle[1]], SPLIT)
    assert by_name(told)["request_rate"].value == pytest.approx(5.0)
    assert by_name(told, "13")["request_rate"].value is None
    assert by_name(told, "13")["request_rate"].why == "slot canary shows no series of it"


def test_an_engine_that_cannot_tell_makes_the_whole_untold() -> None:
    vllm = [
        page("vllm", "engine", "stable", 0.0, "vllm-0.32.0-cpu.t0"),
        page("vllm", "engine", "stable", 7.5, "vllm-0.32.0-cpu"),
    ]
    other = [
        mlserver("canary", "mlserver-1.7.1.t0", 0.0),
        mlserver("canary", "mlserver-1.7.1", 7.5),
    ]
    told = figures([vllm[0], other[0]], [vllm[1], other[1]], SPLIT)
    assert by_name(told, "12")["queue_depth"].value == 0.0
    assert by_name(told)["queue_depth"].value is None
    assert by_name(told)["queue_depth"].why == "v2 in slot canary does not report it"
    # Rates of different engines add up, their histograms do not.
    assert by_name(told)["request_rate"].value == pytest.approx(100 / 7.5)
    mixed = by_name(told)["latency_p50"]
    assert (mixed.value, mixed.why) == (None, "the slots' engines have different histograms")
    assert by_name(told, "13")["latency_p50"].value is not None


def test_slots_of_one_version_are_taken_together() -> None:
    told = figures(
        envoy("envoy-1.40.0.t0", 0.0), envoy("envoy-1.40.0", 10.0), {"stable": "12", "canary": "12"}
    )
    both = by_name(told, "12")["request_rate"]
    assert both.value == pytest.approx(6.0)
    assert both.slot is None
    assert len(told) == 2 * len(CATALOG)


def test_one_reading_tells_what_is_now_and_no_rate() -> None:
    told = by_name(figures([], envoy("envoy-1.40.0", 10.0), SPLIT), "12")
    assert told["active"].value == 0.0
    assert told["request_rate"].value is None
    assert told["request_rate"].why == "one reading so far, two are needed"
    assert told["latency_p95"].value is None


def test_without_any_page_every_figure_says_so() -> None:
    told = figures([], [], SPLIT)
    assert len(told) == 3 * len(CATALOG)
    assert {(figure.value, figure.why) for figure in told} == {(None, "no metrics were read")}


def test_a_restart_counts_from_zero_even_where_no_counter_fell() -> None:
    ok, start = "model_infer_request_success_total", "process_start_time_seconds"
    old = mlserver("stable", "mlserver-1.7.1.t0", 0.0)
    new = mlserver("stable", "mlserver-1.7.1", 10.0)
    before = changed(old, **{ok: [({}, 46.0)], start: [({}, 1000.0)]})
    same = changed(new, **{ok: [({}, 92.0)], start: [({}, 1000.0)]})
    anew = changed(new, **{ok: [({}, 92.0)], start: [({}, 1004.0)]})

    def requests(after: MetricsPage) -> tuple[int | None, int | None]:
        told = by_name(figures([before], [after], {"stable": "12"}))
        return told["request_rate"].n, told["latency_p50"].n

    assert requests(same) == (46 + 4, 50)
    assert requests(anew) == (92 + 8, 100)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -5.0])
def test_values_that_cannot_be_are_said_and_not_shown(value: float) -> None:
    before, after = envoy("envoy-1.40.0.t0", 0.0), envoy("envoy-1.40.0", 10.0)
    name = "envoy_cluster_upstream_rq_completed"
    told = by_name(figures(before, [changed(p, **{name: [({}, value)]}) for p in after], SPLIT))
    assert told["request_rate"].value is None
    assert told["request_rate"].why


def test_a_gauge_that_reads_nan_is_not_shown() -> None:
    after = [
        changed(p, envoy_cluster_upstream_rq_active=[({}, float("nan"))])
        for p in envoy("envoy-1.40.0", 10.0)
    ]
    assert by_name(figures([], after, SPLIT))["active"].why == "it reads nan"
