"""Splits: shares that always sum, and no other value for the same traffic."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.split import WHOLE, Split, blend, percent
from tests.core.values import SLOTS, quick, splits


@quick
@given(splits())
def test_a_split_survives_its_json(split: Split) -> None:
    assert Split.from_json(json.loads(json.dumps(split.to_json()))) == split


@quick
@given(splits())
def test_live_shares_sum_and_zeros_are_not_kept(split: Split) -> None:
    assert sum(split.weights.values()) == WHOLE
    assert all(share > 0 for _, share in (*split.live, *split.shadow))
    assert split.slots() == frozenset(split.weights) | frozenset(split.mirrors)


@quick
@given(splits())
def test_the_order_in_which_slots_are_named_does_not_matter(split: Split) -> None:
    backwards = Split.of(dict(reversed(split.live)), dict(reversed(split.shadow)))
    assert backwards == split
    assert hash(backwards) == hash(split)


@quick
@given(splits())
def test_a_zero_beside_the_shares_changes_nothing(split: Split) -> None:
    live = {slot: split.weights.get(slot, 0) for slot in SLOTS}
    shadow = {slot: split.mirrors.get(slot, 0) for slot in SLOTS}
    assert Split.of(live, shadow) == split


@quick
@given(splits())
def test_settled_is_one_slot_with_everything_and_no_shadow(split: Split) -> None:
    alone = [slot for slot in SLOTS if split == Split.all_on(slot)]
    assert ([split.settled] if split.settled else []) == alone


@quick
@given(splits(), st.dictionaries(st.sampled_from(SLOTS), st.integers(0, WHOLE)))
def test_a_shadow_leaves_live_traffic_alone(split: Split, shadow: Mapping[str, int]) -> None:
    shadowed = split.with_shadow(shadow)
    assert shadowed.live == split.live
    assert shadowed.mirrors == {slot: share for slot, share in shadow.items() if share}


@quick
@given(st.sampled_from(SLOTS), st.sampled_from(SLOTS), st.integers(0, WHOLE))
def test_a_blend_is_a_split(base: str, other: str, points: int) -> None:
    split = Split.of(blend(base, other, points))
    if base != other:
        assert split.weights.get(other, 0) == points
    else:
        assert split == Split.all_on(base)


@pytest.mark.parametrize(
    ("live", "shadow", "says"),
    [
        ({}, {}, "sum to 0"),
        ({"blue": 9_999}, {}, "sum to 9999"),
        ({"blue": 5_000, "green": 5_001}, {}, "sum to 10001"),
        ({"blue": -1, "green": 10_001}, {}, "-1 basis points"),
        ({"blue": WHOLE}, {"green": 10_001}, "10001 basis points"),
        ({"blue": WHOLE}, {"green": -5}, "-5 basis points"),
    ],
)
def test_shares_that_cannot_be_are_refused(
    live: Mapping[str, int], shadow: Mapping[str, int], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        Split.of(live, shadow)


@pytest.mark.parametrize(("points", "text"), [(500, "5"), (50, "0.5"), (1, "0.01"), (WHOLE, "100")])
def test_percent(points: int, text: str) -> None:
    assert percent(points) == text


def test_a_split_in_words() -> None:
    assert str(Split.all_on("blue")) == "blue 100"
    split = Split.of({"green": 500, "blue": 9_500}, {"canary": 50})
    assert str(split) == "blue 95, green 5, shadow canary 0.5"
