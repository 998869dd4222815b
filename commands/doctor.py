"""`doctor`: the config and every backend: reachable, how fast, which version, what is allowed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from backends.base import Health
from commands.deck import Deck
from commands.spec import Cell, Grid, Spec
from core.errors import BackendError, ModeldeckError

PATIENCE = 15.0
"""Seconds for everything that is asked of one backend."""


_MARKS: Mapping[bool | None, Cell] = {
    True: ("✔ ok", "ok"),
    False: ("✖ failed", "critical"),
    None: ("–", "dim"),
}


@dataclass(frozen=True, slots=True)
class Args:
    pass


@dataclass(frozen=True, slots=True)
class Examined:
    """One backend and what was found out about it."""

    backend: str
    health: Health


@dataclass(frozen=True)
class DoctorReport:
    config: str
    lines: tuple[Examined, ...]

    def data(self) -> Mapping[str, Any]:
        return {
            "config": self.config,
            "checks": [
                {
                    "backend": line.backend,
                    "what": line.health.what,
                    "ok": line.health.ok,
                    "detail": line.health.detail,
                    "seconds": line.health.seconds,
                    "hint": line.health.hint,
                }
                for line in self.lines
            ],
        }

    def grids(self) -> Sequence[Grid]:
        rows: list[Sequence[Cell]] = []
        for line in self.lines:
            health = line.health
            mark = _MARKS[health.ok]
            took = "" if health.seconds is None else f"{health.seconds * 1000:.0f} ms"
            detail = health.detail
            if health.hint and health.ok is False:
                detail = f"{detail}: {health.hint}"
            rows.append((mark, (line.backend, "strong"), health.what, took, detail))
        columns = ("", "backend", "asked", "took", "found")
        return [Grid(columns, rows, f"config: {self.config}", right=frozenset({3}))]

    def error(self) -> ModeldeckError | None:
        failed = [line for line in self.lines if line.health.ok is False]
        if not failed:
            return None
        first = failed[0]
        said = f"{len(failed)} of {len(self.lines)} checks failed; first {first.backend}: "
        said += f"{first.health.what}: {first.health.detail}"
        return BackendError(said, backend=first.backend, hint=first.health.hint)


async def _examine(name: str, check: Callable[[], Awaitable[Sequence[Health]]]) -> list[Examined]:
    try:
        async with asyncio.timeout(PATIENCE):
            return [Examined(name, health) for health in await check()]
    except ModeldeckError as error:
        return [Examined(name, Health("open it", False, error.message, hint=error.hint))]
    except TimeoutError:
        said = f"no answer within {PATIENCE:g} s"
        return [Examined(name, Health("everything", False, said))]


async def run(deck: Deck, _args: Args) -> DoctorReport:
    asked: list[tuple[str, Callable[[], Awaitable[Sequence[Health]]]]] = [
        ("journal", lambda: _journal(deck))
    ]
    if deck.config.registry is not None:
        asked.append(("registry", lambda: deck.registry.check()))
    bound = [s.name for s in deck.services() if s.policy.mode == "approved"]
    if bound:
        asked.append(("policy", lambda: _policy(deck, bound)))
    for service in deck.services():
        if service.model is not None:
            asked.append((f"{service.name} model", partial(_model, deck, service)))
        if service.router is not None:
            asked.append((f"{service.name} router", partial(_router, deck, service)))
        for slot in service.slots:
            asked.append((f"{service.name} slot {slot}", partial(_slot, deck, service, slot)))
    if deck.config.gpus is not None:
        asked.append(("gpus", lambda: deck.gpus.check()))
    found = await asyncio.gather(*(_examine(name, check) for name, check in asked))
    return DoctorReport(str(deck.path or "none"), tuple(line for group in found for line in group))


async def _journal(deck: Deck) -> list[Health]:
    """Read first: while another process is stuck in a write, who it is can still be read."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    found = await deck.journal.check()
    held = ", ".join(f"{ref} by {holder}" for ref, holder in found["leases"].items())
    detail = f"{deck.journal.path}: {found['changes']} changes; {deck.config.journal.lease}"
    if held:
        detail += f"; held: {held}"
    seen = Health("read it", True, detail, loop.time() - begun)
    if deck.read_only:
        return [seen]
    begun = loop.time()
    try:
        await deck.journal.check_writable()
    except ModeldeckError as error:
        said = f"{error.message}; held: {held}" if held else error.message
        return [seen, Health("write to it", False, said, loop.time() - begun, error.hint)]
    return [seen, Health("write to it", True, "yes", loop.time() - begun)]


async def _policy(deck: Deck, services: Sequence[str]) -> list[Health]:
    from core.policy import advisory

    worth = advisory(shared=deck.config.journal.shared)
    return [Health(f"approvals for {', '.join(services)}", None, worth)]


async def _model(deck: Deck, service: Any) -> list[Health]:
    model = await deck.registry.model(service.model)
    champion = model.aliases.get(service.champion_alias)
    what = f"@{service.champion_alias} of {service.model}"
    if champion is None:
        hint = f"modeldeck promote {service.name} VERSION --to Production sets it"
        return [Health(what, False, "names no version", hint=hint)]
    return [Health(what, True, f"v{champion} of {len(model.versions)} versions")]


async def _slot(deck: Deck, service: Any, name: str) -> Sequence[Health]:
    return await deck.slot(service, name).check()


async def _router(deck: Deck, service: Any) -> Sequence[Health]:
    router = deck.router(service)
    assert router is not None
    return await router.check()


SPEC = Spec(
    "doctor",
    "query",
    "Check the config and every backend: reachable, how fast, which version, what is allowed",
    Args,
    run,
    ("modeldeck doctor", "modeldeck doctor -o json"),
)
