"""A slot that speaks the Open Inference Protocol (V2): Triton, MLServer, the demo's servers.

A version is loaded with Triton's repository call, whose `config` parameter says which version
the model's policy serves; the server answers once it is loaded.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from backends.base import Context, Health, MetricsPage, Reading, SlotState
from backends.engines.scrapes import Scrape
from backends.http import Http
from core.errors import BackendError, BadAnswer, Conflict, Denied, Timeout, UsageError
from core.redaction import shown
from core.refs import Ref, Value, show
from core.schema import Duration, Url
from core.text import clean

_NOT_READY = (400, 404, 503)
"""How the servers say that a model is not ready, or that there is none."""
_CERTAIN = 3.0
"""Seconds after which a server that is ready with another version will not come round."""


@dataclass(frozen=True, slots=True)
class Options:
    url: Url
    """The server, `http://10.0.0.5:8000`."""
    model: str | None = None
    """The model's name on the server; the service's registered model if left out."""
    load: bool = False
    """Whether modeldeck may load versions: the server must allow it (Triton: explicit mode)."""
    metrics: str | None = "/metrics"
    """A path on the server, or a whole URL (Triton shows its metrics on port 8002)."""
    engine: str = "mlserver"
    """Whose metric names the page uses."""
    timeout: Duration = 3.0
    load_timeout: Duration = 60.0
    """How long a version may take until it is ready."""


def open_backend(options: Options, context: Context) -> V2Slot:
    model = options.model or context.model
    if not model:
        raise UsageError(
            f"services.{context.service}.slots.{context.slot} names no model, nor does the service"
        )
    return V2Slot(options, context.service, context.slot, model)


class V2Slot:
    """The `Slot` protocol. The server compares nothing before it loads."""

    guarded = False
    # A load that nobody waits for any more goes on.
    settle_seconds = 5.0

    def __init__(self, options: Options, service: str, slot: str, model: str) -> None:
        self.address = options.url
        self.service, self.slot, self.model = service, slot, model
        self.can_load = options.load
        self.why_not = (
            ""
            if options.load
            else f"loading is not allowed for slot {slot}: set load = true in its config, "
            f"where the server runs with its repository calls on"
        )
        self.load_timeout = options.load_timeout
        self.timeout = options.timeout
        self._http = Http("V2 server", options.url, timeout=options.timeout)
        self._http.backend = f"V2 server at {self._http.address}"
        self.address = self._http.address
        self._scrape = Scrape(self._http, options.metrics, options.engine, slot)
        self._path = f"/v2/models/{quote(model, safe='', errors='replace')}"

    async def close(self) -> None:
        await self._scrape.close()
        await self._http.close()

    async def state(self) -> SlotState:
        what = f"version in slot {clean(self.slot)}"
        answer = await self._http.json("GET", self._path, what=what, ok=(200, *_NOT_READY))
        if "versions" not in answer and "name" not in answer:
            return await self._nothing(answer, what)
        versions = self._versions(answer, what)
        if not versions:
            return SlotState(None, False, "the server does not say which version it holds")
        newest = max(versions, key=_order)
        path = f"{self._path}/versions/{quote(newest, safe='', errors='replace')}/ready"
        ready = await self._http.request("GET", path, what=what, ok=(200, *_NOT_READY))
        detail = "" if len(versions) == 1 else f"holds {clean(', '.join(versions))}"
        return SlotState(newest, ready.status_code == 200, detail)

    async def read(self, ref: Ref) -> Reading:
        self._what("read", ref)
        return Reading((await self.state()).version)

    async def write(self, ref: Ref, after: Value, *, before: Value, revision: str) -> None:  # noqa: ARG002
        what = self._what("load into" if after is not None else "unload", ref)
        if not self.can_load:
            raise self._denied(what, self.why_not)
        if after is not None and not (
            isinstance(after, str) and after.isascii() and after.isdigit()
        ):
            raise self._denied(what, f"a slot takes a version number, not {clean(show(after))}")
        seen = (await self.state()).version
        if seen not in (before, after):
            raise Conflict(
                f"slot {self.slot} of {self.service} holds {clean(show(seen))} and not "
                f"{clean(show(before))}: somebody else loaded it",
                hint="look at `modeldeck slots`, then make the plan again",
            )
        deadline = time.monotonic() + self.load_timeout
        await self._order(after, what)
        await self._held(after, what, deadline)

    async def pages(self, wanted: frozenset[str]) -> Sequence[MetricsPage]:
        return await self._scrape.pages(wanted)

    async def check(self) -> Sequence[Health]:
        label, started = self._http.backend, time.monotonic()
        try:
            state = await self.state()
        except BackendError as error:
            return [Health(label, False, error.message, time.monotonic() - started, error.hint)]
        took = time.monotonic() - started
        said = f"holds no version: {state.detail}"
        if state.version is not None:
            said = f"holds version {clean(state.version)}, {'' if state.ready else 'not '}ready"
        may = "yes, by its config" if self.can_load else f"no: {self.why_not}"
        return [
            Health(label, state.ready or state.version is None, said, took),
            Health(f"slot {clean(self.slot)}: may load versions", self.can_load or None, may),
        ]

    async def _order(self, version: str | None, what: str) -> None:
        path = f"/v2/repository/models/{quote(self.model, safe='', errors='replace')}"
        if version is None:
            await self._http.request("POST", f"{path}/unload", what=what, timeout=self.load_timeout)
            return
        policy = {"version_policy": {"specific": {"versions": [int(version)]}}}
        body = {"parameters": {"config": json.dumps(policy)}}
        await self._http.request(
            "POST", f"{path}/load", what=what, json_body=body, timeout=self.load_timeout
        )

    async def _held(self, wanted: str | None, what: str, deadline: float) -> None:
        """Wait until the slot holds what was ordered, ready."""
        pause, last = 0.01, "it has not answered"
        certain = time.monotonic() + _CERTAIN
        while True:
            try:
                state = await self.state()
            except BackendError as error:
                last = error.message
            else:
                if state.version == wanted and (state.ready or wanted is None):
                    return
                if state.ready and time.monotonic() > certain:
                    said = f"the server took the order and serves {clean(show(state.version))}"
                    # It may still be loading: that the order had no effect is not certain.
                    raise BadAnswer(
                        f"{what}: {said}",
                        backend=self._http.backend,
                        operation=what,
                        hint="does it follow Triton's version policy?",
                    )
                last = f"it holds {clean(show(state.version))}"
                last += "" if state.ready else ", not ready"
            if time.monotonic() + pause > deadline:
                said = f"{what}: {clean(show(wanted))} is not there after {self.load_timeout:g} s"
                raise Timeout(
                    f"{said}: {last}",
                    backend=self._http.backend,
                    operation=what,
                    hint="`modeldeck slots` shows when it is",
                )
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.5)

    async def _nothing(self, answer: Mapping[str, Any], what: str) -> SlotState:
        """No such model is loaded, if a V2 server says so: anybody can answer 404."""
        said = answer.get("error")
        if not isinstance(said, str):
            raise self._http.bad(what, f"{self._http.address} answered neither a model nor why not")
        await self._http.request("GET", "/v2/health/live", what=what)
        return SlotState(None, False, shown(said)[:200])

    def _versions(self, answer: Mapping[str, Any], what: str) -> list[str]:
        name, versions = answer.get("name"), answer.get("versions", [])
        if name != self.model:
            raise self._http.bad(what, f"was asked for model {clean(self.model)}, answered another")
        if not isinstance(versions, list) or not all(isinstance(v, str) and v for v in versions):
            raise self._http.bad(what, "its versions are no list of strings")
        return versions

    def _what(self, verb: str, ref: Ref) -> str:
        what = f"{verb} {clean(ref)}"
        if ref.kind != "slot" or ref.name != f"{self.service}/{self.slot}":
            raise self._denied(what, f"this slot is slot:{self.service}/{self.slot}")
        return what

    def _denied(self, what: str, message: str) -> Denied:
        return Denied(
            message, backend=self._http.backend, operation=what, hint="see `modeldeck slots`"
        )


def _order(version: str) -> tuple[int, str]:
    return (int(version) if version.isascii() and version.isdigit() else -1, version)
