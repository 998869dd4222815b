"""A registry with a ledger in the simulated world: the real mover, and only its server is played."""

from __future__ import annotations

from typing import Any

from backends.base import Reading
from backends.registry.mlflow import MlflowRegistry
from backends.registry.mlflow_ledger_answers import chain, claim_key, write_claim
from core.ledger import Chain, Deed, Entry
from core.refs import Ref, alias_ref, decode, encode, stage_ref
from tests.commands.harness.points import Points
from tests.commands.harness.world import World

_RUN = "run"
STRANGER = Entry(
    1, "champion", "12", "11", "op", "elsewhere", Deed("bo", "01ELSEWHERE", 1), None, 1.0
)
"""Somebody else's claim that was never ended: it is waited for, for a second."""


def left_open(world: World, entry: Entry = STRANGER) -> World:
    """The world with this claim as its chain."""
    with world.opened() as state:
        state["params"] = {claim_key(entry.number): write_claim(entry)}
    return world


def chain_of(world: World) -> Chain:
    with world.opened() as state:
        return chain("fraud", state.get("params", {}))


class SimRegistry(MlflowRegistry):
    """Its requests are points, and time is the world's."""

    def __init__(self, world: World, points: Points) -> None:
        super().__init__("http://simulated")
        self._world, self._points = world, points
        self.clock = world.now
        self.sleep = self._sleep  # type: ignore[assignment]

    async def _sleep(self, seconds: float) -> None:
        self._world.advance(seconds)

    async def read(self, ref: Ref) -> Reading:
        await self._points.hit(f"before read {ref}")
        with self._world.opened() as state:
            item = state["refs"][str(ref)]
        await self._points.hit(f"after read {ref}")
        return Reading(decode(item["value"]), str(item["revision"]))

    async def ledger(self, models: Any) -> dict[str, Chain]:
        return {model: chain(model, await self._get_run(_RUN)) for model in models}

    async def _named(self, model: str, alias: str) -> str | None:
        value = (await self.read(alias_ref(model, alias))).value
        assert value is None or isinstance(value, str)
        return value

    async def _set_alias(self, model: str, alias: str, number: str | None) -> None:
        await self._set(alias_ref(model, alias), number)

    async def _set_tag(self, model: str, number: str, key: str, value: str | None) -> None:
        assert key == "stage"
        await self._set(stage_ref(model, number), value)

    async def _set(self, ref: Ref, value: str | None) -> None:
        await self._points.hit(f"before write {ref}")
        with self._world.opened() as state:
            self._world.put(state, str(ref), encode(value), "console")
        await self._points.hit(f"after write {ref}")

    async def _run_of(self, model: str) -> str:  # noqa: ARG002
        return _RUN

    async def _get_run(self, run: str) -> dict[str, str]:  # noqa: ARG002
        await self._points.hit("before ledger read")
        with self._world.opened() as state:
            params = dict(state.get("params", {}))
        await self._points.hit("after ledger read")
        return params

    async def _log_once(self, run: str, key: str, value: str) -> bool:  # noqa: ARG002
        await self._points.hit(f"before ledger {key}")
        with self._world.opened() as state:
            won = state.setdefault("params", {}).setdefault(key, value) == value
        await self._points.hit(f"after ledger {key}")
        return won
