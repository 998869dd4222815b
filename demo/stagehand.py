"""Stages the faults in a running fleet: follows what is asked for, does it, and undoes it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from core.errors import BackendError
from demo.artifact import held
from demo.config import url
from demo.faults import FAULTS, NO_FAULT, PERIOD
from demo.layout import Layout, read_json, write_json
from demo.processes import Keeper, Say
from demo.registry import RegistryCalls
from demo.services import CLASSIFIERS, SERVICES

VICTIM = "tumor"
"""The service whose server gets slow, or dies."""
SLOWER = (0.15, 0.35)
SLOW = (0.3, 0.6)
ERROR_SHARE = 0.2
PATIENCE = 60.0
"""Seconds that a fault waits for the registry to answer."""


class Stagehand:
    def __init__(
        self, layout: Layout, keepers: Mapping[str, Keeper], registry_port: int, say: Say
    ) -> None:
        self._layout = layout
        self._keepers = keepers
        self._say = say
        self._calls = RegistryCalls(url(registry_port))
        self._champions: dict[str, str] = {}
        self._asked: Any = None
        self._task: asyncio.Task[None] | None = None
        self._staging: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Learn who the champions are, while the registry is known to answer, and follow."""
        await self._learn()
        self._task = asyncio.create_task(self._follow())

    async def close(self) -> None:
        for task in (self._task, self._staging):
            if task:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        await self._calls.close()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(PERIOD)
            asked = read_json(self._layout.fault)
            if asked == self._asked or not isinstance(asked, dict):
                continue
            self._asked = asked
            if asked.get("name") not in FAULTS:
                continue
            if self._staging:
                self._staging.cancel()
                await asyncio.gather(self._staging, return_exceptions=True)
            self._staging = asyncio.create_task(self._switch(asked["name"]))

    async def _switch(self, name: str) -> None:
        self._restore()
        try:
            async with asyncio.timeout(PATIENCE):
                rules = await self._stage(name)
        except (BackendError, TimeoutError) as error:
            self._say(f"fault       {name} could not be staged: {error}")
            return
        write_json(self._layout.effects, {"fault": name, "rules": rules})
        self._say(f"fault       {name}: {FAULTS[name].story}")

    def _restore(self) -> None:
        """End whatever is staged."""
        write_json(self._layout.effects, {"fault": NO_FAULT, "rules": []})
        for keeper in self._keepers.values():
            keeper.release()

    async def _stage(self, name: str) -> list[dict[str, Any]]:
        """Do what the fault does; the rules that the servers follow from now on."""
        if name == "bad-candidate":
            await self._learn()
            rule = {"delay": SLOWER, "errors": ERROR_SHARE}
            return [
                {**rule, "service": service.name, "spared": self._champions.get(service.name)}
                for service in CLASSIFIERS
            ]
        if name == "slow-server":
            slot = await self._champion_slot()
            return [{"service": VICTIM, "slot": slot, "delay": SLOW}]
        if name == "dead-backend":
            slot = await self._champion_slot()
            self._keepers[SERVICES[VICTIM].slot_key(slot)].hold()
        elif name == "registry-down":
            self._keepers["mlflow"].hold()
        elif name == "prompt-change":
            await self._registry_answers()
            await self._calls.move_prompt(await self._calls.longest_prompt())
        return []

    async def _registry_answers(self) -> None:
        """Wait for the registry, which may only just be coming back."""
        answers = False
        while not answers:
            await asyncio.sleep(PERIOD)
            answers = await self._calls.answers()

    async def _learn(self) -> None:
        """Ask who the champions are; while the registry is down the last answer holds."""
        with contextlib.suppress(BackendError):
            for service in CLASSIFIERS:
                self._champions[service.name] = await self._calls.version(str(service.model))

    async def _champion_slot(self) -> str:
        """The slot of the victim that holds its champion."""
        await self._learn()
        for slot in SERVICES[VICTIM].slots:
            if held(self._layout.slot(VICTIM, slot)) == self._champions.get(VICTIM):
                return slot
        return SERVICES[VICTIM].slots[0]
