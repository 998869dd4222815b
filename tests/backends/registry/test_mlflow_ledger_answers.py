"""Entries as params: never cut off by the server, and never trusted when read."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.registry import mlflow_ledger_answers as answers
from core.ledger import Deed, End, Entry

WHEN = datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)
VERSION = st.one_of(st.none(), st.integers(1, 10**9).map(str))
WORDS = st.text(max_size=2000)


@given(VERSION, VERSION, WORDS, WORDS, WORDS, st.booleans())
def test_what_counts_survives_whatever_people_write(
    before: str | None, after: str | None, who: str, reason: str, command: str, undo: bool
) -> None:
    deed = Deed(who, "01K0CHANGE0000000000000000", 214, command, reason, undo)
    entry = Entry(1, "champion", before, after, "0123456789ab", "host", deed, WHEN, 14.0)
    written = answers.write_claim(entry)
    assert len(written) <= answers.LONGEST
    assert written.isascii()
    (read,) = answers.chain("m", {"000001": written}).entries
    assert (read.before, read.after, read.op, read.bound) == (before, after, entry.op, 14.0)
    assert (read.deed.change, read.deed.undo, read.at) == (deed.change, undo, WHEN)
    assert who.startswith(read.deed.who)
    assert reason.startswith(read.deed.reason)


def claim(**more: object) -> str:
    return json.dumps({"alias": "c", "from": "1", "to": "2", "op": "x", "for": 14, **more})


def test_only_the_unbroken_row_counts() -> None:
    chain = answers.chain("m", {"000001": claim(), "000003": claim(), "note": "x"})
    assert [entry.number for entry in chain.entries] == [1]
    assert chain.free == 2


@pytest.mark.parametrize("value", ["", "no json", "[]", "null", "{}", '{"alias": 3}', "[" * 9999])
def test_what_is_no_entry_takes_its_number_and_holds_nobody_up(value: str) -> None:
    chain = answers.chain("m", {"000001": value, "000002": claim()})
    assert [entry.number for entry in chain.entries] == [2]
    assert answers.chain("m", {"000001": value}).open is None
    assert answers.chain("m", {"000001": value}).free == 2


@pytest.mark.parametrize("value", ["", "no json", "[]", '{"result": 3}'])
def test_an_end_that_cannot_be_read_is_an_end(value: str) -> None:
    (entry,) = answers.chain("m", {"000001": claim(), "000001.end": value}).entries
    assert entry.state == "dropped"


@pytest.mark.parametrize("bound", [1e9, float("inf"), float("nan"), "long", None, -1])
def test_no_claim_holds_others_up_for_ever(bound: object) -> None:
    (entry,) = answers.chain("m", {"000001": claim(**{"for": bound})}).entries
    assert 0 <= entry.bound <= answers.MOST_BOUND


def test_an_end_is_read_as_written() -> None:
    end = End("set", "bo@host", WHEN, "2")
    params = {"000001": claim(), "000001.end": answers.write_end(end)}
    (entry,) = answers.chain("m", params).entries
    assert entry.end == end


def test_models_of_any_name_have_keys_that_mlflow_takes() -> None:
    names = ["fraud", "it's", "a/b\x1b", "\ud800", "x" * 400]
    keys = {answers.model_key(name, 1) for name in names}
    assert len(keys) == len(names)
    assert all(key.replace(".", "").isalnum() and len(key) < 250 for key in keys)
