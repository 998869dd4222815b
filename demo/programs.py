"""How each process of the fleet is started."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict

from demo import envoy, registry
from demo.config import url
from demo.layout import Layout
from demo.processes import Running, execute, python
from demo.services import SERVICES, DemoService
from demo.settings import SlotSettings
from demo.slots import Prefork

Start = Callable[[], Awaitable[Running]]
"""Starts a process; raises OSError where that fails."""


class Programs:
    """`ports` is looked at only when something is started."""

    def __init__(self, layout: Layout, ports: Mapping[str, int]) -> None:
        self.prefork = Prefork()
        self._layout = layout
        self._ports = ports

    def mlflow(self) -> Start:
        command = registry.server_command(self._ports["mlflow"])
        return self._program("mlflow", command, registry.settings(self._layout))

    def envoy(self) -> Start:
        return self._program("envoy", envoy.command(self._layout))

    def load(self) -> Start:
        return self._program("load", python("-m", "demo.load", str(self._layout.state)))

    def helpdesk(self) -> Start:
        key = SERVICES["helpdesk"].slot_key("main")
        disk = self._layout.slot("helpdesk", "main") / "prompt.json"
        arguments = (str(self._ports[key]), url(self._ports["mlflow"]), str(disk))
        return self._program(key, python("-m", "demo.llm", *arguments))

    def slot(self, service: DemoService, slot: str) -> Start:
        """A model server, forked from the prefork host."""
        key = service.slot_key(slot)
        settings = SlotSettings(
            service=service.name,
            slot=slot,
            model=str(service.model),
            port=self._ports[key],
            registry=url(self._ports["mlflow"]),
            disk=str(self._layout.slot(service.name, slot)),
            effects=str(self._layout.effects),
            log=str(self._layout.inference_log(service.name)),
        )
        arguments = [json.dumps(asdict(settings))]

        async def start() -> Running:
            return await self.prefork.fork(arguments, self._layout.log(key))

        return start

    async def prefork_host(self) -> Running:
        """The process that the model servers are forked from."""
        log, folder = self._layout.log("prefork"), self._layout.state
        command = python("-m", "demo.prefork")
        return await self.prefork.attach(await execute(command, log=log, folder=folder, pipes=True))

    def _program(
        self, name: str, command: Sequence[str], extra: Mapping[str, str] | None = None
    ) -> Start:
        async def start() -> Running:
            log, folder = self._layout.log(name), self._layout.state
            return await execute(command, log=log, folder=folder, extra=extra)

        return start
