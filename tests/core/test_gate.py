"""What the gate makes of the evidence: missing, NaN, infinite or stale never passes."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.gate import Check, GateReport
from core.gate.evidence import Evidence
from core.gate.judge import judge
from core.gate.limits import (
    Cost,
    GateConfig,
    Headline,
    Latency,
    Money,
    Regression,
    Safety,
    Slice,
    Tolerance,
)
from tests.core.gating import (
    DAY,
    NOW,
    both,
    evidence,
    logged,
    not_numbers,
    numbers,
    only,
    positive,
    side,
)

# What never passes

EVERY_CHECK = {
    "headline": GateConfig(headline=Headline("m", min=-1e9, dataset="test")),
    "headline without a data set": GateConfig(headline=Headline("m", max=1e9)),
    "regression": GateConfig(champion=(Regression("m", max_drop=Tolerance(1e9)),)),
    "rise": GateConfig(champion=(Regression("m", max_rise=Tolerance(1e9)),)),
    "slice": GateConfig(slices=(Slice("te*", "m", min=-1e9),)),
    "slice beside the champion": GateConfig(slices=(Slice("test", "m", max_drop=Tolerance(9, True)),)),
    "latency": GateConfig(latency=Latency(1e9, "m")),
    "cost": GateConfig(cost=Cost("m", max=Money(1e9, "USD"))),
    "cost beside the champion": GateConfig(cost=Cost("m", max_rise=Tolerance(1e9))),
    "safety": GateConfig(safety=(Safety("m", max=1e9, dataset="test"),)),
}  # fmt: skip
"""Limits so wide that every finite figure of 0 or more is inside."""


@pytest.mark.parametrize("name", EVERY_CHECK)
def test_within_wide_limits_a_finite_value_passes(name: str) -> None:
    found = both([logged("m", 0.5)], [logged("m", 0.5)])
    assert only(EVERY_CHECK[name], found).verdict == "passed"


@pytest.mark.parametrize("name", EVERY_CHECK)
@given(value=not_numbers, champion=numbers | not_numbers)
def test_what_is_no_finite_number_never_passes(name: str, value: float, champion: float) -> None:
    found = both([logged("m", value)], [logged("m", champion)])
    assert only(EVERY_CHECK[name], found).verdict == "no_evidence"


@pytest.mark.parametrize("name", EVERY_CHECK)
@given(first=st.booleans(), champion=st.booleans())
def test_what_was_not_logged_never_passes(name: str, first: bool, champion: bool) -> None:
    theirs = side("12", logged("m", 0.5)) if champion else None
    found = evidence(side("13", logged("other", 0.5)), theirs, first=first)
    check = only(EVERY_CHECK[name], found)
    assert (check.verdict, check.value) == ("no_evidence", None)


@pytest.mark.parametrize("name", EVERY_CHECK)
@given(days=st.floats(min_value=7.01, max_value=1e5))
def test_what_is_stale_never_passes(name: str, days: float) -> None:
    config = replace(EVERY_CHECK[name], max_age=7 * DAY)
    check = only(config, both([logged("m", 0.5, days=days)], [logged("m", 0.5)]))
    assert check.verdict == "no_evidence"
    assert "stale" in check.evidence
    assert only(config, both([logged("m", 0.5)], [logged("m", 0.5, days=days)])).verdict == "passed"


@pytest.mark.parametrize("name", EVERY_CHECK)
def test_where_an_age_counts_it_must_be_known_and_in_the_past(name: str) -> None:
    config = replace(EVERY_CHECK[name], max_age=7 * DAY)
    for when in (None, NOW + timedelta(days=1)):
        mine = replace(logged("m", 0.5), at=when)
        assert only(config, both([mine], [logged("m", 0.5)])).verdict == "no_evidence"


@given(value=numbers, champion=not_numbers)
def test_a_champion_without_a_number_is_no_evidence(value: float, champion: float) -> None:
    config = GateConfig(champion=(Regression("m", max_drop=Tolerance(1e9)),))
    found = both([logged("m", value)], [logged("m", champion)])
    assert only(config, found).verdict == "no_evidence"


# Limits


def rank(config: GateConfig, found: Evidence) -> int:
    return ["failed", "no_evidence", "passed"].index(judge(config, found).verdict)


@given(value=numbers, limit=numbers, tighter=positive)
def test_a_tighter_limit_never_turns_a_failure_into_a_pass(
    value: float, limit: float, tighter: float
) -> None:
    found = both([logged("m", value)], [])
    low = [GateConfig(headline=Headline("m", min=one)) for one in (limit, limit + tighter)]
    high = [GateConfig(headline=Headline("m", max=one)) for one in (limit, limit - tighter)]
    for loose, tight in (low, high):
        assert rank(tight, found) <= rank(loose, found)


@given(
    value=numbers, champion=numbers, loose=positive, share=st.floats(0, 1), relative=st.booleans()
)
def test_a_smaller_tolerance_never_turns_a_failure_into_a_pass(
    value: float, champion: float, loose: float, share: float, relative: bool
) -> None:
    found = both([logged("m", value)], [logged("m", champion)])
    for make in (
        lambda by: Regression("m", max_drop=by),
        lambda by: Regression("m", max_rise=by),
    ):
        wide, narrow = (
            GateConfig(champion=(make(Tolerance(amount, relative)),))
            for amount in (loose, loose * share)
        )
        assert rank(narrow, found) <= rank(wide, found)


@given(value=numbers, limit=numbers)
def test_a_failure_means_that_the_value_is_outside(value: float, limit: float) -> None:
    check = only(GateConfig(headline=Headline("m", min=limit)), both([logged("m", value)], []))
    if check.verdict == "failed":
        assert value < limit
    else:
        assert value >= limit or math.isclose(value, limit, rel_tol=1e-9)


def test_what_is_exactly_at_the_tolerance_passes() -> None:
    config = GateConfig(champion=(Regression("auc", max_drop=Tolerance(0.002)),))
    check = only(config, both([logged("auc", 0.948)], [logged("auc", 0.95)]))
    assert (check.verdict, check.champion) == ("passed", 0.95)
    assert only(config, both([logged("auc", 0.9479)], [logged("auc", 0.95)])).verdict == "failed"


@given(st.randoms(use_true_random=False))
def test_the_order_of_what_was_logged_and_asked_does_not_matter(order: random.Random) -> None:
    mine = [logged("m", 0.7), logged("m", 0.4, "eu", "d2"), logged("m", math.nan, "us", "d3")]
    theirs = [logged("m", 0.7), logged("m", 0.6, "eu", "d2"), logged("m", 0.6, "asia", "d4")]
    slices = [Slice("*", "m", min=0.5), Slice("e*", "m", max_drop=Tolerance(0.1))]
    safety = [Safety("m", dataset="test", max=1.0), Safety(tag="review", equals="passed")]
    config = GateConfig(slices=tuple(slices), safety=tuple(safety))
    expected = judge(config, both(mine, theirs))
    for one in (mine, theirs, slices, safety):
        order.shuffle(one)
    mixed = GateConfig(slices=tuple(slices), safety=tuple(safety))
    found = judge(mixed, both(mine, theirs))
    assert set(found.checks) == set(expected.checks)
    assert found.verdict == expected.verdict == "failed"


@given(st.lists(st.sampled_from(["passed", "failed", "no_evidence"]), max_size=5))
def test_the_verdict_is_that_of_the_worst_check(verdicts: list[Any]) -> None:
    report = GateReport("1", tuple(Check("x", v, None, None, "") for v in verdicts))
    if "failed" in verdicts:
        assert report.verdict == "failed"
    else:
        every = bool(verdicts) and set(verdicts) == {"passed"}
        assert report.verdict == ("passed" if every else "no_evidence")


def test_a_report_that_a_plan_kept_is_the_report() -> None:
    check = Check("auc", "failed", 0.8, ">= 0.9", "run 7", 0.85, "test", "ab12", "7", 60.0)
    report = GateReport("13", (check, Check("ready", "passed", "READY", None, "status")), "12")
    assert GateReport.from_json(report.to_json()) == report
    odd = GateReport("13", (replace(check, value=math.nan),))
    assert GateReport.from_json(odd.to_json()).checks[0].value == "nan"
