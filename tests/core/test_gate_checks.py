"""Each check of the gate, and what it says of the evidence."""

from __future__ import annotations

import math

import pytest

from core.evaluation import Evaluation, Measurement
from core.figures import Figure
from core.gate import Check
from core.gate.evidence import Side, is_first
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
from core.signature import Column, Signature
from core.versions import Model, Version
from tests.core.gating import DAY, NOW, both, evidence, logged, only, side


def test_without_any_configured_check_the_gate_does_not_pass() -> None:
    report = judge(GateConfig(), both([logged("m", 1)], []))
    assert report.verdict == "no_evidence"
    supplied = Check("card", "passed", "complete", "complete", "model_card.md")
    report = judge(GateConfig(), evidence(side("13"), supplied=(supplied,)))
    assert (report.verdict, report.checks[-1]) == ("passed", supplied)


def test_a_version_that_is_not_ready_fails() -> None:
    candidate = Side(Version("fraud", "13", status="PENDING_REGISTRATION"))
    report = judge(GateConfig(), evidence(candidate))
    assert report.checks[0].verdict == "failed"


def test_a_check_that_is_not_configured_is_not_there() -> None:
    config = GateConfig(headline=Headline("m", min=0))
    report = judge(config, both([logged("m", 1), logged("toxicity", 1)], []))
    assert [check.name for check in report.checks] == ["ready", "headline"]


def test_a_metric_on_several_data_sets_needs_a_name() -> None:
    mine = [logged("m", 0.9, "eu", "d1"), logged("m", 0.8, "us", "d2")]
    check = only(GateConfig(headline=Headline("m", min=0)), both(mine, []))
    assert check.verdict == "no_evidence"
    assert "eu, us" in check.evidence
    named = GateConfig(headline=Headline("m", min=0, dataset="us"))
    found = only(named, both(mine, []))
    assert (found.value, found.dataset, found.digest, found.run_id) == (0.8, "us", "d2", "r1")
    assert found.age == DAY


def test_the_runs_own_metric_counts_only_where_the_model_has_none() -> None:
    run = (
        Measurement("m", 0.99, run_id="r1", at=NOW),
        Measurement("only", 0.5, run_id="r1", at=NOW),
    )
    found = evidence(side("13", logged("m", 0.8), run=run))
    assert only(GateConfig(headline=Headline("m", min=0)), found).value == 0.8
    assert only(GateConfig(headline=Headline("only", min=0)), found).value == 0.5
    on = GateConfig(headline=Headline("only", min=0, dataset="test"))
    assert only(on, found).verdict == "no_evidence"


def test_another_digest_is_no_evidence_of_a_regression_or_of_none() -> None:
    config = GateConfig(champion=(Regression("m", max_drop=Tolerance(1)),))
    for digest in ("d2", None):
        check = only(config, both([logged("m", 0.9, digest=digest)], [logged("m", 0.9)]))
        assert (check.verdict, check.value) == ("no_evidence", 0.9)
    mine = [logged("m", 0.5, digest="d1", days=9), logged("m", 0.9, digest="d2", days=1)]
    check = only(config, both(mine, [logged("m", 0.9)]))
    assert (check.verdict, check.value, check.digest) == ("passed", 0.5, "d1")


def test_what_the_registry_no_longer_has_is_said_where_a_metric_is_missing() -> None:
    bare = Side(Version("fraud", "13"), Evaluation(gaps=("run 7 is gone",)))
    check = only(GateConfig(headline=Headline("m", min=0)), evidence(bare))
    assert (check.verdict, check.value) == ("no_evidence", None)
    assert check.evidence == "metric m was not logged (run 7 is gone)"


def test_the_newest_measurement_counts() -> None:
    mine = [logged("m", 0.5, days=1), logged("m", 0.9, days=2)]
    assert only(GateConfig(headline=Headline("m", min=0.8)), both(mine, [])).verdict == "failed"


def test_without_a_champion_only_the_first_one_has_nothing_to_regress_from() -> None:
    config = GateConfig(champion=(Regression("m", max_drop=Tolerance(0)),))
    mine = side("13", logged("m", 0.9))
    assert only(config, evidence(mine, first=True)).verdict == "passed"
    assert only(config, evidence(mine, first=False)).verdict == "no_evidence"


def test_who_is_first() -> None:
    def model(*stages: str | None, **aliases: str) -> Model:
        versions = [Version("m", str(n), tag_stage=s) for n, s in enumerate(stages, 1)]
        return Model("m", tuple(versions), aliases)

    assert is_first(model("Staging", None, "Draft"), "champion", "1")
    assert is_first(model("Production", "Draft"), "champion", "1")
    assert not is_first(model("Staging", "archived"), "champion", "1")
    assert not is_first(model("Staging", "Production"), "champion", "1")
    assert not is_first(model("Staging", "Staging", champion="2"), "champion", "1")


def test_a_slice_that_only_the_champion_has_is_no_evidence() -> None:
    config = GateConfig(slices=(Slice("region:*", "m", min=0.5),))
    assert config.compares
    mine = [logged("m", 0.9, "region:eu"), logged("m", 0.1, "test")]
    theirs = [logged("m", 0.9, "region:eu"), logged("m", 0.9, "region:us")]
    checks = judge(config, both(mine, theirs)).checks[1:]
    verdicts = {check.name: check.verdict for check in checks}
    assert verdicts == {"slice region:eu m": "passed", "slice region:us m": "no_evidence"}
    assert only(config, both([logged("m", 0.9)], [])).verdict == "no_evidence"


