"""Where an engine shows its metrics: on its own address, or on one of its own."""

from __future__ import annotations

from collections.abc import Sequence

from backends.base import MetricsPage
from backends.http import Http


class Scrape:
    """The metrics page of one slot.

    `where` is a path on the engine's address, a whole URL (Triton shows its metrics on another
    port), or None where there is none. A whole URL gets no credentials of the engine.
    """

    def __init__(self, http: Http, where: str | None, engine: str, slot: str) -> None:
        self._engine, self._slot = engine, slot
        self._own: Http | None = None
        self._http, self._path = http, where
        if where is not None and "://" in where:
            scheme, _, rest = where.partition("://")
            host, slash, path = rest.partition("/")
            self._own = Http(http.backend, f"{scheme}://{host}", timeout=http.timeout)
            self._http, self._path = self._own, slash + path

    async def pages(self, wanted: frozenset[str]) -> Sequence[MetricsPage]:
        if self._path is None:
            return []
        from backends.metrics.exposition import scrape

        page = await scrape(self._http, self._path, wanted, engine=self._engine, slot=self._slot)
        return [page]

    async def close(self) -> None:
        if self._own is not None:
            await self._own.close()
