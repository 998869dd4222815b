"""A slot that speaks OpenAI's HTTP protocol: vLLM, SGLang, TGI, llama.cpp, a provider.

What it serves is fixed when it starts, so nothing is loaded from here.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backends.base import Context, Health, MetricsPage, Reading, SlotState
from backends.engines.scrapes import Scrape
from backends.http import Http
from backends.secrets import load
from core.errors import BackendError, Denied
from core.refs import Ref, Value
from core.schema import Duration, Secret, Url
from core.text import clean


@dataclass(frozen=True, slots=True)
class Options:
    url: Url
    """The server, without /v1."""
    model: str | None = None
    """The id that the server must serve; the first that it lists if left out."""
    token: Secret | None = None
    metrics: str | None = "/metrics"
    """A path on the server, or a whole URL."""
    engine: str = "vllm"
    """Whose metric names the page uses."""
    timeout: Duration = 3.0


def open_backend(options: Options, context: Context) -> OpenaiSlot:
    return OpenaiSlot(options, context.service, context.slot, load(options.token))


class OpenaiSlot:
    """The `Slot` protocol; its version is the id of the model that it serves."""

    guarded = False
    settle_seconds = 0.0
    can_load = False
    why_not = "an OpenAI-compatible server serves what it was started with: start one with the new model in another slot"

    def __init__(self, options: Options, service: str, slot: str, token: str | None) -> None:
        self.service, self.slot, self.wanted = service, slot, options.model
        self.timeout = options.timeout
        self._http = Http("OpenAI server", options.url, timeout=options.timeout, token=token)
        self._http.backend = f"OpenAI server at {self._http.address}"
        self.address = self._http.address
        self._scrape = Scrape(self._http, options.metrics, options.engine, slot)

    async def close(self) -> None:
        await self._scrape.close()
        await self._http.close()

    async def state(self) -> SlotState:
        what = f"model in slot {clean(self.slot)}"
        answer = await self._http.json("GET", "/v1/models", what=what)
        served = self._served(answer, what)
        if self.wanted is not None and self.wanted not in served:
            names = clean(", ".join(served[:5])) or "nothing"
            return SlotState(None, False, f"serves {names}, not {clean(self.wanted)}")
        if not served:
            return SlotState(None, False, "serves no model")
        return SlotState(self.wanted or served[0], True)

    async def read(self, ref: Ref) -> Reading:
        self._own(ref, "read")
        return Reading((await self.state()).version)

    async def write(self, ref: Ref, after: Value, *, before: Value, revision: str) -> None:  # noqa: ARG002
        self._own(ref, "load into")
        raise self._denied(f"load into {clean(ref)}", self.why_not)

    async def pages(self, wanted: frozenset[str]) -> Sequence[MetricsPage]:
        return await self._scrape.pages(wanted)

    async def check(self) -> Sequence[Health]:
        label, started = self._http.backend, time.monotonic()
        try:
            state = await self.state()
        except BackendError as error:
            return [Health(label, False, error.message, time.monotonic() - started, error.hint)]
        took = time.monotonic() - started
        detail = f"serves {clean(state.version)}" if state.ready else state.detail
        return [
            Health(label, state.ready, detail, took),
            Health(f"slot {clean(self.slot)}: may load versions", None, f"no: {self.why_not}"),
        ]

    def _served(self, answer: Mapping[str, Any], what: str) -> list[str]:
        """The ids, base models before the adapters that were made from them."""
        entries = answer.get("data")
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise self._http.bad(what, f"{self._http.address} answered no list of models")
        ids = [(entry.get("parent") is not None, entry.get("id")) for entry in entries]
        if not all(isinstance(one, str) and one for _, one in ids):
            raise self._http.bad(what, f"{self._http.address} lists a model without an id")
        return [str(one) for _, one in sorted(ids, key=lambda pair: pair[0])]

    def _own(self, ref: Ref, verb: str) -> None:
        if ref.kind != "slot" or ref.name != f"{self.service}/{self.slot}":
            said = f"this slot is slot:{self.service}/{self.slot}"
            raise self._denied(f"{verb} {clean(ref)}", said)

    def _denied(self, what: str, message: str) -> Denied:
        return Denied(
            message, backend=self._http.backend, operation=what, hint="see `modeldeck slots`"
        )
