"""The ledger on a real MLflow server: its contract, and what may be done to it there."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from backends.base import Context, always_ours
from backends.contract.ledger import ANA, BO, LedgerContract, LedgerHarness
from backends.registry import mlflow_aliases
from backends.registry.mlflow import MlflowRegistry, Options, open_backend
from backends.registry.mlflow_ledger import EXPERIMENT, NoLedger
from core.errors import Conflict, Timeout
from core.ledger import Chain, Deed, End
from core.refs import Ref, alias_ref
from tests.live.seeds import Seeds

pytestmark = pytest.mark.live


class Harness:
    def __init__(self, url: str, seeds: Seeds, *, prompt: bool = False) -> None:
        self._url, self._seeds = url, seeds
        name = f"ledger's {uuid.uuid4().hex[:12]}"
        if prompt:
            seeds.prompt(name, [f"text {n}" for n in range(9)])
            self.ref = Ref("prompt", f"{name}@production")
        else:
            self.ref = alias_ref(seeds.model(name, 9), "champion")

    def open(self, **more: Any) -> MlflowRegistry:
        return open_backend(Options(self._url, timeout=20.0, **more), Context())

    def outside(self, value: str) -> None:
        self._seeds.alias(*self.ref.parts, value)

    async def claim_and_die(
        self, adapter: MlflowRegistry, after: str, deed: Deed, *, moved: bool
    ) -> None:
        before = (await adapter.read(self.ref)).value
        assert before is None or isinstance(before, str)
        await adapter._claimed(*self.ref.parts, after, before, deed, always_ours)
        if moved:
            await adapter._set_alias(*self.ref.parts, after)

    def hurry(self, adapter: MlflowRegistry) -> None:
        adapter.settle_seconds = 1.0 - adapter._http.timeout - mlflow_aliases.SEND_SECONDS

    async def chain(self, adapter: MlflowRegistry) -> Chain:
        return (await adapter.ledger([self.ref.parts[0]]))[self.ref.parts[0]]

    async def move(self, adapter: MlflowRegistry, after: str, deed: Deed = ANA) -> str:
        before = (await adapter.read(self.ref)).value
        return await adapter.write_for(self.ref, after, before=before, revision="", deed=deed)


@pytest.mark.parametrize("prompt", [False, True], ids=["model", "prompt"])
class TestMlflowLedger(LedgerContract):
    @pytest.fixture
    def harness(self, mlflow_url: str, seeds: Seeds, prompt: bool) -> LedgerHarness:
        return Harness(mlflow_url, seeds, prompt=prompt)


def run(harness: Harness, body: Callable[[MlflowRegistry], Awaitable[Any]], **more: Any) -> Any:
    async def whole() -> Any:
        adapter = harness.open(**more)
        try:
            return await body(adapter)
        finally:
            await adapter.close()

    return asyncio.run(whole())


@pytest.fixture
def harness(mlflow_url: str, seeds: Seeds) -> Harness:
    return Harness(mlflow_url, seeds)


@pytest.fixture
def no_ledger_yet(seeds: Seeds) -> None:
    put_away(seeds)


def put_away(seeds: Seeds) -> None:
    """Puts a ledger of other tests out of the way: nobody can tell that there was one."""
    for experiment in experiments(seeds):
        body = {"experiment_id": experiment["experiment_id"], "new_name": uuid.uuid4().hex}
        seeds.post("experiments/update", body)


def experiments(seeds: Seeds) -> list[dict[str, Any]]:
    found = seeds.post("experiments/search", {"max_results": 1000}).get("experiments", [])
    return [one for one in found if one["name"].startswith(EXPERIMENT)]


@pytest.mark.usefixtures("no_ledger_yet")
def test_of_many_who_begin_the_ledger_one_wins(harness: Harness, seeds: Seeds) -> None:
    async def body(first: MlflowRegistry) -> None:
        await first.read(harness.ref)
        every = [harness.open() for _ in range(6)]
        try:
            runs = await asyncio.gather(*(one._run_of(harness.ref.parts[0]) for one in every))
        finally:
            await asyncio.gather(*(one.close() for one in every))
        assert len(set(runs)) == 1
        (left,) = experiments(seeds)
        assert left["name"] == EXPERIMENT

    run(harness, body)


@pytest.mark.usefixtures("no_ledger_yet")
def test_a_deleted_ledger_is_said_and_moves_nothing_where_it_is_required(
    harness: Harness, seeds: Seeds
) -> None:
    async def begin(adapter: MlflowRegistry) -> None:
        await harness.move(adapter, "1")
        (there,) = experiments(seeds)
        seeds.post("experiments/delete", {"experiment_id": there["experiment_id"]})
        said = await harness.move(adapter, "2")
        assert "without an entry" in said
        assert (await adapter.read(harness.ref)).value == "2"

    run(harness, begin)

    async def refused(adapter: MlflowRegistry) -> None:
        with pytest.raises(NoLedger, match="was deleted") as raised:
            await harness.move(adapter, "3")
        assert "restore" in (raised.value.hint or "")
        assert (await adapter.read(harness.ref)).value == "2"
        lines = await adapter.check()
        assert any(line.ok is False and "was deleted" in line.detail for line in lines)
        deleted = seeds.get("experiments/get-by-name", experiment_name=EXPERIMENT)["experiment"]
        seeds.post("experiments/restore", {"experiment_id": deleted["experiment_id"]})
        assert await harness.move(adapter, "3", BO) == "entry 2 of the ledger"
        (gap,) = (await harness.chain(adapter)).gaps()
        assert (gap.before, gap.after) == ("1", "2")

    run(harness, refused, ledger="required")


def test_without_a_ledger_nothing_is_claimed(harness: Harness) -> None:
    async def body(adapter: MlflowRegistry) -> None:
        assert await harness.move(adapter, "1") == ""
        assert await adapter.ledger([harness.ref.parts[0]]) == {}

    run(harness, body, ledger="off")

    async def none(adapter: MlflowRegistry) -> None:
        assert (await harness.chain(adapter)).entries == ()

    run(harness, none)


def test_a_fleet_of_ledgers_costs_as_much_as_two(mlflow_url: str, seeds: Seeds) -> None:
    every = [Harness(mlflow_url, seeds) for _ in range(4)]

    async def body(adapter: MlflowRegistry) -> None:
        for one in every[:3]:
            await one.move(adapter, "4")
        names = [one.ref.parts[0] for one in every]
        asked: list[str] = []
        sent = adapter._http.request

        async def counted(method: str, path: str, **more: Any) -> Any:
            asked.append(path)
            return await sent(method, path, **more)

        adapter._http.request = counted  # type: ignore[method-assign]
        chains = await adapter.ledger(names)
        assert [len(chains[name].entries) for name in names] == [1, 1, 1, 0]
        assert len(asked) == 2

    run(every[0], body)


def test_params_that_are_no_entries_stop_nobody(harness: Harness, seeds: Seeds) -> None:
    async def body(adapter: MlflowRegistry) -> None:
        await harness.move(adapter, "1")
        ledger = await adapter._run_of(harness.ref.parts[0])
        for key in ("000002", "000900", "note"):
            param = {"run_id": ledger, "key": key, "value": "not one of ours"}
            seeds.post("runs/log-parameter", param)
        await harness.move(adapter, "2")
        chain = await harness.chain(adapter)
        assert [(one.number, one.after) for one in chain.entries] == [(1, "1"), (3, "2")]

    run(harness, body)


def test_who_took_too_long_after_reading_the_chain_sets_nothing(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a program that was frozen in between: somebody may have taken it for dead."""

    async def body(adapter: MlflowRegistry) -> None:
        await harness.move(adapter, "1")
        monkeypatch.setattr(mlflow_aliases, "SEND_SECONDS", -1.0)
        with pytest.raises(Conflict, match="took more than"):
            await harness.move(adapter, "2")
        assert (await adapter.read(harness.ref)).value == "1"
        assert [one.state for one in (await harness.chain(adapter)).entries] == ["set", "dropped"]

    run(harness, body)


