"""Waiting for what a user would see, with a deadline."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from backends.gpus.host import Patience
from backends.gpus.nvml import NvmlGpus, Options
from core.gpus import GpuReport, HostStatus
from core.status import State

CALM = Patience(report=15, give_up=600, retry_first=0.05, retry_last=0.2)
"""For whatever is no hang, on a machine that may be slow."""
QUICK = Patience(report=0.5, give_up=1, retry_first=0.05, retry_last=0.2)
LONGEST = 30.0


def local(patience: Patience = CALM, expected: int | None = None) -> NvmlGpus:
    """The adapter, four times a second."""
    return NvmlGpus(Options(interval=0.25, expected=expected), patience)


def samplers() -> list[int]:
    """The samplers that this process has started and that are not dead."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [
        int(pid)
        for pid in children
        if alive(int(pid)) and b"sampler.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def host_of(report: GpuReport) -> HostStatus:
    (host,) = report.hosts.values()
    return host


def using(backend: NvmlGpus, what: Callable[[NvmlGpus], Awaitable[None]]) -> None:
    """Run `what` with the adapter and close it."""

    async def main() -> None:
        try:
            await what(backend)
        finally:
            await backend.close()

    asyncio.run(main())


async def until(backend: NvmlGpus, holds: Callable[[GpuReport], bool]) -> GpuReport:
    """The first report of which `holds` is true; fails with the last one after the deadline."""
    deadline = time.monotonic() + LONGEST
    while not holds(report := await backend.sample()):
        assert time.monotonic() < deadline, f"still {report}"
        await asyncio.sleep(0.01)
    return report


async def works(backend: NvmlGpus) -> GpuReport:
    """The first report with every GPU in order."""
    return await until(backend, lambda report: report.state is State.OK)


def alive(pid: int) -> bool:
    """Whether a process runs, other than as a corpse that nobody has reaped yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def dead(pid: int) -> None:
    deadline = time.monotonic() + LONGEST
    while alive(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        await asyncio.sleep(0.01)
