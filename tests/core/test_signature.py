"""Which changes of a signature break a caller who speaks to the champion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.signature import Column, Signature, changes

A, B = Column("a", "double"), Column("b", "integer")
Y = Column("y", "long")
OPTIONAL = Column("c", "string", required=False)


def change(inputs: list[Column], outputs: list[Column] | None = None) -> list[str]:
    return changes(Signature((A, B), (Y,)), Signature(tuple(inputs), tuple(outputs or [Y])))


@pytest.mark.parametrize(
    "inputs",
    [[A, B], [B, A], [A, B, OPTIONAL], [A, Column("b", "long")], [A, Column("b", "double")],
     [A, Column("b", "integer", required=False)]],
)  # fmt: skip
def test_what_no_caller_notices(inputs: list[Column]) -> None:
    assert change(inputs) == []


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([A], "input b was removed"),
        ([A, B, Column("c", "string")], "input c (string) was added"),
        ([Column("a", "integer"), B], "input a was double and is integer"),
        ([A, Column("b", "string")], "input b was integer and is string"),
    ],
)
def test_what_breaks_a_caller_is_named(inputs: list[Column], says: str) -> None:
    assert change(inputs) == [says]


def test_outputs_may_grow_and_not_change() -> None:
    assert change([A, B], [Y, Column("p", "double")]) == []
    assert change([A, B], [Column("y", "double")]) == ["output y was long and is double"]
    assert change([A, B], [Column("p", "double")]) == ["output y was removed"]


def test_an_input_that_becomes_required_breaks_who_leaves_it_out() -> None:
    before = Signature((Column("a", "double", required=False),))
    assert changes(before, Signature((A,))) == ["input a was optional and is required"]


columns = st.lists(
    st.builds(Column, st.sampled_from("abcd"), st.sampled_from(["long", "double"]), st.booleans()),
    unique_by=lambda column: column.name,
).map(tuple)


@given(columns, columns)
def test_nothing_changes_beside_itself(
    inputs: tuple[Column, ...], outputs: tuple[Column, ...]
) -> None:
    assert changes(Signature(inputs, outputs), Signature(inputs[::-1], outputs[::-1])) == []
