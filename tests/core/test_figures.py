"""Figures with their limits, and as JSON."""

from __future__ import annotations

import json
import math

import pytest

from core.config import Threshold
from core.figures import Figure, limited
from core.layers import judge_layers
from core.status import State

P99 = Figure(
    "latency_p99",
    "latency p99",
    "system",
    "seconds",
    2.5,
    bounds=(2.5, math.inf),
    n=120,
    history=((1.0, math.nan),),
)


def test_the_limits_of_the_config_reach_their_own_figures_only() -> None:
    other = Figure("active", "in flight", "system", "count", 1.0)
    found = limited([P99, other], {"latency_p99": Threshold(warning=0.5, critical=1.0)})
    assert found[0].threshold == Threshold(warning=0.5, critical=1.0)
    assert found[0].value == P99.value
    assert found[1] == other


LOW = Threshold(warning=5, critical=1, below=True)
HIGH = Threshold(warning=5, critical=10)


@pytest.mark.parametrize(
    ("threshold", "value", "state"),
    [
        (LOW, 100.0, State.OK),
        (LOW, 5.0, State.WARNING),
        (LOW, 1.5, State.WARNING),
        (LOW, 1.0, State.CRITICAL),
        (HIGH, 1.0, State.OK),
        (HIGH, 5.0, State.WARNING),
        (HIGH, 10.0, State.CRITICAL),
        (HIGH, None, State.UNKNOWN),
        (HIGH, math.nan, State.UNKNOWN),
        (None, 1.0, State.OK),
        (None, None, State.UNKNOWN),
        (Threshold(critical=0.0, below=True), 1.0, State.OK),
    ],
)
def test_a_figure_is_judged_once_and_low_may_be_bad(
    threshold: Threshold | None, value: float | None, state: State
) -> None:
    figure = Figure("request_rate", "requests", "system", "per_second", value, threshold=threshold)
    assert figure.state is state
    assert figure.to_json()["state"] == state.value
    if threshold is None or value is None or math.isnan(value):
        return
    layers = judge_layers([figure], {"request_rate": threshold})
    assert layers["system"].state is state, "the service's state says the same"


def test_the_limit_says_which_side_is_bad() -> None:
    low = Figure("request_rate", "requests", "system", "per_second", 9.0, threshold=LOW)
    assert low.limit_text == "< 1 /s"
    assert low.to_json()["below"] is True
    high = Figure("errors", "errors", "system", "share", 0.5, threshold=Threshold(warning=0.02))
    assert high.limit_text == "2.00 %"
    assert P99.limit_text == "–"


def test_an_open_bucket_is_valid_json() -> None:
    written = json.loads(json.dumps(P99.to_json(), allow_nan=False))
    assert written["bounds"] == [2.5, None]
    assert written["concept"] == "latency_p99"
