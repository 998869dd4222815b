"""The opened deck: config, backends and journal, each opened on first use."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from backends import catalog
from backends.base import Context, Registry, Router, Settable, Slot
from commands.configfile import Loaded, load
from commands.identity import actor, holder
from core.config import Config, Service
from core.errors import Refused, UsageError, nearest
from core.refs import Ref

T = TypeVar("T")

if TYPE_CHECKING:
    from backends.journal.base import Journal, Verdict
    from core.policy import Approval


class Deck:
    """What a command is given first. An async context manager: leaving it closes every backend."""

    clock: Callable[[], datetime] = staticmethod(partial(datetime.now, UTC))
    """Now, for what the config says of times."""

    def __init__(self, loaded: Loaded, *, read_only: bool = False) -> None:
        self._loaded = loaded
        self.config: Config = loaded.config
        self.path: Path | None = loaded.path
        self.read_only = read_only or loaded.config.environment.read_only
        self.actor = actor()
        self.holder = holder()
        self.judged: dict[str, Sequence[Verdict]] = {}
        """What a watcher last judged where it may not write it to the journal."""
        self._opened: dict[tuple[str, ...], Any] = {}
        self._shared: dict[tuple[str, ...], tuple[float, asyncio.Future[Any]]] = {}

    @classmethod
    def open(
        cls, config: str | None = None, env: str | None = None, read_only: bool = False
    ) -> Deck:
        return cls(load(config, env), read_only=read_only)

    async def __aenter__(self) -> Deck:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what was opened, each within a second, whatever the others do."""
        asked, self._shared = [future for _, future in self._shared.values()], {}
        for future in asked:
            future.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        opened, self._opened = list(self._opened.values()), {}

        async def one(backend: Any) -> None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(backend.close(), 1)

        await asyncio.gather(*(one(backend) for backend in opened))

    async def shared(
        self, key: tuple[str, ...], max_age: float, read: Callable[[], Awaitable[T]]
    ) -> T:
        """What `read` answered at most `max_age` seconds ago, asked once for all who want it now.

        A console's panels poll the same things; a plan maker gives 0 and always reads anew.
        """
        if max_age <= 0:
            return await read()
        loop = asyncio.get_running_loop()
        known = self._shared.get(key)
        if known is None or loop.time() - known[0] >= max_age:
            known = self._shared[key] = (loop.time(), asyncio.ensure_future(read()))
        return cast(T, await asyncio.shield(known[1]))

    @property
    def environment(self) -> str:
        return self._loaded.environment

    @property
    def production(self) -> bool:
        return self.config.environment.production

    def service(self, name: str) -> Service:
        found = self.config.services.get(name)
        if found is None:
            known = list(self.config.services)
            hint = (
                f"the config names {', '.join(known[:12])}"
                if known
                else "the config names none: modeldeck init writes one for each model of a registry"
            )
            raise UsageError(f"there is no service {name!r}.{nearest(name, known)}", hint=hint)
        return found

    def services(self, name: str | None = None) -> list[Service]:
        return [self.service(name)] if name else list(self.config.services.values())

    def counted(self, approval: Approval) -> Approval:
        """The request as its service's policy in this config counts it."""
        service = self.config.services.get(approval.plan.service)
        if service is None:
            return approval
        return approval.under(service.policy.approvals, service.policy.expires)

    @property
    def registry(self) -> Registry:
        if self.config.registry is None:
            raise Refused(
                "no registry is configured",
                hint='[registry] kind = "mlflow", url = "…" in the config connects one',
            )
        return cast(
            Registry, self._open(("registry",), "registry", self.config.registry, Context())
        )

    def router(self, service: Service) -> Router | None:
        if service.router is None:
            return None
        context = Context(service.name, service.model or "", slots=tuple(service.slots))
        return cast(Router, self._open(("router", service.name), "router", service.router, context))

    def slot(self, service: Service, name: str) -> Slot:
        context = Context(service.name, service.model or service.name, name, tuple(service.slots))
        adapter = service.slots[name]
        return cast(Slot, self._open(("slot", service.name, name), "slot", adapter, context))

    @property
    def gpus(self) -> Any:
        from core.schema import Adapter

        adapter = self.config.gpus or Adapter("nvml", catalog.new_options("gpus", "nvml"))
        return self._open(("gpus",), "gpus", adapter, Context())

    @property
    def journal(self) -> Journal:
        key = ("journal",)
        if key not in self._opened:
            self._opened[key] = self._new_journal()
        return cast("Journal", self._opened[key])

    def _new_journal(self) -> Journal:
        named = self.config.journal
        if named.url is None:
            from backends.journal.sqlite import SqliteJournal

            return SqliteJournal(self._loaded.journal, read_only=self.read_only)
        from backends.journal.postgres import PostgresJournal

        return PostgresJournal(
            named.url, schema=named.schema, password=named.password, read_only=self.read_only
        )

    def settable(self, ref: Ref) -> Settable:
        """The adapter that reads and sets the ref."""
        if ref.kind in ("stage", "alias", "prompt", "block"):
            return self.registry
        if ref.kind == "traffic":
            router = self.router(self.service(ref.name))
            if router is not None:
                return router
        if ref.kind == "slot":
            service, slot = ref.parts
            if slot in self.service(service).slots:
                return self.slot(self.service(service), slot)
        raise Refused(
            f"nothing in the config can set {ref}",
            hint="the change was planned with another config: `modeldeck doctor` shows this one",
        )

    def _open(self, key: tuple[str, ...], role: str, adapter: Any, context: Context) -> Any:
        if key not in self._opened:
            self._opened[key] = catalog.open_backend(role, adapter, context)
        return self._opened[key]
