"""The GPUs of this host through NVML, read by a child process, since driver calls can hang."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backends.base import Context, Health
from backends.gpus.health import health_lines
from backends.gpus.host import HostGpus, Patience
from core.gpus import GpuReport
from core.schema import Duration
from core.text import clean

SAMPLER = Path(__file__).with_name("sampler.py")
_FASTEST, _SLOWEST = 0.25, 60.0


@dataclass(frozen=True, slots=True)
class Options:
    hosts: tuple[str, ...] = ("local",)
    interval: Duration = 1.0
    """Between two samples; the driver itself refreshes its values about once a second."""
    expected: int | None = None
    """How many GPUs there should be; left out, as many as were seen before."""

    def __post_init__(self) -> None:
        if self.hosts != ("local",):
            other = next((host for host in self.hosts if host != "local"), None)
            said = f"{other!r} cannot be read yet" if other else "name one host, once"
            raise ValueError(f'hosts: {said}; only ["local"], this host, is possible so far')
        if not _FASTEST <= self.interval <= _SLOWEST:
            raise ValueError('interval: must lie between "250ms" and "60s"')
        if self.expected is not None and self.expected < 0:
            raise ValueError("expected: must not be negative")


def open_backend(options: Options, context: Context) -> NvmlGpus:  # noqa: ARG001
    return NvmlGpus(options)


class NvmlGpus:
    """This host's GPUs. The sampler starts with the first `sample` and ends with `close`."""

    def __init__(self, options: Options, patience: Patience | None = None) -> None:
        self.host = clean(os.uname().nodename.split(".")[0]) or "local"
        self._gpus = HostGpus(
            self.host,
            [str(SAMPLER), "--interval", str(options.interval)],
            interval=options.interval,
            expected=options.expected,
            patience=patience or Patience(),
        )

    async def sample(self) -> GpuReport:
        """The newest sample, at most about one interval old, or why there is none.

        The first call waits for the first sample, four seconds beyond the interval at most.
        Never raises: what is wrong with the driver is the host's status in the report.
        """
        return await self._gpus.report()

    async def check(self) -> Sequence[Health]:
        """A host without any NVIDIA driver is no fault, unless the config expects GPUs."""
        began = time.monotonic()
        report = await self.sample()
        return health_lines(report, time.monotonic() - began)

    async def close(self) -> None:
        """Within one second, also while the driver hangs."""
        await self._gpus.close()