def figure(value: float | None, n: int, high: float = 0.1) -> Figure:
    return Figure(
        "latency_p95", "latency p95", "system", "seconds", value, "13", n=n, bounds=(0.01, high),
        vantage="engine", seconds=5.0, why="" if value is not None else "no requests",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("measured", "verdict", "says"),
    [
        (figure(0.05, 200), "passed", "200 requests over 5s, seen from the engine"),
        (figure(0.07, 200), "failed", "200 requests"),
        (figure(0.05, 49), "no_evidence", "50 are needed"),
        (figure(None, 0), "no_evidence", "no requests"),
        (figure(0.05, 200, math.inf), "no_evidence", "last bucket"),
        (figure(0.07, 200, math.inf), "failed", "200 requests"),
        (figure(math.nan, 200), "no_evidence", "not a finite"),
        (None, "no_evidence", "v13 has no traffic"),
    ],
)
def test_latency_on_traffic(measured: Figure | None, verdict: str, says: str) -> None:
    config = GateConfig(latency=Latency(0.06, source="traffic"))
    found = evidence(side("13"), traffic=measured, no_traffic="v13 has no traffic")
    check = only(config, found)
    assert check.verdict == verdict
    assert says in check.evidence


@pytest.mark.parametrize(
    ("mine", "theirs", "config", "verdict"),
    [
        ("0.0003 USD", None, Cost(tag="c", max=Money(0.0004, "USD")), "passed"),
        ("0.0005 USD", None, Cost(tag="c", max=Money(0.0004, "USD")), "failed"),
        ("0.0003 EUR", None, Cost(tag="c", max=Money(0.0004, "USD")), "no_evidence"),
        ("0.0003", None, Cost(tag="c", max=Money(0.0004, "USD")), "no_evidence"),
        (None, None, Cost(tag="c", max=Money(0.0004, "USD")), "no_evidence"),
        ("1.1 USD", "1 USD", Cost(tag="c", max_rise=Tolerance(0.1, True)), "passed"),
        ("1.2 USD", "1 USD", Cost(tag="c", max_rise=Tolerance(0.1, True)), "failed"),
        ("1.2 USD", "1 EUR", Cost(tag="c", max_rise=Tolerance(9, True)), "no_evidence"),
        ("1.2 USD", None, Cost(tag="c", max_rise=Tolerance(9, True)), "no_evidence"),
    ],
)
def test_cost_in_a_tag(mine: str | None, theirs: str | None, config: Cost, verdict: str) -> None:
    tags = [{} if text is None else {"c": text} for text in (mine, theirs)]
    found = evidence(side("13", tags=tags[0]), side("12", tags=tags[1]))
    assert only(GateConfig(cost=config), found).verdict == verdict


@pytest.mark.parametrize("config", [Latency(1.0, "m"), Cost("m", max=Money(1.0, "USD"))])
def test_less_than_nothing_is_no_evidence(config: Latency | Cost) -> None:
    gate = GateConfig(**{"latency" if isinstance(config, Latency) else "cost": config})
    assert only(gate, both([logged("m", -0.1)], [])).verdict == "no_evidence"


@pytest.mark.parametrize(
    ("tags", "verdict"),
    [({"review": "passed"}, "passed"), ({"review": "Passed"}, "failed"), ({}, "no_evidence")],
)
def test_a_tag_must_say_exactly_that(tags: dict[str, str], verdict: str) -> None:
    config = GateConfig(safety=(Safety(tag="review", equals="passed"),))
    assert only(config, evidence(side("13", tags=tags))).verdict == verdict


def test_the_schema_is_compared_with_the_champions() -> None:
    config = GateConfig(schema="compatible")
    check = only(config, both([], []))
    assert check.verdict == "passed"
    assert check.evidence.startswith("no change")
    changed = side("13", signature=Signature((Column("amount", "string"),)))
    check = only(config, evidence(changed, side("12")))
    assert check.verdict == "failed"
    assert "amount was double and is string" in check.evidence
    assert "score was removed" in check.evidence
    unknown = side("13", signature=Signature(why="it has none"))
    assert only(config, evidence(unknown, side("12"))).verdict == "no_evidence"
    assert only(config, evidence(side("13"), unknown)).verdict == "no_evidence"


def test_a_report_is_json_whatever_was_logged() -> None:
    import json

    config = GateConfig(
        headline=Headline("m", min=0), champion=(Regression("m", max_drop=Tolerance(1)),)
    )
    for value in (math.nan, math.inf, 0.5):
        report = judge(config, both([logged("m", value)], [logged("m", value)]))
        told = json.loads(json.dumps(report.to_json(), allow_nan=False))
        assert set(told["checks"][1]) == {
            "name", "verdict", "value", "limit", "evidence", "champion", "dataset", "digest",
            "run_id", "age_seconds",
        }  # fmt: skip
        assert (told["version"], told["champion"]) == ("13", "12")
