"""Envoy as a router: the split and the shadow stand in the route file that Envoy watches.

The file is the truth and survives a restart; the admin interface confirms that Envoy has taken
it, and counts what arrives. Envoy reacts to a rename into the watched folder, never to a write
in place.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backends.base import Context, Health, MetricsPage, Reading, RouterAbility, SlotCounts
from backends.traffic import envoy_routes as routes
from backends.traffic.envoy_admin import Admin, Updates, stat_name
from backends.traffic.envoy_check import examine
from backends.traffic.envoy_clusters import Clusters
from backends.traffic.envoy_file import RouteFile
from backends.traffic.route_file import Malformed
from backends.traffic.route_swap import Edit
from core.errors import BackendError, Conflict, Timeout, Unreachable, UsageError
from core.refs import Ref, Value, show
from core.schema import Duration, Url
from core.split import Split
from core.text import clean


@dataclass(frozen=True, slots=True)
class Options:
    routes: str
    """The route file, on this host: what the listener's `rds` watches."""
    admin: Url
    """`unix:///run/envoy/admin.sock` or `http://127.0.0.1:9901`."""
    route_config: str | None = None
    """The name in the route file; the service's name if left out."""
    stat_prefix: str | None = None
    """Of the listener that is asked whether it has taken the routes; any if left out."""
    clusters: Mapping[str, str] = field(default_factory=dict)
    """Slot to cluster; `SERVICE-SLOT` if left out."""
    shadow_clusters: Mapping[str, str] = field(default_factory=dict)
    """Slot to the cluster that takes its mirrored requests, so that they are counted apart."""
    fallback_clusters: Mapping[str, str] = field(default_factory=dict)
    """Slot to an aggregate cluster that leads to it, and to another slot while it is out."""
    timeout: Duration = 3.0


def open_backend(options: Options, context: Context) -> EnvoyRouter:
    slots = context.slots or tuple(options.clusters)
    for name in ("clusters", "shadow_clusters", "fallback_clusters"):
        for slot in getattr(options, name):
            if slot not in slots:
                raise UsageError(f"services.{context.service}.router.{name} names no slot: {slot}")
    live = {slot: options.clusters.get(slot, f"{context.service}-{slot}") for slot in slots}
    clusters = Clusters(live, dict(options.shadow_clusters), dict(options.fallback_clusters))
    named = [*live.values(), *clusters.shadow.values(), *clusters.fallback.values()]
    if len(set(named)) != len(named):
        raise UsageError(f"services.{context.service}.router gives one cluster two meanings")
    return EnvoyRouter(options, context.service, clusters)


