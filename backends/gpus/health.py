"""A report of GPUs as the lines of `doctor`."""

from __future__ import annotations

from backends.base import Health
from core.gpus import GpuReport
from core.status import State

_FINE = (State.OK, State.NOT_CONFIGURED)


def health_lines(report: GpuReport, seconds: float) -> list[Health]:
    """One line per host, then one per GPU that needs somebody."""
    lines = []
    for host in report.hosts.values():
        detail = host.because + (f", driver {host.driver}" if host.driver else "")
        fine = None if host.state is State.NOT_CONFIGURED else host.state is State.OK
        lines.append(Health(f"GPUs of {host.host}", fine, detail, seconds, host.hint or None))
    lines += [
        Health(f"GPU {gpu.label}", False, gpu.because)
        for gpu in report.gpus
        if gpu.seen and gpu.state not in _FINE
    ]
    return lines