def test_a_request_of_the_dead_that_lands_late_is_seen_by_whoever_recovers_its_change(
    harness: Harness,
) -> None:
    async def body(adapter: MlflowRegistry) -> None:
        await harness.move(adapter, "1", BO)
        await harness.claim_and_die(adapter, "2", ANA, moved=False)
        now = 0.0

        async def sleep(seconds: float) -> None:
            nonlocal now
            now += seconds
            if now >= adapter.settle_seconds * 0.8:
                harness.outside("2")

        adapter.sleep = sleep  # type: ignore[assignment]
        adapter.clock = lambda: now
        back = replace(ANA, undo=True)
        with pytest.raises(Conflict, match="is 2, not 1"):
            await adapter.write_for(harness.ref, "1", before="1", revision="", deed=back)
        await harness.move(adapter, "1", back)
        _, dead, undo = (await harness.chain(adapter)).entries
        assert (dead.state, undo.before, undo.after) == ("set", "2", "1")
        assert (await adapter.read(harness.ref)).value == "1"

    run(harness, body)


def test_who_was_taken_for_dead_while_setting_learns_it(harness: Harness) -> None:
    async def body(slow: MlflowRegistry) -> None:
        await harness.move(slow, "1")
        quick = harness.open()
        set_alias = slow._set_alias

        async def late(model: str, alias: str, number: str | None) -> None:
            chain = await harness.chain(quick)
            assert chain.open is not None
            run_id = await quick._run_of(model)
            assert await quick._end(run_id, chain.open.number, End("dropped", "bo@other"))
            await harness.move(quick, "3", BO)
            await set_alias(model, alias, number)

        slow._set_alias = late  # type: ignore[method-assign]
        try:
            with pytest.raises(Timeout, match="took entry"):
                await harness.move(slow, "2")
            # What it overwrote unseen is seen now.
            chain = await harness.chain(quick)
            past = chain.moved_past("champion", "2")
            assert past is not None
            assert (past.after, past.deed) == ("3", BO)
        finally:
            await quick.close()

    run(harness, body)


@pytest.mark.usefixtures("no_ledger_yet")
def test_a_ledger_that_was_deleted_for_good_is_begun_again(harness: Harness, seeds: Seeds) -> None:
    async def body(adapter: MlflowRegistry) -> None:
        await harness.move(adapter, "1")
        # Only `mlflow gc` deletes for good; whoever looks anew finds as little after a rename.
        (there,) = experiments(seeds)
        body = {"experiment_id": there["experiment_id"], "new_name": uuid.uuid4().hex}
        seeds.post("experiments/update", body)
        other = harness.open()
        try:
            assert (await harness.chain(other)).entries == ()
            assert await harness.move(other, "2") == "entry 1 of the ledger"
            assert [one.before for one in (await harness.chain(other)).entries] == ["1"]
        finally:
            await other.close()

    run(harness, body)
