"""The adapter of the simulated system, with faults that a test or a seed switches on."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from backends.base import Reading
from core.errors import BackendError, BadAnswer, Conflict, Denied, Timeout, Unreachable
from core.refs import Ref, Value, encode
from core.refs import decode as decoded
from tests.commands.harness.world import World

Fault = str
"""unreachable, denied, lost (timed out, no effect), landed (timed out, took effect), late (timed
out, takes effect later), garbage (an answer that nobody understands; a write took effect)."""
READ_FAULTS: tuple[Fault, ...] = ("unreachable", "denied", "garbage", "lost")
WRITE_FAULTS: tuple[Fault, ...] = (*READ_FAULTS, "landed", "late")


@dataclass
class Faults:
    """Faults to come, per operation "read" or "write" and ref; or drawn from a seed."""

    planned: dict[tuple[str, str], list[Fault]] = field(default_factory=dict)
    rng: random.Random | None = None
    rate: float = 0.0

    def plan(self, operation: str, ref: Ref, *faults: Fault) -> None:
        self.planned.setdefault((operation, str(ref)), []).extend(faults)

    def draw(self, operation: str, ref: Ref) -> Fault | None:
        waiting = self.planned.get((operation, str(ref)))
        if waiting:
            return waiting.pop(0)
        if self.rng is not None and self.rng.random() < self.rate:
            return self.rng.choice(WRITE_FAULTS if operation == "write" else READ_FAULTS)
        return None


@dataclass
class SimSettable:
    """`backends.base.Settable` over a World."""

    world: World
    guarded: bool = True
    settle_seconds: float = 5.0
    faults: Faults = field(default_factory=Faults)
    late_after: Callable[[], float] | None = None
    """Seconds until a late request lands; less than `settle_seconds`, as an adapter promises."""
    timeout: float = 0.0

    async def read(self, ref: Ref) -> Reading:
        fault = self.faults.draw("read", ref)
        if fault is not None:
            raise _error(fault, f"read {ref}")
        with self.world.opened() as state:
            item = state["refs"].get(str(ref))
            if item is None:
                raise Denied(f"there is no {ref}", backend="simulated", operation="read")
            return Reading(decoded(item["value"]), str(item["revision"]))

    async def write(self, ref: Ref, after: Value, *, before: Value, revision: str) -> None:
        fault = self.faults.draw("write", ref)
        if fault in ("unreachable", "denied", "lost"):
            raise _error(fault, f"set {ref}")
        with self.world.opened() as state:
            item = state["refs"][str(ref)]
            now = decoded(item["value"])
            if self.guarded and revision != str(item["revision"]):
                raise Conflict(f"{ref} was changed meanwhile")
            if not self.guarded and now not in (before, after):
                raise Conflict(f"{ref} is {now}, not {before}")
            if fault == "late":
                delay = self.late_after() if self.late_after else self.settle_seconds * 0.6
                state["late"].append(
                    {
                        "due": state["now"] + delay,
                        "ref": str(ref),
                        "after": encode(after),
                        "revision": item["revision"],
                        "guarded": self.guarded,
                    }
                )
            else:
                self.world.put(state, str(ref), encode(after), "console")
        if fault is not None:
            raise _error(fault, f"set {ref}")

    async def close(self) -> None:
        pass


def _error(fault: Fault, what: str) -> BackendError:
    kind: type[BackendError] = {
        "unreachable": Unreachable,
        "denied": Denied,
        "garbage": BadAnswer,
    }.get(fault, Timeout)
    return kind(f"{what}: {fault}", backend="simulated", operation=what)
