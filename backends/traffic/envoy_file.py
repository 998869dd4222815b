"""One service's routes in a route file: read, and replaced only while they are as expected."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backends.traffic import envoy_routes as routes
from backends.traffic import route_swap
from backends.traffic.envoy_clusters import Clusters
from backends.traffic.route_file import Malformed, dump, load
from backends.traffic.route_swap import Edit
from core.errors import BackendError, BadAnswer, Conflict, Denied, Timeout, Unreachable
from core.refs import Value, show
from core.split import Split
from core.text import clean


@dataclass(frozen=True, slots=True)
class Routes:
    """What the file says of the service; `text` is the whole file."""

    text: bytes
    config: Mapping[Any, Any]
    split: Split
    stamp: str
    """Of our last write of the service's routes."""
    revision: str
    """Of the service's own routes: another service in the same file does not change it. A write
    of ours does, also where it writes what is there already."""


class RouteFile:
    """Raises BackendError: Denied where the file cannot be read or replaced, BadAnswer where it
    is not what it should be. Everything that may block runs in a thread."""

    def __init__(self, path: Path, service: str, route_config: str, clusters: Clusters) -> None:
        self.path = path
        self.backend = f"Envoy's routes in {clean(path)}"
        self._service, self._name, self._clusters = service, route_config, clusters

    async def read(self, what: str) -> Routes:
        try:
            text, stamp = await asyncio.to_thread(route_swap.read_stamped, self.path, self._service)
        except OSError as error:
            said = f"{clean(self.path)} cannot be read: {_reason(error)}"
            raise self.denied(what, said, "`routes` in the config names the route file") from error
        try:
            config = routes.route_config(load(text), self._name)
            split = routes.read_split(config, self._clusters)
            revision = f"{stamp}/{routes.fingerprint(config, self._clusters)}"
            return Routes(text, config, split, stamp, revision)
        except Malformed as error:
            raise BadAnswer(
                f"{clean(self.path)} {clean(error)}",
                backend=self.backend,
                operation=what,
                hint="`clusters` in the config says which cluster belongs to which slot",
            ) from error

    async def replace(
        self, what: str, after: Split, before: Value, revision: str, deadline: float
    ) -> Edit:
        """Write the split, if the routes are still those of `before` and `revision`.

        Raises Conflict where they are not.
        """
        while True:
            edit = await self.edit(what, after, before, revision)
            if await self.swap(what, edit, deadline):
                return edit
            # The file changed meanwhile; where that was another service's part, go on.
            if time.monotonic() >= deadline:
                said = f"{what}: {clean(self.path)} is being changed all the time"
                raise self._error(Unreachable, what, f"{said}; nothing was written")

    async def edit(self, what: str, after: Split, before: Value, revision: str) -> Edit:
        now = await self.read(what)
        hint = "look at `modeldeck changes`, then make the plan again"
        if now.split != before:
            said = f"{clean(self._service)} sends {clean(now.split)}, not {clean(show(before))}"
            raise Conflict(said, hint=hint)
        if revision and now.revision != revision:
            said = f"somebody else wrote the routes of {clean(self._service)} meanwhile"
            raise Conflict(said, hint=hint)
        try:
            document = load(now.text)
            config = routes.route_config(document, self._name)
            changed = routes.with_split(config, self._clusters, after)
        except Malformed as error:
            raise self.denied(what, f"{clean(self.path)} {clean(error)}") from error
        config.clear()
        config.update(changed)
        return Edit.of(self._service, now.text, dump(document, now.text), now.stamp)

    async def swap(self, what: str, edit: Edit, deadline: float) -> bool:
        """Whether all was still as it was read, and the file now holds the new text, durably."""
        stop = threading.Event()
        left = max(0.01, deadline - time.monotonic())
        try:
            done = await asyncio.to_thread(
                route_swap.replace, self.path, edit, timeout=left, stop=stop
            )
        except asyncio.CancelledError:
            stop.set()
            raise
        except TimeoutError as error:
            said = f"{what}: {clean(error)}; nothing was written"
            hint = "is another console frozen in the middle of a write?"
            raise self._error(Unreachable, what, said, hint) from error
        except OSError as error:
            said = f"{clean(self.path)} cannot be replaced: {_reason(error)}; nothing was changed"
            hint = "its folder must be writable and have room: the new file is written there first"
            raise self.denied(what, said, hint) from error
        if done:
            try:
                await asyncio.to_thread(route_swap.sync_folder, self.path)
            except OSError as error:
                said = f"{what}: the new routes may not outlast a loss of power: {_reason(error)}"
                raise self._error(Timeout, what, said) from error
        return done

    def denied(self, what: str, message: str, hint: str | None = None) -> BackendError:
        return self._error(Denied, what, message, hint)

    def _error(
        self, kind: type[BackendError], what: str, message: str, hint: str | None = None
    ) -> BackendError:
        hint = hint or "`modeldeck doctor` checks every backend"
        return kind(message, backend=self.backend, operation=what, hint=hint)


def _reason(error: OSError) -> str:
    return clean(error.strerror or error)
