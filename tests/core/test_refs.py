"""Refs: one text for one thing, and errors that show what would be right."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from core.refs import (
    Ref,
    Value,
    alias_ref,
    block_ref,
    decode,
    encode,
    show,
    slot_ref,
    stage_ref,
    traffic_ref,
)
from core.split import Split
from tests.core.values import NAMES, VALUES, quick, refs


@quick
@given(refs())
def test_a_ref_is_read_back_from_its_text(ref: Ref) -> None:
    assert Ref.parse(str(ref)) == ref


@quick
@given(NAMES, NAMES.filter(lambda text: "@" not in text and "/" not in text))
def test_the_last_separator_counts(owner: str, item: str) -> None:
    for ref in (stage_ref(owner, item), alias_ref(owner, item), slot_ref(owner, item)):
        assert Ref.parse(str(ref)).parts == (owner, item)
    assert block_ref(owner, item).parts == (owner, item)
    assert traffic_ref(owner).parts == (owner, "")


@quick
@given(VALUES)
def test_a_value_survives_its_json(value: Value) -> None:
    assert decode(json.loads(json.dumps(encode(value)))) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "alias:fraud@champion"),
        ("alias", "alias:fraud@champion"),
        ("alias:", "alias:fraud@champion"),
        (":fraud", "alias:fraud@champion"),
        ("alais:fraud@champion", "alias:fraud@champion"),
        ("Alias:fraud@champion", "alias:fraud@champion"),
        ("alias:fraud", "alias:fraud@champion"),
        ("alias:fraud@", "alias:fraud@champion"),
        ("alias:@champion", "alias:fraud@champion"),
        ("stage:fraud@13", "stage:fraud/13"),
        ("slot:fraud", "slot:fraud/green"),
        ("prompt:explainer", "prompt:explainer@production"),
        ("index:docs", "index:docs@live"),
        ("block:13", "block:fraud/13"),
    ],
)
def test_what_is_no_ref_is_told_what_one_looks_like(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="is not a ref") as wrong:
        Ref.parse(text)
    assert repr(text) in str(wrong.value)
    assert says in str(wrong.value)


def test_values_in_words() -> None:
    assert show(None) == "–"
    assert show("13") == "13"
    assert show(Split.all_on("blue")) == "blue 100"
