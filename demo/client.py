"""The few calls that the supervisor makes to a model server, straight or through Envoy."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Self

from core.errors import ModeldeckError
from core.text import clean

LOAD_TIMEOUT = 20.0


class SlotCalls:
    def __init__(self, url: str, model: str) -> None:
        import httpx

        self._url = url
        self._model = model
        self._client = httpx.AsyncClient(
            base_url=url, timeout=LOAD_TIMEOUT, trust_env=False, verify=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def ok(self, path: str) -> bool:
        import httpx

        try:
            return (await self._client.get(path)).status_code == 200
        except httpx.HTTPError:
            return False

    async def live(self) -> bool:
        return await self.ok("/v2/health/live")

    async def version(self) -> str | None:
        """The version that it holds, or None."""
        (entry,) = (await self._client.post("/v2/repository/index")).json()
        return entry["version"] if entry["state"] == "READY" else None

    async def load(self, version: str) -> None:
        """Raises ModeldeckError with what the server says."""
        policy = {"version_policy": {"specific": {"versions": [int(version)]}}}
        body = {"parameters": {"config": json.dumps(policy)}}
        path = f"/v2/repository/models/{self._model}/load"
        answer = await self._client.post(path, json=body)
        if answer.status_code != 200:
            said = clean(answer.text)[:300]
            raise ModeldeckError(f"{self._url} cannot load {self._model} {version}: {said}")
