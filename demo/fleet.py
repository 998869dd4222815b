"""The supervisor of the embedded fleet: starts it, keeps it running, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from core.errors import ModeldeckError, Refused
from core.text import clean
from demo import envoy, ports, registry
from demo.client import SlotCalls
from demo.config import url, write_config
from demo.faults import NO_FAULT
from demo.layout import Layout, write_json
from demo.pids import PidFile, kill_leftovers
from demo.processes import Executed, Keeper, Running, Say, execute, last_words, python
from demo.programs import Programs
from demo.services import CHALLENGER, CHAMPION, CLASSIFIERS, SERVICES, DemoService
from demo.stagehand import Stagehand
from demo.state import Lock, claim, make_runtime_folder, reset

LIBRARIES = ("envoy", "mlflow", "sklearn", "skops", "pyarrow", "uvicorn", "prometheus_client")
START_TIMEOUT = 240.0
ROUTE_TIMEOUT = 30.0
"""Seconds until a service that has servers should answer through Envoy."""
LOG_TIMEOUT = 15.0
"""Seconds until requests should be in the inference logs; a service may be out of order."""
GRACE = 2.5
"""Seconds that a process has to end by itself."""


class Fleet:
    """Runs the fleet in a state folder for as long as the context is open.

    `say` gets a line for each thing that is started, and for each that goes wrong; it must not
    block. Entering raises Refused where the folder cannot be used or a fleet already runs in it,
    ModeldeckError where something does not start; in either case nothing is left running.
    """

    def __init__(self, state: Path, *, say: Say, simulate_gpus: bool = False) -> None:
        self.layout = Layout(state.expanduser().absolute())
        self.keepers: dict[str, Keeper] = {}
        self.ports = dict.fromkeys(ports.names(), 0)
        self._say = say
        self._simulate_gpus = simulate_gpus
        self._lock = Lock(self.layout)
        self._pids = PidFile(self.layout.pids)
        self._programs = Programs(self.layout, self.ports)
        self._training: Executed | None = None
        self._stagehand: Stagehand | None = None

    @property
    def config_path(self) -> Path:
        """The config that fits this fleet; it exists once the context is entered."""
        return self.layout.config

    @staticmethod
    def reset(state: Path) -> None:
        """Remove a state folder. Raises Refused for one that is not a demo's, or is in use."""
        reset(Layout(state.expanduser().absolute()))

    async def __aenter__(self) -> Self:
        missing = [name for name in LIBRARIES if find_spec(name) is None]
        if missing:
            raise Refused(
                f"the demo needs packages that are not installed: {', '.join(missing)}",
                hint="install them with the extra: modeldeck[demo]",
            )
        try:
            claim(self.layout)
            self._lock.take()
        except OSError as error:
            raise Refused(f"{self.layout.state} cannot be used: {error}") from error
        try:
            await self._start()
        except OSError as error:
            await self._stop()
            raise Refused(f"the demo cannot start in {self.layout.state}: {error}") from error
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    # -- start

    async def _start(self) -> None:
        for name in kill_leftovers(self.layout.pids):
            self._say(f"ended {clean(name)}, which an earlier demo had left running")
        self.layout.make()
        admin = self.layout.admin_socket()
        if admin.parent != self.layout.envoy:
            make_runtime_folder(self.layout)
        admin.unlink(missing_ok=True)
        self.ports.update(ports.choose(self.layout))
        write_json(self.layout.effects, {"fault": NO_FAULT, "rules": []})
        for stale in (self.layout.fault, self.layout.load):
            stale.unlink(missing_ok=True)
        envoy.write_bootstrap(self.layout, admin, self.ports)
        self._say(f"state       {self.layout.state}")

        calls = registry.RegistryCalls(url(self.ports["mlflow"]))
        try:
            await self._fill(calls)
            await self._serve(calls)
        finally:
            await calls.close()
        write_config(self.layout, admin, self.ports, simulate_gpus=self._simulate_gpus)
        self._keep("load", self._programs.load())
        rates = ", ".join(f"{service.rate:g}/s to {service.name}" for service in SERVICES.values())
        self._say(f"load        {rates}")
        await self._logged()
        self._stagehand = Stagehand(self.layout, self.keepers, self.ports["mlflow"], self._say)
        await self._stagehand.begin()

    async def _fill(self, calls: registry.RegistryCalls) -> None:
        """Start the registry, and fill it the first time; the servers warm up meanwhile."""
        fresh = not self.layout.seeded.exists()
        if fresh:
            # What was cut off half-way is made anew.
            shutil.rmtree(self.layout.registry)
            shutil.rmtree(self.layout.training)
            shutil.rmtree(self.layout.state / "slots", ignore_errors=True)
            for service in SERVICES:
                self.layout.routes(service).unlink(missing_ok=True)
            self.layout.make()
        address = url(self.ports["mlflow"])
        self._keep("mlflow", self._programs.mlflow())
        self._say(f"registry    MLflow on {address}, SQLite in {self.layout.registry}")
        if not fresh:
            self._keep_servers()
            self._keep_helpdesk()
        else:
            training = asyncio.create_task(self._train())
            try:
                # Until the training has made the tables, nobody may make the server do it too.
                await self._until("mlflow", calls.listens)
                self._keep_servers()
                await training
            finally:
                training.cancel()
                await asyncio.gather(training, return_exceptions=True)
            self._keep_helpdesk()
        await self._until("mlflow", calls.answers)

    async def _train(self) -> None:
        """Train the models and register them, saying how far it has come."""
        self._say("training    the models, the first time only")
        log = self.layout.log("training")
        command = python("-m", "demo.train", str(self.layout.state))
        extra = {**registry.settings(self.layout), "GIT_PYTHON_REFRESH": "quiet"}
        running = await execute(command, log=log, folder=self.layout.state, extra=extra, pipes=True)
        self._training = running
        self._pids.add("training", running.pid)
        assert running.process.stdout is not None
        async for line in running.process.stdout:
            self._say(f"            {clean(line.decode(errors='replace').strip())}")
        how = await running.wait()
        self._pids.discard(running.pid)
        self._training = None
        if not self.layout.seeded.exists():
            raise ModeldeckError(
                f"the training ended without a result ({how}): {last_words(log)}",
                hint=f"{log} has the rest",
            )

    def _keep_servers(self) -> None:
        self._keep("prefork", self._programs.prefork_host)
        for service in CLASSIFIERS:
            for slot in service.slots:
                key = service.slot_key(slot)
                self._keep(key, self._programs.slot(service, slot))
                self._say(f"server      {key} on {url(self.ports[key])}")

    def _keep_helpdesk(self) -> None:
        key = SERVICES["helpdesk"].slot_key("main")
        self._keep(key, self._programs.helpdesk())
        self._say(f"server      {key} on {url(self.ports[key])}, a stand-in for a language model")

    async def _serve(self, calls: registry.RegistryCalls) -> None:
        """Every slot holds a version, every service has its routes, and Envoy answers for all."""
        for service in CLASSIFIERS:
            champion = await calls.alias(str(service.model), CHAMPION)
            holding = [
                slot
                for slot in service.slots
                if await self._fill_slot(service, slot, calls) == champion
            ]
            first = holding[0] if champion and holding else service.slots[0]
            envoy.write_first_routes(self.layout, service.name, first)
        envoy.write_first_routes(self.layout, "helpdesk", "main")
        self._keep("envoy", self._programs.envoy())
        for service in SERVICES.values():
            await self._answer(service)

    async def _fill_slot(
        self, service: DemoService, slot: str, calls: registry.RegistryCalls
    ) -> str | None:
        """The version that a slot holds, after loading one into an empty slot."""
        key, model = service.slot_key(slot), str(service.model)
        async with SlotCalls(url(self.ports[key]), model) as server:
            await self._until(key, server.live)
            version = await server.version()
            if version is None:
                alias = CHAMPION if slot == service.slots[0] else CHALLENGER
                version = await calls.alias(model, alias)
                if version is None:
                    self._say(f"slot        {key} is empty: {model} has no @{alias}")
                    return None
                await server.load(version)
        self._say(f"slot        {key} holds version {version}")
        return version

    async def _answer(self, service: DemoService) -> None:
        """Wait until a service answers through Envoy; one that does not is said, and left so."""
        address = url(self.ports[service.name])
        async with SlotCalls(address, service.model or "") as front:
            try:
                async with asyncio.timeout(ROUTE_TIMEOUT):
                    await self._until("envoy", partial(front.ok, service.health))
            except TimeoutError:
                # Its routes are from an earlier run, and may be what is being practised on.
                routes = self.layout.routes(service.name)
                self._say(f"traffic     {service.name} does not answer on {address}; see {routes}")
                return
        self._say(f"traffic     {service.name} through Envoy on {address}")

    async def _logged(self) -> None:
        """Wait for the first rows of each inference log: the gate looks at what callers send."""
        folders = [self.layout.inference_log(service.name) for service in CLASSIFIERS]

        async def written() -> bool:
            return all(any(folder.glob("*.parquet")) for folder in folders)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOG_TIMEOUT):
                await self._until("load", written)

    # -- processes

    def _keep(self, name: str, start: Callable[[], Awaitable[Running]]) -> None:
        keeper = Keeper(name, start, self._say, self._pids.add, self._pids.discard)
        self.keepers[name] = keeper
        keeper.begin()

    async def _until(self, name: str, holds: Callable[[], Awaitable[bool]]) -> None:
        """Wait for a process to answer. Raises ModeldeckError when it keeps dying instead."""
        keeper = self.keepers[name]
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT
        while not await holds():
            log = self.layout.log(name)
            late = asyncio.get_running_loop().time() > deadline
            if late or keeper.deaths >= 3:
                how = f"does not answer after {START_TIMEOUT:g} s" if late else "does not start"
                raise ModeldeckError(f"{name} {how}: {last_words(log)}", hint=f"{log} has the rest")
            await asyncio.sleep(0.1)

    # -- stop

    async def _stop(self) -> None:
        if self._stagehand:
            await self._stagehand.close()
        if self._training:
            self._training.signal(signal.SIGKILL)
            await self._training.wait()
        for keeper in self.keepers.values():
            keeper.let_go()
        prefork = self.keepers.pop("prefork", None)
        self._programs.prefork.abandon()
        await asyncio.gather(*(keeper.stop(GRACE) for keeper in self.keepers.values()))
        if prefork:
            await prefork.stop(GRACE)
        await self._programs.prefork.close()
        self.keepers.clear()
        with contextlib.suppress(OSError):
            self._pids.clear()
            self.layout.admin_socket().unlink(missing_ok=True)
            if self.layout.admin_socket().parent == self.layout.runtime_folder:
                shutil.rmtree(self.layout.runtime_folder, ignore_errors=True)
        self._lock.release()
