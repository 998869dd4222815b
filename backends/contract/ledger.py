"""What a registry with a ledger must do, beside `SettableContract` for the refs it guards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import pytest

from backends.base import Ledgered
from backends.contract.settable import attempt, opened
from core.errors import BackendError, Conflict, ModeldeckError
from core.ledger import Chain, Deed, State
from core.refs import Ref

ANA = Deed("ana", "01CHANGE", 7, "promote", "better recall")
BO = Deed("bo", "01OTHER", 1, "rollback")


class LedgerHarness(Protocol):
    """An alias of a model of its own, with the versions 1 to 9; it names none yet."""

    ref: Ref

    def open(self) -> Any:
        """A fresh adapter, as another machine would open it. The suite closes it."""

    def outside(self, value: str) -> None:
        """Move the alias as somebody would who knows of no ledger."""

    async def claim_and_die(self, adapter: Any, after: str, deed: Deed, *, moved: bool) -> None:
        """Claim the next entry and stop there, or after the alias was set as well."""

    def hurry(self, adapter: Any) -> None:
        """Let claims of this adapter be taken for dead after about a second."""


class LedgerContract:
    """One chain for all, whoever dies in between."""

    def run(self, harness: LedgerHarness, body: Callable[[Any], Awaitable[Any]]) -> Any:
        return opened(harness, body)

    async def move(self, adapter: Any, harness: LedgerHarness, after: str, deed: Deed) -> None:
        now = await adapter.read(harness.ref)
        await adapter.write_for(
            harness.ref, after, before=now.value, revision=now.revision, deed=deed
        )

    async def chain(self, adapter: Ledgered, harness: LedgerHarness) -> Chain:
        model = harness.ref.parts[0]
        return (await adapter.ledger([model]))[model]

    def test_a_model_that_nobody_moved_has_an_empty_chain(self, harness: LedgerHarness) -> None:
        async def body(adapter: Ledgered) -> None:
            assert isinstance(adapter, Ledgered)
            assert (await self.chain(adapter, harness)).entries == ()

        self.run(harness, body)

    def test_who_when_and_within_what_is_kept(self, harness: LedgerHarness) -> None:
        async def body(adapter: Ledgered) -> None:
            await self.move(adapter, harness, "1", ANA)
            await self.move(adapter, harness, "2", BO)
            first, second = (await self.chain(adapter, harness)).entries
            assert (first.number, first.before, first.after, first.deed) == (1, None, "1", ANA)
            assert (second.number, second.before, second.after, second.deed) == (2, "1", "2", BO)
            assert first.alias == second.alias == harness.ref.parts[1]
            assert first.state == second.state == "set"
            assert first.at is not None
            assert first.host

        self.run(harness, body)

    def test_of_many_writers_at_once_one_wins(self, harness: LedgerHarness) -> None:
        async def body(adapter: Any) -> None:
            await self.move(adapter, harness, "1", ANA)
            others = [harness.open() for _ in range(5)]
            try:
                results = await asyncio.gather(
                    *(
                        attempt(
                            partial(
                                one.write_for, harness.ref, to, before="1", revision="", deed=BO
                            )
                        )
                        for one, to in zip(others, "23456", strict=True)
                    )
                )
            finally:
                await asyncio.gather(*(one.close() for one in others))
            lost = [one for one in results if one is not None]
            assert len(lost) == 4
            assert all(isinstance(one, Conflict) for one in lost), lost
            winner = "23456"[results.index(None)]
            assert (await adapter.read(harness.ref)).value == winner
            last = (await self.chain(adapter, harness)).settled(harness.ref.parts[1])
            assert last is not None
            assert (last.before, last.after) == ("1", winner)

        self.run(harness, body)

    def test_an_undo_is_an_entry_of_its_own(self, harness: LedgerHarness) -> None:
        back = Deed("ana", "01CHANGE", 7, "promote", "better recall", undo=True)

        async def body(adapter: Ledgered) -> None:
            await self.move(adapter, harness, "1", BO)
            await self.move(adapter, harness, "2", ANA)
            await self.move(adapter, harness, "1", back)
            chain = await self.chain(adapter, harness)
            assert [(one.before, one.after, one.deed.undo) for one in chain.entries] == [
                (None, "1", False),
                ("1", "2", False),
                ("2", "1", True),
            ]

        self.run(harness, body)

    def test_a_change_that_was_taken_back_sets_nothing_more(self, harness: LedgerHarness) -> None:
        """As a program that was stopped while somebody recovered its change."""
        back = replace(ANA, who="bo", undo=True)
        namesake = replace(ANA, change="01NAMESAKE")

        async def body(adapter: Any) -> None:
            await self.move(adapter, harness, "1", BO)
            # Nothing was set yet, so that the alias is as before the change all the time.
            await self.move(adapter, harness, "1", back)
            with pytest.raises(Conflict, match=r"bo@.* taken this change .* back with entry 2"):
                await adapter.write_for(harness.ref, "2", before="1", revision="", deed=ANA)
            assert (await adapter.read(harness.ref)).value == "1"
            assert len((await self.chain(adapter, harness)).entries) == 2
            # Another machine's change may have the same number.
            await self.move(adapter, harness, "2", namesake)
            await self.move(adapter, harness, "1", replace(back, change=namesake.change))
            await self.move(adapter, harness, "1", back)

        self.run(harness, body)

    @pytest.mark.parametrize(
        "refusal",
        [Conflict("taken over"), BackendError("no answer", backend="journal")],
        ids=["taken over", "nobody can tell"],
    )
    @pytest.mark.parametrize(("asked", "left"), [(1, []), (2, ["dropped"])])
    def test_whose_change_it_is_is_asked_before_the_claim_and_before_the_ref_is_set(
        self, harness: LedgerHarness, refusal: ModeldeckError, asked: int, left: list[State]
    ) -> None:
        async def body(adapter: Any) -> None:
            await self.move(adapter, harness, "1", BO)
            times = 0

            async def still_ours() -> None:
                nonlocal times
                times += 1
                if times == asked:
                    raise refusal

            with pytest.raises(type(refusal)) as raised:
                await adapter.write_for(
                    harness.ref, "2", before="1", revision="", deed=ANA, still_ours=still_ours
                )
            assert raised.value is refusal
            assert (await adapter.read(harness.ref)).value == "1"
            states = [one.state for one in (await self.chain(adapter, harness)).entries]
            assert states == ["set", *left]

        self.run(harness, body)

    def test_a_move_past_the_ledger_is_seen(self, harness: LedgerHarness) -> None:
        alias = harness.ref.parts[1]

        async def body(adapter: Any) -> None:
            await self.move(adapter, harness, "1", ANA)
            harness.outside("2")
            chain = await self.chain(adapter, harness)
            past = chain.moved_past(alias, "2")
            assert past is not None
            assert past.after == "1"
            with pytest.raises(Conflict):
                await adapter.write_for(harness.ref, "3", before="1", revision="", deed=BO)
            await self.move(adapter, harness, "3", BO)
            chain = await self.chain(adapter, harness)
            assert chain.moved_past(alias, "3") is None
            (gap,) = chain.gaps()
            assert (gap.before, gap.after) == ("1", "2")

        self.run(harness, body)

    @pytest.mark.parametrize(
        ("moved", "state", "before"), [(False, "dropped", "1"), (True, "set", "2")]
    )
    def test_a_dead_claim_is_ended_as_it_left_the_alias(
        self, harness: LedgerHarness, moved: bool, state: State, before: str
    ) -> None:
        async def body(adapter: Any) -> None:
            harness.hurry(adapter)
            await self.move(adapter, harness, "1", BO)
            await harness.claim_and_die(adapter, "2", ANA, moved=moved)
            assert (await self.chain(adapter, harness)).open is not None
            other = harness.open()
            try:
                await self.move(other, harness, "3", BO)
            finally:
                await other.close()
            _, dead, last = (await self.chain(adapter, harness)).entries
            assert (dead.state, dead.deed, dead.overtaken) == (state, ANA, True)
            assert (last.state, last.before, last.after) == ("set", before, "3")

        self.run(harness, body)

    def test_whoever_goes_on_with_a_change_waits_for_no_more_than_late_requests(
        self, harness: LedgerHarness
    ) -> None:
        async def body(adapter: Any) -> None:
            await self.move(adapter, harness, "1", BO)
            await harness.claim_and_die(adapter, "2", ANA, moved=False)
            left = (await self.chain(adapter, harness)).open
            assert left is not None
            started = asyncio.get_running_loop().time()
            await self.move(adapter, harness, "1", ANA)
            assert asyncio.get_running_loop().time() - started < left.bound
            states = [one.state for one in (await self.chain(adapter, harness)).entries]
            assert states == ["set", "dropped", "set"]

        self.run(harness, body)
