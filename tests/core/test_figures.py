"""Figures with their limits, and as JSON."""

from __future__ import annotations

import json
import math

from core.config import Threshold
from core.figures import Figure, limited

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
    assert (found[0].warning, found[0].critical) == (0.5, 1.0)
    assert found[0].value == P99.value
    assert found[1] == other


def test_an_open_bucket_is_valid_json() -> None:
    written = json.loads(json.dumps(P99.to_json(), allow_nan=False))
    assert written["bounds"] == [2.5, None]
    assert written["concept"] == "latency_p99"
