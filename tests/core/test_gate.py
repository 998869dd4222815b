"""The gate: a check passes, fails or has no evidence, and no evidence does not pass."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import Headline
from core.gate import Check, GateReport, check_headline, evaluate
from core.versions import Version
from tests.core.values import quick

LEAST = Headline("auc", min=0.91)
MOST = Headline("loss", max=0.2)
READY = Version("fraud", "13", run_id="7")


@pytest.mark.parametrize(
    ("headline", "metrics", "run", "verdict", "says"),
    [
        (None, {"auc": 0.95}, "7", "no_evidence", "names no headline metric"),
        (LEAST, {"auc": 0.95}, "7", "passed", "metric auc of run 7"),
        (LEAST, {"auc": 0.91}, "7", "passed", "metric auc of run 7"),
        (LEAST, {"auc": 0.9099}, "7", "failed", "metric auc of run 7"),
        (LEAST, {}, "7", "no_evidence", "not logged"),
        (LEAST, {"AUC": 0.95}, "7", "no_evidence", "not logged"),
        (LEAST, {}, None, "no_evidence", "names no run"),
        (LEAST, {"auc": math.nan}, "7", "no_evidence", "not a number"),
        (LEAST, {"auc": math.inf}, "7", "no_evidence", "not a number"),
        (MOST, {"loss": 0.2}, "7", "passed", "metric loss of run 7"),
        (MOST, {"loss": 0.21}, "7", "failed", "metric loss of run 7"),
        (MOST, {"loss": -math.inf}, "7", "no_evidence", "not a number"),
    ],
)
def test_the_headline_metric(
    headline: Headline | None, metrics: dict[str, float], run: str | None, verdict: str, says: str
) -> None:
    check = check_headline(headline, metrics, run)
    assert check.verdict == verdict
    assert says in check.evidence
    json.dumps(check.to_json(), allow_nan=False)


@quick
@given(st.floats(), st.floats(allow_nan=False, allow_infinity=False))
def test_only_a_number_beyond_the_limit_passes(value: float, limit: float) -> None:
    least = check_headline(Headline("auc", min=limit), {"auc": value}, "7").verdict
    most = check_headline(Headline("auc", max=limit), {"auc": value}, "7").verdict
    finite = math.isfinite(value)
    assert (least == "passed") == (finite and value >= limit)
    assert (most == "passed") == (finite and value <= limit)
    assert ("no_evidence" in (least, most)) == (not finite)


@quick
@given(st.lists(st.sampled_from(("passed", "failed", "no_evidence"))))
def test_a_report_passes_where_every_check_did(verdicts: list[str]) -> None:
    checks = tuple(Check("x", verdict, None, None, "") for verdict in verdicts)  # type: ignore[arg-type]
    report = GateReport("13", checks)
    assert (report.verdict == "passed") == (bool(verdicts) and set(verdicts) == {"passed"})
    assert (report.verdict == "failed") == ("failed" in verdicts)
    assert report.to_json()["verdict"] == report.verdict


def test_a_version_that_is_not_ready_fails_whatever_its_metric() -> None:
    pending = Version("fraud", "13", status="PENDING_REGISTRATION", run_id="7")
    assert evaluate(READY, LEAST, {"auc": 0.95}).verdict == "passed"
    assert evaluate(pending, LEAST, {"auc": 0.95}).verdict == "failed"
    assert evaluate(READY, None, {"auc": 0.95}).verdict == "no_evidence"
