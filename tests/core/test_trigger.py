"""Drift alone never promotes: detection is not proof of improvement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import nan

import pytest

from core.evaluation import Evaluation, Measurement
from core.trigger import CHECK, MOTTO, DriftRule, check_trigger
from core.versions import Version

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DRIFT = "2026-11-20T06:00:00Z"
RULE = DriftRule()
MEASURED = DriftRule(metric="auc", dataset="fresh")


def verdict(rule: DriftRule, tags: dict[str, str], *measured: Measurement) -> str | None:
    version = Version("fraud", "13", NOW - timedelta(days=2), tags=tags)
    check = check_trigger(rule, version, Evaluation(measured), NOW)
    assert check is None or check.name == CHECK
    if check is not None and check.verdict != "passed":
        assert MOTTO in check.evidence
    return check.verdict if check else None


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, None),
        ({"trigger": "schedule"}, None),
        ({"trigger": "drift, schedule"}, None),
        ({"trigger": "drifting"}, None),
        ({"trigger": "drift"}, "no_evidence"),
        ({"trigger": " Drift "}, "no_evidence"),
        ({"trigger": "drift", "drift_detected_at": DRIFT}, "no_evidence"),
        ({"trigger": "drift", "labelled_until": "2026-11-22T00:00Z"}, "passed"),
        # Made on the 21st: without a word of when the drift was, labels must be newer than that.
        ({"trigger": "drift", "labelled_until": "2026-11-21T00:00Z"}, "failed"),
        ({"trigger": "drift", "drift_detected_at": DRIFT, "labelled_until": DRIFT}, "failed"),
        (
            {
                "trigger": "drift",
                "drift_detected_at": DRIFT,
                "labelled_until": "2026-11-20T06:00:01Z",
            },
            "passed",
        ),
        (
            {
                "trigger": "drift",
                "drift_detected_at": DRIFT,
                "labelled_until": "2026-11-21T01:00+02:00",
            },
            "passed",
        ),
        ({"trigger": "drift", "labelled_until": "2026-11-24T00:00Z"}, "no_evidence"),
        ({"trigger": "drift", "labelled_until": "2026-11-22T00:00"}, "no_evidence"),
        ({"trigger": "drift", "labelled_until": "yesterday"}, "no_evidence"),
        (
            {"trigger": "drift", "drift_detected_at": "?", "labelled_until": "2026-11-22T00:00Z"},
            "no_evidence",
        ),
    ],
)
def test_labels_must_be_newer_than_the_drift(tags: dict[str, str], expected: str | None) -> None:
    assert verdict(RULE, tags) == expected


@pytest.mark.parametrize(
    ("measurement", "expected"),
    [
        (Measurement("auc", 0.9, "fresh", at=NOW), "passed"),
        (Measurement("auc", 0.9, "fresh", at=NOW - timedelta(days=5)), "failed"),
        (Measurement("auc", 0.9, "fresh", at=NOW + timedelta(days=5)), "no_evidence"),
        (Measurement("auc", 0.9, "fresh"), "no_evidence"),
        (Measurement("auc", nan, "fresh", at=NOW), "no_evidence"),
        (Measurement("auc", 0.9, "test", at=NOW), "no_evidence"),
        (Measurement("loss", 0.9, "fresh", at=NOW), "no_evidence"),
    ],
)
def test_a_metric_on_fresh_labels_counts_from_when_it_was_measured(
    measurement: Measurement, expected: str
) -> None:
    tags = {"trigger": "drift", "drift_detected_at": DRIFT}
    assert verdict(MEASURED, tags, measurement) == expected
    assert verdict(RULE, tags, measurement) == "no_evidence", "no metric is named in the config"


def test_the_runs_tags_count_where_the_version_has_none() -> None:
    version = Version("fraud", "13", NOW)
    assert check_trigger(RULE, version, Evaluation(tags={"trigger": "drift"}), NOW) is not None
    manual = Version("fraud", "13", NOW, tags={"trigger": "manual"})
    assert check_trigger(RULE, manual, Evaluation(tags={"trigger": "drift"}), NOW) is None


def test_a_version_of_unknown_age_has_no_evidence() -> None:
    version = Version("fraud", "13", tags={"trigger": "drift", "labelled_until": DRIFT})
    check = check_trigger(RULE, version, Evaluation(), NOW)
    assert check is not None
    assert check.verdict == "no_evidence"
