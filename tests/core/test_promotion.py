"""Promotion: what the gate guards, and what moves together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.gate import Check, GateReport
from core.observed import Observed
from core.policy import promotes
from core.promotion import cutover, promote
from core.refs import alias_ref, block_ref, stage_ref, traffic_ref
from core.split import Split
from core.versions import Stage, Version
from tests.core.planning import (
    BLUE,
    CANARY,
    GREEN,
    PASSED,
    VERSIONS,
    release,
    seen,
    values,
    version,
)

FAILED = GateReport("13", (Check("headline", "failed", "0.71", "0.9", "run"),))
V13 = VERSIONS[1]


def test_traffic_alias_and_stages_move_together() -> None:
    plan = promote(seen(), V13, Stage.PRODUCTION, PASSED)
    assert values(plan.sets) == {
        traffic_ref("fraud"): GREEN,
        alias_ref("fraud", "champion"): "13",
        stage_ref("fraud", "13"): "Production",
        stage_ref("fraud", "12"): "Archived",
    }
    assert not plan.refused
    assert plan.sets[0].ref.kind == "traffic", "users are on it before the registry says so"


@pytest.mark.parametrize("gate", [None, FAILED, GateReport("13", ())])
@pytest.mark.parametrize(
    "candidate",
    [
        V13,
        version("13", "Production"),
        version("13", legacy_stage="Production"),
        version("13", "Staging", legacy_stage="Production"),
    ],
    ids=["staging", "tagged", "legacy", "both"],
)
@pytest.mark.parametrize("make", [cutover, lambda s, v, g: promote(s, v, Stage.PRODUCTION, g)])
def test_whatever_it_is_tagged_only_the_champion_needs_no_gate(
    make: object, candidate: Version, gate: GateReport | None
) -> None:
    plan = make(seen(candidate), candidate, gate)  # type: ignore[operator]
    assert any("gate" in finding.message for finding in plan.refused)


def test_the_champion_gets_its_traffic_back_without_a_gate() -> None:
    champion = VERSIONS[2]
    plan = cutover(seen(split=Split.of({"blue": 5000, "green": 5000})), champion, None)
    assert not plan.refused
    assert values(plan.sets) == {traffic_ref("fraud"): Split.all_on("blue")}


def named(now: Observed, number: str) -> tuple[Observed, Version]:
    """The alias was moved to this version by hand, and nothing else."""
    model = now.need_model()
    versions = tuple(
        replace(one, aliases=("champion",) if one.number == number else ())
        for one in model.versions
    )
    now = replace(now, model=replace(model, versions=versions, aliases={"champion": number}))
    return now, now.find(number)


@pytest.mark.parametrize("make", [cutover, lambda s, v, g: promote(s, v, Stage.PRODUCTION, g)])
@pytest.mark.parametrize("split", [BLUE, CANARY, Split.of({"blue": 5000, "green": 5000})])
def test_an_alias_that_was_moved_by_hand_opens_no_gate(make: object, split: Split) -> None:
    now, v13 = named(seen(split=split), "13")
    plan = make(now, v13, None)  # type: ignore[operator]
    assert any("gate" in finding.message for finding in plan.refused)
    let = make(now, v13, PASSED)  # type: ignore[operator]
    assert let.find("alias") is None
    assert promotes(let), "all traffic on a version is always a promotion"
    other = let.hash, replace(let, evidence={}).hash
    assert len(set(other)) == 1, "what it is called is no part of what is approved"


def test_the_version_of_a_good_release_is_served_again_without_a_gate() -> None:
    now, v13 = named(seen(releases=(release(1, "13"),)), "13")
    plan = cutover(now, v13, None)
    assert values(plan.sets)[traffic_ref("fraud")] == GREEN
    assert not plan.refused
    assert not promotes(plan)
    shaky, v13 = named(seen(releases=(release(1, "13", good=False),)), "13")
    assert cutover(shaky, v13, None).refused
    left = version("13", "Staging", blocked="errors 4 %")
    blocked, v13 = named(seen(left, releases=(release(1, "13"),)), "13")
    assert cutover(blocked, v13, None).refused


def test_what_serves_is_tagged_without_a_gate() -> None:
    now, v13 = named(seen(split=GREEN), "13")
    plan = promote(now, v13, Stage.PRODUCTION, None)
    assert values(plan.sets) == {stage_ref("fraud", "13"): "Production"}
    assert not plan.refused
    assert not promotes(plan)


def test_without_a_router_the_alias_is_what_serves() -> None:
    now, v13 = named(seen(router=None, split=None, slots={}), "13")
    assert not promote(now, v13, Stage.PRODUCTION, None).refused


def test_a_version_is_judged_beside_what_users_have() -> None:
    now, v13 = named(seen(), "13")
    assert now.as_served(v13).aliases["champion"] == "12"
    served, v13 = named(seen(split=GREEN), "13")
    assert served.as_served(v13).aliases["champion"] == "13"
    assert seen().as_served(V13).aliases["champion"] == "12"


@pytest.mark.parametrize(
    ("number", "to", "allowed"),
    [
        ("14", Stage.STAGING, True),
        ("14", Stage.PRODUCTION, False),
        ("14", Stage.ARCHIVED, True),
        ("13", Stage.DRAFT, True),
        ("13", Stage.ARCHIVED, True),
        ("11", Stage.STAGING, True),
        ("11", Stage.DRAFT, False),
        ("11", Stage.PRODUCTION, False),
        ("12", Stage.ARCHIVED, False),
        ("12", Stage.STAGING, False),
    ],
)
def test_the_transitions(number: str, to: Stage, allowed: bool) -> None:
    now = seen()
    chosen = now.need_model().find(number)
    assert chosen is not None
    assert (not promote(now, chosen, to, PASSED).refused) is allowed


def test_a_stray_production_tag_can_be_taken_off() -> None:
    stray = version("13", "Production")
    plan = promote(seen(stray), stray, Stage.ARCHIVED, None)
    assert not plan.refused
    assert values(plan.sets) == {stage_ref("fraud", "13"): "Archived"}


def test_promoting_what_a_rollback_left_takes_its_block_away_and_warns() -> None:
    left = version("13", "Staging", blocked="errors 4 %")
    plan = promote(seen(left), left, Stage.PRODUCTION, PASSED)
    assert values(plan.sets)[block_ref("fraud", "13")] is None
    assert any("errors 4 %" in finding.message for finding in plan.findings)


def test_a_version_with_live_traffic_is_not_archived() -> None:
    now = seen(split=Split.of({"blue": 9500, "green": 500}))
    said = promote(now, V13, Stage.ARCHIVED, None).refused[0]
    assert "5 % of live traffic" in said.message


def test_what_was_already_so_is_not_set() -> None:
    champion = VERSIONS[2]
    assert promote(seen(), champion, Stage.PRODUCTION, None).sets == ()
