"""The chain: what the last entry says, what was moved past it, what was moved between entries."""

from __future__ import annotations

from dataclasses import replace

from core.ledger import Chain, Deed, End, Entry, Result


def entry(
    number: int,
    before: str | None,
    after: str | None,
    result: Result | None = "set",
    alias: str = "c",
) -> Entry:
    end = End(result, "ana@host") if result else None
    return Entry(number, alias, before, after, f"op{number}", "host", Deed("ana"), end=end)


def test_what_was_dropped_says_nothing() -> None:
    chain = Chain("m", (entry(1, None, "1"), entry(2, "1", "2", "dropped")))
    said = chain.settled("c")
    assert said is not None
    assert said.number == 1
    assert chain.moved_past("c", "1") is None
    assert chain.moved_past("c", "2") == said
    assert chain.settled("other") is None
    assert chain.moved_past("other", "9") is None


def test_an_open_claim_explains_where_it_leads_and_nothing_else() -> None:
    chain = Chain("m", (entry(1, None, "1"), entry(2, "1", "2", None)))
    assert chain.open == chain.entries[1]
    assert chain.moved_past("c", "1") is None
    assert chain.moved_past("c", "2") is None
    assert chain.moved_past("c", "3") == chain.entries[0]


def test_moves_between_entries_are_gaps_of_their_alias_alone() -> None:
    chain = Chain(
        "m",
        (
            entry(1, None, "1"),
            entry(2, None, "9", alias="other"),
            entry(3, "1", "2", "dropped"),
            entry(4, "1", "2"),
            entry(5, "7", "3"),
            entry(6, "9", "8", alias="other"),
        ),
    )
    (gap,) = chain.gaps()
    assert (gap.alias, gap.before, gap.after) == ("c", "2", "7")


def test_who_ended_it_tells_whether_it_was_overtaken() -> None:
    own = entry(1, None, "1")
    assert own.by == "ana@host"
    assert not own.overtaken
    ended = Entry(1, "c", None, "1", "op", "host", Deed("ana"), end=End("set", "bo@other"))
    assert ended.overtaken


def by(change: str, one: Entry, *, undo: bool = False) -> Entry:
    return replace(one, deed=Deed(change, change, undo=undo))


def test_a_change_that_others_went_on_from_was_moved_on() -> None:
    ana, bo = by("ana", entry(1, "1", "2")), by("bo", entry(2, "2", "3"))
    chain = Chain("m", (ana, bo))
    assert chain.moved_on("ana", "c") == bo
    assert chain.moved_on("bo", "c") is None
    assert chain.moved_on("cy", "c") is None
    assert chain.moved_on("ana", "other") is None
    assert chain.moved_on("", "c") is None, "who belongs to no change goes on from none"


def test_a_version_that_others_came_back_to_is_theirs() -> None:
    ana, there = by("ana", entry(1, "1", "2")), by("bo", entry(2, "2", "3"))
    back = by("cy", entry(3, "3", "2"))
    assert Chain("m", (ana, there, back)).moved_on("ana", "c") == back
    taken = by("bo", entry(3, "3", "2"), undo=True)
    assert Chain("m", (ana, there, taken, by("cy", entry(4, "2", "4")))).moved_on("ana", "c")


def test_what_others_took_back_or_never_set_moved_nothing_on() -> None:
    ana = by("ana", entry(1, "1", "2"))
    claimed = by("bo", entry(2, "2", "3", None))
    assert Chain("m", (ana, claimed)).moved_on("ana", "c") is None
    dropped = by("bo", entry(2, "2", "3", "dropped"))
    assert Chain("m", (ana, dropped)).moved_on("ana", "c") is None
    there, back = by("bo", entry(2, "2", "3")), by("bo", entry(3, "3", "2"), undo=True)
    assert Chain("m", (ana, there, back)).moved_on("ana", "c") is None
    own = by("ana", entry(2, "2", "1"), undo=True)
    assert Chain("m", (ana, own, by("bo", entry(3, "1", "3")))).moved_on("ana", "c") is None
