"""What Envoy's admin interface tells: what it has loaded, what overrides it, what it counted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from backends.base import SlotCounts
from backends.http import Http
from core.text import clean


@dataclass(frozen=True, slots=True)
class Updates:
    """How often Envoy has taken, refused and failed to read the routes, since it started."""

    attempts: int
    refused: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """The updates of the route configuration, None where Envoy uses none of that name, and
    which of the clusters that were asked for it does not know."""

    updates: Updates | None
    unknown: tuple[str, ...]


class Admin:
    """Envoy's admin interface at `unix:///path` or `http://host:port`."""

    def __init__(self, url: str, timeout: float) -> None:
        self.http = Http("Envoy", url, timeout=timeout)
        self.http.backend = f"Envoy at {self.http.address}"

    async def close(self) -> None:
        await self.http.close()

    async def loaded(
        self, route_config: str, stat_prefix: str | None, clusters: Iterable[str], *, timeout: float
    ) -> Loaded:
        """In one call. Several listeners may use the routes: their updates are added up."""
        wanted = sorted(clusters)
        prefix = ".+" if stat_prefix is None else _any([stat_prefix])
        updates = rf"^http\.{prefix}\.rds\.{_any([route_config])}\.update_"
        members = rf"^cluster\.({_any(wanted)})\.membership_total$"
        pattern = f"{updates}(attempt|rejected|failure)$" + (f"|{members}" if wanted else "")
        stats = await self._stats(pattern, timeout, "routes that Envoy has loaded")
        attempts = [value for name, value in stats.items() if name.endswith(".update_attempt")]
        refused = [
            v for n, v in stats.items() if n.endswith((".update_rejected", ".update_failure"))
        ]
        unknown = tuple(
            n for n in wanted if f"cluster.{stat_name(n)}.membership_total" not in stats
        )
        return Loaded(Updates(sum(attempts), sum(refused)) if attempts else None, unknown)

    async def active(self, route_config: str, *, timeout: float) -> Mapping[str, Any] | None:
        """The route configuration that takes requests now; None where there is none."""
        what = "routes that Envoy uses"
        answer = await self.http.json(
            "GET",
            _query(
                "/config_dump",
                resource="dynamic_route_configs",
                name_regex=f"^{re.escape(route_config)}$",
            ),
            what=what,
            timeout=timeout,
        )
        configs = answer.get("configs", [])
        if not isinstance(configs, list):
            raise self.http.bad(what, "its dump of the configuration holds no list")
        for entry in configs:
            found = entry.get("route_config") if isinstance(entry, dict) else None
            if not isinstance(found, dict):
                raise self.http.bad(what, "its dump of the configuration holds no routes")
            if found.get("name") == route_config:
                return found
        return None

    async def overrides(self, keys: Iterable[str], *, timeout: float) -> Mapping[str, str]:
        """Which of the runtime keys are set, and to what. A set one overrides the file silently."""
        what = "runtime overrides"
        answer = await self.http.json(
            "GET", _query("/runtime", format="json"), what=what, timeout=timeout
        )
        entries = answer.get("entries")
        if not isinstance(entries, dict):
            raise self.http.bad(what, "its runtime holds no entries")
        found: dict[str, str] = {}
        for key in keys:
            entry = entries.get(key)
            value = entry.get("final_value") if isinstance(entry, dict) else entry
            if value not in (None, ""):
                found[key] = clean(value)
        return found

    async def counts(
        self, live: Mapping[str, str], fallback: Mapping[str, str], shadow: Mapping[str, str]
    ) -> Mapping[str, SlotCounts]:
        """Per slot, from its own cluster, the aggregate that leads to it and the one that takes
        its copies, in one call.

        The own cluster counts what was sent to it, also through the aggregate; answers and
        retries are counted where the route pointed. So errors are the 5xx of both, and the
        attempts that failed on the slot's own connections and were then retried: the client
        does not see those, and the judge must.
        """
        what = "requests per slot"
        names = sorted({*live.values(), *fallback.values(), *shadow.values()})
        fields = "|".join(("membership_total", *_ARRIVED, *_FAILED, *_ELSEWHERE))
        pattern = rf"^cluster\.({_any(names)})\.({fields})$"
        stats = await self._stats(pattern, self.http.timeout, what)
        missing = [
            name
            for name in live.values()
            if f"cluster.{stat_name(name)}.membership_total" not in stats
        ]
        if missing:
            raise self.http.bad(what, f"it knows no cluster {clean(missing[0])}")
        found: dict[str, SlotCounts] = {}
        for slot, own in live.items():
            both = [own, fallback[slot]] if slot in fallback else [own]

            def total(fields: Iterable[str], clusters: Iterable[str]) -> int:
                return sum(
                    stats.get(f"cluster.{stat_name(c)}.{f}", 0) for c in clusters for f in fields
                )

            requests = total(_ARRIVED, [own])
            failed = total(_FAILED, [own]) + total(["upstream_rq_per_try_timeout"], both)
            errors = total(["upstream_rq_5xx"], both)
            errors += min(failed, total(["upstream_rq_retry"], both))
            active = total(["upstream_rq_active"], [own])
            mirrored = total(_ARRIVED, [shadow[slot]]) if slot in shadow else 0
            found[slot] = SlotCounts(requests, min(errors, requests), active, mirrored)
        return found

    async def prometheus(self, clusters: Iterable[str]) -> bytes:
        """The exposition of these clusters, in Prometheus' text format."""
        pattern = rf"^cluster\.({_any(sorted(clusters))})\."
        answer = await self.http.request(
            "GET",
            _query("/stats/prometheus", usedonly="", filter=pattern),
            what="metrics",
        )
        return answer.content

    async def version(self) -> str:
        """Such as "1.40.0"."""
        answer = await self.http.json("GET", "/server_info", what="server version")
        parts = str(answer.get("version", "")).split("/")
        if len(parts) < 2:
            raise self.http.bad("server version", "it does not tell its version")
        return clean(parts[1])

    async def _stats(self, pattern: str, timeout: float, what: str) -> dict[str, int]:
        answer = await self.http.json(
            "GET",
            _query("/stats", format="json", filter=pattern),
            what=what,
            timeout=timeout,
        )
        stats = answer.get("stats")
        if not isinstance(stats, list):
            raise self.http.bad(what, "its statistics hold no list")
        found: dict[str, int] = {}
        for entry in stats:
            if not isinstance(entry, dict):
                raise self.http.bad(what, "its statistics hold something that is no statistic")
            name, value = entry.get("name"), entry.get("value")
            if name is None:
                continue  # Histograms come in one entry without a name.
            if not isinstance(name, str) or isinstance(value, bool) or not isinstance(value, int):
                raise self.http.bad(what, "its statistics hold something that is no count")
            found[name] = value
        return found


_ARRIVED = (
    "upstream_rq_total",
    "upstream_rq_pending_failure_eject",
    "upstream_rq_pending_overflow",
    "upstream_cx_none_healthy",
)
_FAILED = (
    "upstream_rq_pending_failure_eject",
    "upstream_cx_destroy_remote_with_active_rq",
    "upstream_rq_rx_reset",
)
_ELSEWHERE = (
    "upstream_rq_5xx",
    "upstream_rq_retry",
    "upstream_rq_per_try_timeout",
    "upstream_rq_active",
)


def _query(path: str, **parameters: str) -> str:
    """Envoy takes a plus sign for a plus sign: a space must be written as %20."""
    pairs = (
        f"{key}={quote(value, safe='', errors='replace')}" for key, value in parameters.items()
    )
    return f"{path}?{'&'.join(pairs)}"


def stat_name(name: str) -> str:
    """A name as statistics write it: they keep the colon for themselves."""
    return name.replace(":", "_")


def _any(names: Iterable[str]) -> str:
    return "|".join(re.escape(stat_name(name)) for name in names)
