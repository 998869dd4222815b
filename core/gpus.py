"""GPUs as one sample found them: values, state in words, and how many are missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.status import State
from core.units import show_time


class Throttle(StrEnum):
    """Why a GPU runs below the clock that it could run at."""

    POWER_LIMIT = "at its power limit"
    CLOCK_SETTING = "clocks held by a setting"
    DISPLAY = "clocks held for the display"
    SYNC = "held to the pace of its group"
    HARDWARE = "slowed by the hardware"
    HOT_SOFTWARE = "too hot: slowed by the driver"
    HOT_HARDWARE = "too hot: slowed by the hardware"
    POWER_BRAKE = "slowed by the power brake"


TROUBLE = frozenset(
    {Throttle.HARDWARE, Throttle.HOT_SOFTWARE, Throttle.HOT_HARDWARE, Throttle.POWER_BRAKE}
)
"""What needs somebody. A model server at its power limit only works hard."""


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process that holds memory of a GPU.

    `memory` is in bytes. `name` is None where nobody can tell: in a container the driver may
    give the process ids of the host, which mean something else inside.
    """

    pid: int
    memory: int | None = None
    name: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"pid": self.pid, "memory": self.memory, "name": self.name}


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU. None is a value that the driver did not give, never 0.

    Utilization is a fraction of 1, memory in bytes, power in watts, temperature in °C.
    `ecc_uncorrected` counts memory errors since the driver was loaded.
    """

    host: str
    index: int
    uuid: str = ""
    name: str = ""
    utilization: float | None = None
    memory_used: int | None = None
    memory_total: int | None = None
    power: float | None = None
    power_limit: float | None = None
    temperature: float | None = None
    throttle: tuple[str, ...] = ()
    ecc_uncorrected: int | None = None
    processes: tuple[GpuProcess, ...] = ()
    state: State = State.UNKNOWN
    because: str = ""
    service: str | None = None
    simulated: bool = False
    mig: bool = False
    """Split into instances (MIG); the driver then gives no utilization for the whole."""
    seen: bool = True
    """Whether it answered at all."""

    @property
    def label(self) -> str:
        return f"{self.host}:{self.index}"

    def to_json(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "index": self.index,
            "uuid": self.uuid,
            "name": self.name,
            "utilization": self.utilization,
            "memory_used": self.memory_used,
            "memory_total": self.memory_total,
            "power": self.power,
            "power_limit": self.power_limit,
            "temperature": self.temperature,
            "throttle": [str(reason) for reason in self.throttle],
            "ecc_uncorrected": self.ecc_uncorrected,
            "processes": [process.to_json() for process in self.processes],
            "state": str(self.state),
            "because": self.because,
            "service": self.service,
            "mig": self.mig,
            "simulated": self.simulated,
        }


def judged(gpu: Gpu) -> Gpu:
    """The GPU that answered, with its state and the reason in words."""
    trouble = [str(reason) for reason in gpu.throttle if reason in TROUBLE]
    if gpu.ecc_uncorrected:
        errors = "error" if gpu.ecc_uncorrected == 1 else "errors"
        trouble.append(f"{gpu.ecc_uncorrected:,} uncorrected memory {errors}")
    if trouble:
        return replace(gpu, state=State.WARNING, because=", ".join(trouble))
    told = (gpu.utilization, gpu.memory_used, gpu.power, gpu.temperature)
    if all(value is None for value in told):
        return replace(gpu, state=State.UNKNOWN, because="the driver gives no values for it")
    notes = ["split by MIG: no utilization"] if gpu.mig and gpu.utilization is None else []
    notes += [str(reason) for reason in gpu.throttle]
    return replace(gpu, state=State.OK, because=", ".join(notes))


def unseen(gpu: Gpu, state: State, because: str) -> Gpu:
    """What is left of a GPU that did not answer: which one it is, and why there is nothing."""
    return Gpu(
        gpu.host,
        gpu.index,
        gpu.uuid,
        gpu.name,
        memory_total=gpu.memory_total,
        state=state,
        because=because,
        service=gpu.service,
        simulated=gpu.simulated,
        mig=gpu.mig,
        seen=False,
    )


@dataclass(frozen=True, slots=True)
class HostStatus:
    """What became of one host's sample.

    `because` is the problem in plain words, or what is there; `expected` comes from the config,
    else from what was seen before; `taken` is when the last sample was taken, `next_try` when a
    host that gives none is asked again.
    """

    host: str
    state: State
    because: str
    hint: str = ""
    seen: int = 0
    expected: int | None = None
    driver: str = ""
    taken: datetime | None = None
    next_try: datetime | None = None
    simulated: bool = False

    @property
    def count(self) -> str:
        """ "31/32": how many answered, of how many."""
        return str(self.seen) if self.expected is None else f"{self.seen}/{self.expected}"

    def to_json(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "state": str(self.state),
            "because": self.because,
            "hint": self.hint or None,
            "seen": self.seen,
            "expected": self.expected,
            "driver": self.driver or None,
            "taken": show_time(self.taken) if self.taken else None,
            "next_try": show_time(self.next_try) if self.next_try else None,
            "simulated": self.simulated,
        }


_WORST_FIRST = (State.CRITICAL, State.WARNING, State.UNKNOWN, State.OK, State.NOT_CONFIGURED)


@dataclass(frozen=True, slots=True)
class GpuReport:
    """Every GPU by host and index, and the status of each host."""

    gpus: tuple[Gpu, ...] = ()
    hosts: Mapping[str, HostStatus] = field(default_factory=dict)

    @property
    def seen(self) -> int:
        return sum(host.seen for host in self.hosts.values())

    @property
    def expected(self) -> int | None:
        known = [host.expected for host in self.hosts.values() if host.expected is not None]
        return sum(known) if known else None

    @property
    def count(self) -> str:
        return str(self.seen) if self.expected is None else f"{self.seen}/{self.expected}"

    @property
    def state(self) -> State:
        states = {host.state for host in self.hosts.values()} | {gpu.state for gpu in self.gpus}
        return next((state for state in _WORST_FIRST if state in states), State.UNKNOWN)

    @property
    def simulated(self) -> bool:
        return any(host.simulated for host in self.hosts.values())

    def worst_first(self) -> tuple[Gpu, ...]:
        order = {state: place for place, state in enumerate(_WORST_FIRST)}
        return tuple(sorted(self.gpus, key=lambda gpu: (order[gpu.state], gpu.host, gpu.index)))

    def only(self, host: str) -> GpuReport:
        """One host's part; empty where the report has no such host."""
        return GpuReport(
            tuple(gpu for gpu in self.gpus if gpu.host == host),
            {name: status for name, status in self.hosts.items() if name == host},
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "gpus": [gpu.to_json() for gpu in self.gpus],
            "hosts": [host.to_json() for host in self.hosts.values()],
            "seen": self.seen,
            "expected": self.expected,
        }


def host_status(
    host: str,
    gpus: Iterable[Gpu],
    *,
    expected: int | None,
    driver: str = "",
    taken: datetime | None = None,
    simulated: bool = False,
) -> HostStatus:
    """The status of a host that answered: fewer GPUs than expected is critical."""
    every = tuple(gpus)
    seen = sum(gpu.seen for gpu in every)
    missing = 0 if expected is None else max(0, expected - seen)
    lost = [gpu for gpu in every if not gpu.seen]
    state, because, hint = State.OK, f"{seen} GPU{'' if seen == 1 else 's'}", ""
    if missing or lost:
        state = State.CRITICAL
        named = "; ".join(f"GPU {gpu.index} {gpu.because}" for gpu in lost)
        because = named or f"{missing} of {expected} GPUs missing: the driver does not list them"
        hint = "dmesg names the Xid; a reset or a reboot of the host brings the GPU back"
    elif not every:
        state, because = State.UNKNOWN, "the driver answers and lists no GPU"
    return HostStatus(
        host, state, because, hint, seen, expected, driver, taken, simulated=simulated
    )
