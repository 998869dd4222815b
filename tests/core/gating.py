"""Evidence for the gate, and the one check that it makes of it."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from core.evaluation import Evaluation, Measurement
from core.gate import Check
from core.gate.evidence import Evidence, Side
from core.gate.judge import judge
from core.gate.limits import GateConfig
from core.signature import Column, Signature
from core.versions import Version

NOW = datetime(2026, 11, 23, tzinfo=UTC)
DAY = 86400.0
SIGNATURE = Signature((Column("amount", "double"),), (Column("score", "double"),))

numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6)
positive = st.floats(min_value=0, max_value=1e6)
not_numbers = st.sampled_from([math.nan, math.inf, -math.inf])


def logged(
    metric: str,
    value: float,
    dataset: str | None = "test",
    digest: str | None = "d1",
    days: float = 1,
) -> Measurement:
    return Measurement(metric, value, dataset, digest, "r1", NOW - timedelta(days=days))


def side(number: str, *measured: Measurement, **more: Any) -> Side:
    evaluation = Evaluation(measured, more.pop("run", ()), more.pop("tags", {}))
    return Side(Version("fraud", number), evaluation, more.pop("signature", SIGNATURE))


def evidence(candidate: Side, champion: Side | None = None, **more: Any) -> Evidence:
    return Evidence(candidate, NOW, champion, **more)


def only(config: GateConfig, found: Evidence) -> Check:
    """The one check beside `ready`."""
    ready, check = judge(config, found).checks
    assert ready.name == "ready"
    return check


def both(mine: list[Measurement], theirs: list[Measurement], **more: Any) -> Evidence:
    return evidence(side("13", *mine), side("12", *theirs), **more)
