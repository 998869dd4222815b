"""Plans: kept as JSON, the same for whoever makes them, narrowed without a trace."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from core.plan import Finding, Plan, Set
from core.refs import Ref, alias_ref, traffic_ref
from core.split import Split
from tests.core.values import FINDINGS, PLANS, SETS, quick


@quick
@given(PLANS)
def test_a_plan_survives_its_json(plan: Plan) -> None:
    again = Plan.from_json(json.loads(json.dumps(plan.to_json(), allow_nan=False)))
    assert again == plan
    assert again.hash == plan.hash


@quick
@given(PLANS, st.text(), st.lists(FINDINGS).map(tuple), st.dictionaries(st.text(), st.text()))
def test_the_hash_is_of_what_would_be_done_alone(
    plan: Plan, title: str, findings: tuple[Finding, ...], evidence: dict[str, str]
) -> None:
    told = replace(plan, title=title, findings=findings, evidence=evidence)
    assert told.hash == plan.hash


@quick
@given(PLANS, SETS)
def test_another_list_of_sets_is_another_hash(plan: Plan, item: Set) -> None:
    assert replace(plan, sets=(*plan.sets, item)).hash != plan.hash
    goal = "back" if plan.goal == "forward" else "forward"
    assert replace(plan, goal=goal).hash != plan.hash  # type: ignore[arg-type]
    assert replace(plan, service=plan.service + "x").hash != plan.hash


@quick
@given(PLANS, st.data())
def test_what_is_left_out_is_gone_and_the_rest_stays_in_order(
    plan: Plan, data: st.DataObject
) -> None:
    known = [item.ref for item in plan.sets]
    out = frozenset(data.draw(st.sets(st.sampled_from(known)))) if known else frozenset()
    kept = plan.without(out)
    assert [item for item in plan.sets if item.ref not in out] == list(kept.sets)
    assert replace(kept, sets=plan.sets) == plan


@quick
@given(PLANS)
def test_refused_are_the_findings_that_forbid(plan: Plan) -> None:
    assert plan.refused == tuple(f for f in plan.findings if f.level == "refused")


def test_the_first_set_of_a_kind_is_found() -> None:
    champion = Set(alias_ref("fraud", "champion"), "12", "13")
    moved = Set(traffic_ref("fraud"), Split.all_on("blue"), Split.all_on("green"))
    again = Set(traffic_ref("other"), None, Split.all_on("blue"))
    plan = Plan("promote", "fraud", "forward", "v13", (champion, moved, again))
    assert plan.find("traffic") is moved
    assert plan.find("alias") is champion
    assert plan.find("slot") is None


def test_a_journal_of_before_reads_on() -> None:
    """What later versions added to a set has a meaning where it is missing."""
    old = {"ref": "alias:fraud@champion", "before": "12", "after": "13"}
    assert Set.from_json(old) == Set(Ref("alias", "fraud@champion"), "12", "13", True, "")