class EnvoyRouter:
    """The `Router` protocol. A write compares and sets under a lock beside the file."""

    guarded = True
    # Whoever stops waiting has set the file already; only Envoy's reading of it may be late.
    settle_seconds = 0.5

    def __init__(self, options: Options, service: str, clusters: Clusters) -> None:
        self.service = service
        self.clusters = clusters
        self.route_config = options.route_config or service
        self.stat_prefix = options.stat_prefix
        self.timeout = options.timeout
        path = Path(options.routes).expanduser()
        self.file = RouteFile(path, service, self.route_config, clusters)
        self.admin = Admin(options.admin, options.timeout)
        shadowed = ", ".join(sorted(clusters.shadow))
        limits: tuple[str, ...] = ()
        if not clusters.shadow:
            limits = ("shadows nothing: no shadow cluster is configured",)
        elif len(clusters.shadow) < len(clusters.live):
            limits = (f"shadows only {shadowed}",)
        self.ability = RouterAbility(bool(clusters.shadow), 1, 0.1, limits)

    async def close(self) -> None:
        await self.admin.close()

    async def read(self, ref: Ref) -> Reading:
        now = await self.file.read(self._what("read", ref))
        return Reading(now.split, now.revision)

    async def write(self, ref: Ref, after: Value, *, before: Value, revision: str) -> None:
        what = self._what("set", ref)
        if not isinstance(after, Split):
            raise self.file.denied(what, f"traffic takes a split, not {clean(show(after))}")
        deadline = time.monotonic() + self.timeout
        # Everything that may refuse is asked before the file is touched.
        await self.file.edit(what, after, before, revision)
        updates = await self._ready(what, after)
        edit = await self.file.replace(what, after, before, revision, deadline)
        await self._confirmed(what, after, updates, deadline, edit)

    async def active(self, timeout: float | None = None) -> Split | None:
        """The split that Envoy routes by now; None where it uses no such route configuration."""
        limit = self.timeout if timeout is None else timeout
        config = await self.admin.active(self.route_config, timeout=limit)
        if config is None:
            return None
        try:
            return routes.read_split(config, self.clusters)
        except Malformed as error:
            said = f"the routes that it uses: {clean(error)}"
            raise self.admin.http.bad("routes that Envoy uses", said) from error

    async def overrides(self) -> Mapping[str, str]:
        """Values of Envoy's runtime that override the routes of the file, by their keys."""
        now = await self.file.read("runtime overrides")
        keys = routes.runtime_keys(now.config, self.clusters)
        return await self.admin.overrides(keys, timeout=self.timeout) if keys else {}

    async def counts(self) -> Mapping[str, SlotCounts]:
        known = self.clusters
        return await self.admin.counts(known.live, known.fallback, known.shadow)

    async def pages(self, wanted: frozenset[str]) -> Sequence[MetricsPage]:
        from backends.metrics.exposition import parse

        live, fallback = self.clusters.live, self.clusters.fallback
        text = await self.admin.prometheus([*live.values(), *fallback.values()])
        taken = time.time()
        series = parse(text, wanted, backend=self.admin.http.backend)
        pages = []
        for slot, own in live.items():
            # Answers and latencies are counted where the route pointed, requests where they went.
            names = {clean(stat_name(name)) for name in (own, fallback.get(slot, own))}
            part = {
                name: [one for one in found if one.labels.get("envoy_cluster_name") in names]
                for name, found in series.items()
            }
            pages.append(MetricsPage("envoy", "proxy", slot, taken, part))
        return pages

    async def check(self) -> Sequence[Health]:
        return await examine(self)

    async def _ready(self, what: str, after: Split) -> Updates:
        """Whether Envoy is there and will take the routes."""
        try:
            loaded = await self.admin.loaded(
                self.route_config,
                self.stat_prefix,
                routes.targets(self.clusters, after),
                timeout=self.timeout,
            )
            overrides = await self.overrides()
        except Timeout as error:
            said = f"{error.message}; nothing was written"
            raise Unreachable(
                said, backend=error.backend, operation=what, hint=error.hint
            ) from error
        if loaded.unknown:
            said = f"Envoy knows no cluster {clean(', '.join(loaded.unknown))}"
            raise self.file.denied(what, said)
        if loaded.updates is None:
            said = f"no listener of Envoy uses the route configuration {clean(self.route_config)}"
            raise self.file.denied(what, said)
        if overrides:
            said = ", ".join(f"{clean(key)} = {value}" for key, value in overrides.items())
            raise Conflict(
                f"Envoy's runtime overrides the routes of {clean(self.service)}: {said}",
                hint="clear it: POST /runtime_modify with an empty value on Envoy's admin",
            )
        return loaded.updates

    async def _confirmed(
        self, what: str, after: Split, updates: Updates, deadline: float, edit: Edit
    ) -> None:
        """Wait until Envoy routes by the file. Envoy may be restarted meanwhile."""
        attempts, refused = updates.attempts, updates.refused
        pause, last = 0.005, ""
        while (left := deadline - time.monotonic()) > 0:
            try:
                if await self.active(left) == after:
                    return
                loaded = await self.admin.loaded(
                    self.route_config, self.stat_prefix, (), timeout=left
                )
            except BackendError as error:
                last = f" ({error.message})"
            else:
                now = loaded.updates or Updates(0, 0)
                # A new Envoy counts from nothing.
                refused = 0 if now.attempts < attempts else refused
                attempts = now.attempts
                if now.refused > refused:
                    await self._take_back(what, edit, deadline)
            await asyncio.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(pause * 1.5, 0.1)
        raise Timeout(
            f"{what}: the routes are written, but within {self.timeout:g} s Envoy did not say that "
            f"it uses them{last}",
            backend=self.admin.http.backend,
            operation=what,
            hint="does Envoy watch the folder of this file (watched_directory)?",
        )

    async def _take_back(self, what: str, edit: Edit, deadline: float) -> None:
        back = await self.file.swap(what, edit.reversed(), deadline)
        left = "the old ones are in place again" if back else "somebody else has changed them since"
        hint = "Envoy's log says why: look for 'Filesystem config update rejected'"
        raise self.file.denied(what, f"Envoy refuses the new routes; {left}", hint)

    def _what(self, verb: str, ref: Ref) -> str:
        what = f"{verb} {clean(ref)}"
        if ref.kind != "traffic" or ref.name != self.service:
            said = f"this router holds traffic:{clean(self.service)} and nothing else"
            raise self.file.denied(what, said)
        return what
