"""`gpus`: every GPU, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commands.deck import Deck
from commands.spec import Cell, Grid, No, Spec, Style, option
from core.errors import ModeldeckError, UsageError, nearest
from core.gpus import Gpu, GpuReport
from core.status import GLYPH, State
from core.units import show_bytes, show_share

_STYLE: Mapping[State, Style] = {
    State.OK: "ok",
    State.WARNING: "warning",
    State.CRITICAL: "critical",
    State.UNKNOWN: "unknown",
    State.NOT_CONFIGURED: "dim",
}


@dataclass(frozen=True, slots=True)
class Args:
    host: str | None = option("--host", "only this host", default=None, metavar="HOST")


@dataclass(frozen=True)
class GpusReport:
    report: GpuReport

    def data(self) -> Mapping[str, Any]:
        return self.report.to_json()

    def grids(self) -> Sequence[Grid]:
        rows = [_row(gpu) for gpu in self.report.gpus]
        hosts: list[Sequence[Cell]] = []
        for host in self.report.hosts.values():
            mark: Cell = (f"{GLYPH[host.state]} {host.state}", _STYLE[host.state])
            said = host.because + (f": {host.hint}" if host.hint else "")
            hosts.append((mark, (host.host, "strong"), host.count, host.driver, said))
        columns = ("", "gpu", "name", "use", "memory", "power", "temp", "processes", "")
        right = frozenset({3, 4, 5, 6})
        grids = [Grid(("", "host", "gpus", "driver", ""), hosts)]
        return [*grids, Grid(columns, rows, right=right)] if rows else grids

    def error(self) -> ModeldeckError | None:
        if self.report.state is State.OK:
            return None
        bad = [gpu for gpu in self.report.worst_first() if gpu.state is not State.OK]
        said = [f"{gpu.label}: {gpu.because}" for gpu in bad[:3]]
        said += [
            f"{h.host}: {h.because}" for h in self.report.hosts.values() if h.state is not State.OK
        ]
        return No("; ".join(dict.fromkeys(said)) or f"the GPUs are {self.report.state}")


def _row(gpu: Gpu) -> Sequence[Cell]:
    memory = "–"
    if gpu.memory_used is not None and gpu.memory_total is not None:
        memory = f"{show_bytes(gpu.memory_used)} of {show_bytes(gpu.memory_total)}"
    processes = ", ".join(f"{p.pid} {p.name}".strip() for p in gpu.processes[:3])
    if len(gpu.processes) > 3:
        processes += f" and {len(gpu.processes) - 3} more"
    said = gpu.because + (" SIMULATED" if gpu.simulated else "")
    return (
        (f"{GLYPH[gpu.state]} {gpu.state}", _STYLE[gpu.state]),
        (gpu.label, "strong"),
        gpu.name or "–",
        "–" if gpu.utilization is None else show_share(gpu.utilization),
        memory,
        "–" if gpu.power is None else f"{gpu.power:.0f} W",
        "–" if gpu.temperature is None else f"{gpu.temperature:.0f} °C",
        processes or "–",
        (said.strip(), "" if gpu.state is State.OK else _STYLE[gpu.state]),
    )


async def run(deck: Deck, args: Args) -> GpusReport:
    report: GpuReport = await deck.gpus.sample()
    if args.host is not None:
        if args.host not in report.hosts:
            guess = nearest(args.host, report.hosts)
            raise UsageError(f"no GPUs are asked for on {args.host!r}.{guess}")
        report = report.only(args.host)
    return GpusReport(report)


SPEC = Spec(
    "gpus",
    "query",
    "Every GPU: use, memory, power, temperature, throttling, errors, processes",
    Args,
    run,
    ("modeldeck gpus", "modeldeck gpus --watch 1", "modeldeck gpus -o json"),
    watch=True,
)
