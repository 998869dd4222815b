"""Canary, shadow and abort as lists of sets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ModeldeckError, Refused, UsageError
from core.observed import SlotView
from core.policy import promotes
from core.refs import slot_ref, traffic_ref
from core.split import WHOLE, Split
from core.strategies import abort, canary, shadow
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

TRAFFIC = traffic_ref("fraud")
V13 = VERSIONS[1]


@given(st.integers(1, WHOLE - 1))
def test_a_canary_takes_its_share_from_the_champion(weight: int) -> None:
    plan = canary(seen(), V13, weight, PASSED)
    assert values(plan.sets) == {TRAFFIC: Split.of({"blue": WHOLE - weight, "green": weight})}
    assert not plan.refused


def test_a_canary_above_the_ungated_share_needs_the_gate() -> None:
    assert not canary(seen(), V13, 5000, None).refused
    assert "gate" in canary(seen(), V13, 5001, None).refused[0].message


def test_a_canary_above_the_ungated_share_is_as_good_as_a_promotion() -> None:
    assert promotes(canary(seen(), V13, 5001, PASSED))
    assert not promotes(canary(seen(), V13, 5000, None))
    most = seen(split=Split.of({"blue": 1000, "green": 9000}))
    assert not promotes(canary(most, V13, 6000, PASSED)), "less than it has already"


def test_the_rest_of_a_canary_goes_to_no_alias_that_was_moved_by_hand() -> None:
    """Else one per cent of what serves would leave the rest to what no gate has seen."""
    now = seen(split=CANARY)
    model = replace(now.need_model(), aliases={"champion": "13"})
    (said,) = canary(replace(now, model=model), VERSIONS[2], 100, None).refused
    assert "v13 would get 99 %" in said.message
    most = seen(split=Split.of({"blue": 1000, "green": 9000}), previous=GREEN)
    model = replace(most.need_model(), aliases={"champion": "13"})
    assert not canary(replace(most, model=model), VERSIONS[2], 500, None).refused


def test_the_champion_is_no_canary_of_another_version() -> None:
    """Else one per cent of the champion would leave the rest to what no gate has seen."""
    now = seen(split=Split.of({"blue": 5000, "green": 5000}))
    with pytest.raises(Refused, match="v12 is the champion"):
        canary(now, VERSIONS[2], 100, None)


@pytest.mark.parametrize("weight", [0, WHOLE, WHOLE + 1, -1])
def test_a_share_that_is_none_is_an_error(weight: int) -> None:
    with pytest.raises(UsageError):
        canary(seen(), V13, weight, PASSED)


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (version("13", "Draft"), "Draft"),
        (version("13", "Archived"), "Archived"),
        (version("13", "Staging", status="FAILED_REGISTRATION"), "not READY"),
    ],
)
def test_what_may_not_serve_is_refused(candidate: object, why: str) -> None:
    plan = canary(seen(), candidate, 500, None)  # type: ignore[arg-type]
    assert why in plan.refused[0].message


def test_a_version_in_no_slot_is_loaded_into_an_idle_one_before_traffic_moves() -> None:
    plan = canary(seen(), version("15", "Staging"), 500, None)
    assert [item.ref for item in plan.sets] == [slot_ref("fraud", "green"), TRAFFIC]


@pytest.mark.parametrize(("green", "warned"), [("11", False), ("13", True)])
def test_only_the_last_copy_of_the_last_good_version_is_warned_of(green: str, warned: bool) -> None:
    held = {"blue": "12", "green": green, "grey": "11"}
    slots = {name: SlotView(number, can_load=True) for name, number in held.items()}
    now = seen(slots=slots, split=CANARY, releases=(release(7, "11"),))
    plan = canary(now, version("15", "Staging"), 500, None)
    assert plan.sets[0].ref == slot_ref("fraud", "grey")
    assert any("evicts" in finding.message for finding in plan.findings) is warned


def test_a_slot_with_traffic_is_never_loaded() -> None:
    with pytest.raises(Refused, match="every slot carries traffic") as refused:
        canary(seen(split=CANARY), version("15", "Staging"), 500, None)
    assert "modeldeck abort fraud" in (refused.value.hint or "")


def test_a_shadow_leaves_the_live_traffic_alone() -> None:
    plan = shadow(seen(), V13, 1000)
    assert values(plan.sets) == {TRAFFIC: BLUE.with_shadow({"green": 1000})}
    with pytest.raises(Refused, match="live traffic"):
        shadow(seen(split=CANARY), V13, 1000)


def test_the_end_of_a_shadow_leaves_a_canary_alone() -> None:
    plan = shadow(seen(split=CANARY.with_shadow({"green": 1000})), None, 0)
    assert values(plan.sets) == {TRAFFIC: CANARY}
    assert plan.goal == "back"


def test_abort_goes_to_the_split_before_the_canary() -> None:
    plan = abort(seen(split=CANARY))
    assert values(plan.sets) == {TRAFFIC: BLUE}
    assert not plan.findings


def test_abort_without_a_known_split_goes_to_the_champion() -> None:
    plan = abort(seen(split=Split.of({"blue": 500, "green": 9500}), previous=None))
    assert values(plan.sets) == {TRAFFIC: BLUE}


def test_abort_says_where_the_registry_names_another_champion() -> None:
    now = seen(split=CANARY, previous=Split.all_on("green"))
    assert "@champion names v12, not v13" in abort(now).findings[0].message


@pytest.mark.parametrize("split", [BLUE, Split.all_on("green")])
def test_where_nothing_runs_there_is_nothing_to_abort(split: Split) -> None:
    with pytest.raises(Refused, match="nothing to abort"):
        abort(seen(split=split))


@given(
    st.sampled_from([BLUE, CANARY, Split.of({"blue": 1, "green": WHOLE - 1})]),
    st.sampled_from(["11", "12", "13", "14"]),
    st.integers(-5, WHOLE + 5),
    st.booleans(),
)
def test_no_plan_sends_requests_to_a_slot_that_holds_another_version(
    split: Split, number: str, weight: int, mirror: bool
) -> None:
    now = seen(split=split)
    model = now.need_model()
    chosen = model.find(number)
    assert chosen is not None
    try:
        plan = shadow(now, chosen, weight) if mirror else canary(now, chosen, weight, PASSED)
    except ModeldeckError:
        return
    held = {name: slot.version for name, slot in now.slots.items()}
    held |= {item.ref.parts[1]: item.after for item in plan.sets if item.ref.kind == "slot"}  # type: ignore[misc]
    for item in plan.sets:
        if isinstance(item.after, Split):
            assert {held[slot] for slot in item.after.slots()} <= {"12", "13", number}
            assert number in {held[slot] for slot in item.after.slots()}


def test_a_slot_that_does_not_answer_gets_nothing() -> None:
    mute = {"blue": SlotView("12"), "green": SlotView("13", ready=False)}
    assert "does not answer" in canary(seen(slots=mute), V13, 500, None).refused[0].message
