"""What arrives, judged against what was written."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.split import WHOLE, Split
from core.verify import judge, judge_live, judge_mirrors

CANARY = Split.of({"blue": 9000, "green": 1000})
SHADOW = Split.of({"blue": WHOLE}, {"green": 5000})


def arriving(split: Split, n: int, seed: int) -> dict[str, int]:
    slots, weights = zip(*split.live, strict=True)
    drawn = random.Random(seed).choices(slots, weights, k=n)
    return {slot: drawn.count(slot) for slot in slots}


@given(st.integers(500, WHOLE - 500), st.integers(0, 10_000))
def test_a_split_that_arrives_is_never_held_against_it(points: int, seed: int) -> None:
    split = Split.of({"blue": WHOLE - points, "green": points})
    # Four standard errors and a request: beyond them once in ten thousand runs.
    told = [judge_live(split, arriving(split, 500, seed + i), final=True).answer for i in range(3)]
    assert told.count("against") < 3


@given(st.integers(100, 5000))
def test_a_split_that_did_not_move_is_held_against_it(n: int) -> None:
    assert judge_live(CANARY, {"blue": n, "green": 0}, final=True).answer == "against"
    assert judge_live(CANARY, {"blue": n, "green": 0}, final=False).answer == "not_yet"


@pytest.mark.parametrize("final", [True, False])
def test_too_few_requests_say_nothing(final: bool) -> None:
    assert judge_live(CANARY, {"blue": 20, "green": 0}, final=final).answer == "not_yet"
    assert judge_live(CANARY, {}, final=final).text == "no live requests arrived"


def test_a_whole_split_is_seen_after_five_requests_in_a_row() -> None:
    whole = Split.all_on("green")
    assert judge_live(whole, {"green": 4}, final=False).answer == "not_yet"
    assert judge_live(whole, {"green": 5, "blue": 0}, final=False).answer == "seen"
    assert judge_live(whole, {"green": 50, "blue": 1}, final=False).answer == "not_yet"
    assert judge_live(whole, {"green": 50, "blue": 50}, final=True).answer == "against"


def test_a_mirror_is_seen_once_copies_arrive() -> None:
    seen = judge(SHADOW, {"blue": 100}, {"green": 48}, final=False)
    assert seen.answer == "seen"
    assert "mirrored to green 48" in seen.text


def test_a_mirror_that_gets_nothing_is_not_seen_and_in_the_end_held_against_it() -> None:
    assert judge(SHADOW, {"blue": 100}, {"green": 0}, final=False).answer == "not_yet"
    assert judge(SHADOW, {"blue": 100}, {"green": 0}, final=True).answer == "against"
    assert judge(SHADOW, {"blue": 20}, {"green": 0}, final=True).answer == "not_yet"


def test_copies_that_a_slow_slot_dropped_are_no_evidence() -> None:
    assert judge(SHADOW, {"blue": 1000}, {"green": 90}, final=True).answer == "seen"


def test_a_mirror_that_ended_and_goes_on_is_held_against_it() -> None:
    ended = Split.all_on("blue")
    seen = judge(ended, {"blue": 100}, {"green": 50}, final=True)
    assert seen.answer == "against"
    assert "still mirrored to green 50" in seen.text
    assert judge(ended, {"blue": 100}, {"green": 1}, final=False).answer == "seen"
    assert judge_mirrors(SHADOW, 100, {"green": 90}, final=True).answer == "against"


def test_what_would_look_the_same_had_nothing_moved_is_not_seen_yet() -> None:
    back, before = Split.all_on("blue"), CANARY
    five = judge(back, {"blue": 5}, {}, final=True, before=before)
    assert five.answer == "not_yet", "ten per cent on green leave five clean ones six times of ten"
    assert "too few to tell it from" in five.text
    assert judge(back, {"blue": 44}, {}, final=False, before=before).answer == "seen"
    whole = Split.all_on("green")
    assert judge(whole, {"green": 5}, {}, final=False, before=back).answer == "seen"


def test_a_canary_is_told_from_the_one_before_it() -> None:
    raised = Split.of({"blue": 4000, "green": 6000})
    half = Split.of({"blue": 5000, "green": 5000})
    few = {"blue": 7, "green": 7}
    assert judge(raised, few, {}, final=False, before=half).answer == "not_yet"
    many = {"blue": 400, "green": 600}
    assert judge(raised, many, {}, final=False, before=half).answer == "seen"
