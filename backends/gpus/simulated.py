"""Four hosts of eight GPUs that do not exist, to try and to practise on. Each says so."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from backends.base import Context, Health
from backends.gpus.health import health_lines
from backends.gpus.words import gpu_words
from core.errors import BadAnswer
from core.gpus import Gpu, GpuProcess, GpuReport, Throttle, host_status, judged, unseen

HOSTS = ("gpu-a", "gpu-b", "gpu-c", "gpu-d")
PER_HOST = 8
_TOTAL = 80 * 1024**3
_LIMIT = 700.0
_LOST = 15


@dataclass(frozen=True, slots=True)
class Options:
    faults: str | None = None
    """A JSON file that says which GPUs are lost: {"lost": ["gpu-c:3"]}. Without it, none is."""
    services: tuple[str, ...] = ()
    """The services that are shown on the GPUs, in turn, two GPUs each."""


def open_backend(options: Options, context: Context) -> SimulatedGpus:  # noqa: ARG001
    return SimulatedGpus(options)


def lose(faults: Path, host: str, index: int) -> None:
    """Lose a GPU: the file then names it beside those that are lost already."""
    lost = sorted({*_lost(faults), f"{host}:{index}"})
    faults.write_text(json.dumps({"lost": lost}))


class SimulatedGpus:
    """Values that move slowly and are the same for everybody at the same time."""

    def __init__(self, options: Options, clock: Callable[[], float] = time.time) -> None:
        self._faults = Path(options.faults) if options.faults else None
        self._services = options.services
        self._clock = clock

    async def sample(self) -> GpuReport:
        """Raises BadAnswer where the file of faults is not one."""
        now = self._clock()
        lost = _lost(self._faults) if self._faults else frozenset()
        taken = datetime.fromtimestamp(now, UTC)
        gpus: list[Gpu] = []
        hosts = {}
        for host in HOSTS:
            here = [self._gpu(host, index, now, lost) for index in range(PER_HOST)]
            gpus += here
            hosts[host] = host_status(
                host, here, expected=PER_HOST, driver="simulated", taken=taken, simulated=True
            )
        return GpuReport(tuple(gpus), hosts)

    async def check(self) -> Sequence[Health]:
        try:
            report = await self.sample()
        except BadAnswer as error:
            return [Health("simulated GPUs", False, error.message, None, error.hint)]
        return [Health("simulated GPUs", True, f"{report.count} GPUs"), *health_lines(report, 0.0)]

    async def close(self) -> None:
        """Nothing is held."""

    def _gpu(self, host: str, index: int, now: float, lost: frozenset[str]) -> Gpu:
        number = HOSTS.index(host) * PER_HOST + index
        service = self._services[number // 2 % len(self._services)] if self._services else None
        gpu = Gpu(
            host,
            index,
            uuid=f"GPU-simulated-{host}-{index}",
            name="Simulated GPU 80GB",
            service=service,
            simulated=True,
        )
        if gpu.label in lost:
            return unseen(gpu, gpu_words(_LOST).state, gpu_words(_LOST).because)
        busy = 0.62 + 0.25 * _wave(now, 240, number) + 0.1 * _wave(now, 37, 3 * number)
        used = int((0.78 + 0.04 * _wave(now, 600, number)) * _TOTAL)
        power = 95 + 620 * busy
        return judged(
            Gpu(
                host,
                index,
                uuid=gpu.uuid,
                name=gpu.name,
                utilization=round(busy, 2),
                memory_used=used,
                memory_total=_TOTAL,
                power=round(min(power, _LIMIT), 1),
                power_limit=_LIMIT,
                temperature=float(round(38 + 36 * busy + index % 3)),
                throttle=(Throttle.POWER_LIMIT,) if power >= _LIMIT else (),
                ecc_uncorrected=0,
                processes=(GpuProcess(40_000 + number, used, "model-server"),),
                service=service,
                simulated=True,
            )
        )


def _wave(now: float, period: float, phase: int) -> float:
    return math.sin(2 * math.pi * now / period + phase)


def _lost(faults: Path) -> frozenset[str]:
    try:
        lost = json.loads(faults.read_bytes())["lost"]
        return frozenset(str(label) for label in lost)
    except FileNotFoundError:
        return frozenset()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadAnswer(
            f"{faults} does not say which simulated GPUs are lost",
            backend="simulated GPUs",
            operation="read the faults",
            hint='it should hold {"lost": ["gpu-c:3"]}',
        ) from error
