"""The way back: which release, and what of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import Refused
from core.observed import Observed, SlotView
from core.policy import UNPROVED, held_up
from core.refs import Ref, alias_ref, block_ref, slot_ref, stage_ref, traffic_ref
from core.releases import last_good, rollback
from core.split import Split
from tests.core.planning import BLUE, CANARY, GREEN, release, seen, values, version

PROMOTED = seen(
    replace(version("13", "Production"), aliases=("champion",)),
    replace(version("12", "Archived"), aliases=()),
    split=GREEN,
    releases=(release(2, "13"), release(1, "12")),
)
assert PROMOTED.model is not None
PROMOTED = replace(PROMOTED, model=replace(PROMOTED.model, aliases={"champion": "13"}))


def test_everything_goes_back_together() -> None:
    plan = rollback(PROMOTED, None, None, "errors 4 %")
    assert values(plan.sets) == {
        traffic_ref("fraud"): BLUE,
        alias_ref("fraud", "champion"): "12",
        stage_ref("fraud", "12"): "Production",
        stage_ref("fraud", "13"): "Archived",
        block_ref("fraud", "13"): "rolled back to r1: errors 4 %",
    }
    assert plan.goal == "back"


def test_without_the_registry_traffic_goes_back_alone() -> None:
    plan = rollback(replace(PROMOTED, model=None), None, None, "")
    assert values(plan.sets) == {traffic_ref("fraud"): BLUE}


@pytest.mark.parametrize("registry", [True, False])
def test_it_never_leads_to_a_version_that_a_rollback_left(registry: bool) -> None:
    """r2 was v13, and r3 is v12 again: from there r2 looks like the newest that differs."""
    releases = (release(3, "12"), release(2, "13"), release(1, "11"))
    now = seen(version("13", "Archived", blocked="errors"), releases=releases)
    if not registry:
        now = replace(now, model=None, left_behind=frozenset({"13"}))
    target = last_good(now)
    assert target is not None
    assert target.version == "11"


@pytest.mark.parametrize("good", [True, False])
def test_a_way_back_that_missed_the_registry_is_gone_to_its_end(good: bool) -> None:
    """v12 served until a rollback to r1 moved the traffic, and nothing but the traffic."""
    releases = (release(2, "12"), release(1, "13", good=good))
    half = seen(releases=releases, split=Split.all_on("green"), returned="r1")
    plan = rollback(half, None, None, "errors")
    assert values(plan.sets) == {
        alias_ref("fraud", "champion"): "13",
        stage_ref("fraud", "13"): "Production",
        stage_ref("fraud", "12"): "Archived",
        block_ref("fraud", "12"): "rolled back to r1: errors",
    }
    assert not held_up(plan)
    # Asked for once more while the registry is away, it does not lead to what was left.
    with pytest.raises(Refused, match="no earlier release"):
        rollback(replace(half, model=None, left_behind=frozenset({"12"})), None, None, "")


def test_prompts_that_a_way_back_missed_are_gone_back_to() -> None:
    ref = Ref("prompt", "chat-system@live")
    releases = (
        release(2, "13", **{"chat-system@live": "9"}),
        release(1, "12", good=False, **{"chat-system@live": "8"}),
    )
    half = seen(releases=releases, prompts={ref: "9"}, returned="r1")
    assert values(rollback(half, None, None, "").sets) == {ref: "8"}


def test_an_alias_that_was_moved_to_what_never_served_blocks_nothing() -> None:
    releases = (release(1, "13"),)
    moved = seen(releases=releases, split=Split.all_on("green"), returned="r1")
    plan = rollback(moved, None, None, "")
    assert values(plan.sets)[alias_ref("fraud", "champion")] == "13"
    assert plan.find("block") is None


def test_a_release_that_proved_good_is_preferred() -> None:
    releases = (release(3, "12"), release(2, "13", good=False), release(1, "11"))
    target = last_good(seen(releases=releases))
    assert target is not None
    assert target.name == "r1"
    shaky = (release(3, "12"), release(2, "11", good=False))
    plan = rollback(seen(releases=shaky), None, None, "")
    assert "has not proved good" in plan.findings[0].message


_SHAKY = (release(2, "13", good=False), release(1, "12", good=False))
BACK_ON_V12 = seen(
    version("13", "Archived", blocked="rolled back to r1: errors 4 %"),
    releases=(release(3, "12"), release(2, "13", good=False), release(1, "11")),
)


def test_to_a_release_that_has_not_proved_good_it_is_held_up_and_names_the_free_way_back() -> None:
    plan = rollback(BACK_ON_V12, BACK_ON_V12.releases[1], None, "")
    assert held_up(plan)
    said = plan.evidence[UNPROVED]
    assert said["because"] == (
        "r2 has not proved good: watched healthy for 0s of 10m; "
        "v13 was left by a rollback: rolled back to r1: errors 4 %"
    )
    assert said["instead"] == "r1 (v11, good)"
    assert not held_up(rollback(BACK_ON_V12, None, None, ""))
    assert not held_up(rollback(BACK_ON_V12, BACK_ON_V12.releases[2], None, ""))


def test_a_good_release_whose_version_a_rollback_left_is_held_up() -> None:
    releases = (release(3, "12"), release(2, "13"))
    left = seen(version("13", "Archived", blocked="errors 4 %"), releases=releases)
    plan = rollback(left, releases[1], None, "")
    assert plan.evidence[UNPROVED] == {
        "because": "v13 was left by a rollback: errors 4 %",
        "instead": None,
    }
    blind = replace(left, model=None, left_behind=frozenset({"13"}))
    assert held_up(rollback(blind, releases[1], None, ""))


@pytest.mark.parametrize(
    ("now", "number"),
    [
        (seen(releases=(release(2, "12", good=False), release(1, "11", good=False))), "11"),
        (seen(releases=(release(1, "11", good=False), release(3, "11"))), "11"),
        (seen(split=CANARY, releases=(release(2, "12", good=False), release(1, "11"))), "12"),
        (replace(PROMOTED, split=BLUE, releases=_SHAKY), "12"),
    ],
    ids=[
        "where a bare rollback leads",
        "good under another number",
        "what serves already",
        "what serves since a rollback that was cut off",
    ],
)
def test_a_release_that_is_named_is_a_free_way_back(now: Observed, number: str) -> None:
    named = next(one for one in now.releases if one.version == number)
    assert not named.good(600)
    assert not held_up(rollback(now, named, None, ""))


def test_what_serves_with_an_unproved_prompt_is_held_up() -> None:
    ref = Ref("prompt", "chat-system@live")
    releases = (
        release(3, "12", **{ref.name: "9"}),
        release(2, "12", good=False, **{ref.name: "7"}),
        release(1, "12", **{ref.name: "8"}),
    )
    now = seen(prompts={ref: "9"}, releases=releases)
    assert held_up(rollback(now, releases[1], None, ""))


def test_an_alias_that_was_moved_from_under_what_serves_goes_back_alone() -> None:
    """v13 never served: nothing is known against it."""
    now = seen(releases=(release(2, "12"), release(1, "11")))
    assert now.model is not None
    moved = replace(now, model=replace(now.model, aliases={"champion": "13"}))
    plan = rollback(moved, None, None, "")
    assert values(plan.sets) == {alias_ref("fraud", "champion"): "12"}
    assert plan.title.startswith("fraud back to release r2")


def test_what_served_is_archived_whoever_moved_the_alias() -> None:
    """Back to v12, which the alias names already: v13 had the traffic, and is no champion."""
    assert PROMOTED.model is not None
    model = replace(PROMOTED.model, aliases={"champion": "12"})
    plan = rollback(replace(PROMOTED, model=model), PROMOTED.releases[1], None, "")
    assert values(plan.sets) == {
        traffic_ref("fraud"): BLUE,
        stage_ref("fraud", "12"): "Production",
        stage_ref("fraud", "13"): "Archived",
        block_ref("fraud", "13"): "rolled back to r1",
    }


def test_a_champion_in_a_slot_that_could_not_be_read_may_have_served() -> None:
    dumb = {**PROMOTED.slots, "green": SlotView(None, ready=False)}
    plan = rollback(replace(PROMOTED, slots=dumb), PROMOTED.releases[1], None, "")
    assert values(plan.sets)[stage_ref("fraud", "13")] == "Archived"


def test_a_prompt_goes_back_where_the_weights_stayed() -> None:
    ref = Ref("prompt", "chat-system@live")
    service = replace(seen().service, prompts=(ref.name,))
    releases = (release(2, "12", **{ref.name: "9"}), release(1, "12", **{ref.name: "8"}))
    now = seen(service=service, prompts={ref: "9"}, releases=releases)
    assert values(rollback(now, None, None, "").sets) == {ref: "8"}
    blind = replace(now, model=None, prompts={})
    assert blind.release_now() == releases[0], "prompts that nobody could read are no difference"
    assert last_good(blind) == releases[1]


@pytest.mark.parametrize("only", ["weights", "routing"])
def test_traffic_is_never_parted_from_the_load_that_it_needs(only: str) -> None:
    held = {"blue": SlotView("11", can_load=True), "green": SlotView("13", can_load=True)}
    plan = rollback(replace(PROMOTED, slots=held), None, only, "")  # type: ignore[arg-type]
    both = [item for item in plan.sets if item.ref.kind in ("slot", "traffic")]
    assert [item.ref for item in both] == [slot_ref("fraud", "blue"), traffic_ref("fraud")]
    assert len({item.group for item in both}) == 1, "the plan box leaves out a group as a whole"


def test_without_an_earlier_release_it_says_what_else_there_is() -> None:
    with pytest.raises(Refused) as raised:
        rollback(seen(releases=(release(1, "12"),)), None, None, "")
    assert "cutover" in str(raised.value.hint)


def test_during_a_canary_it_leads_to_the_release_before_it() -> None:
    split = Split.of({"green": 9000, "blue": 1000})
    assert values(rollback(replace(PROMOTED, split=split), None, "routing", "").sets) == {
        traffic_ref("fraud"): GREEN
    }
