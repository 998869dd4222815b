"""The console with fifty services and eight GPUs at 1 Hz, beside stock widgets with the same data.

Both run in a real pty of 120 × 36, at the same time, so that a busy machine hits them alike.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.common import Row
from tests.tui.pty_cost import Terminal

SECONDS, WARM_UP = 30.0, 6.0
MOST_BYTES, MOST_CPU, MOST_RSS = 4_000, 0.02, 80e6
CLOCK = 60
"""Bytes a second that a clock may cost: moving there, colour, eight digits, and back."""
PROGRAMS = {"ours": "tests.tui.pty_console", "stock": "benchmarks.stock_console"}


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes and CPU seconds a second; memory in bytes."""

    written: float
    cpu: float
    rss: int


def rows() -> list[Row]:
    moving, still = together("moving"), together("still")
    ours, stock = moving["ours"], moving["stock"]
    rest = still["ours"]
    name = "console, 50 services, 8 GPUs"
    return [
        Row(f"{name}: written", f"{ours.written:.0f} B/s", f"stock: {stock.written:.0f} B/s",
            ours.written / stock.written, "<= 4 kB/s", ours.written <= MOST_BYTES),
        Row(f"{name}: CPU", f"{ours.cpu:.1%} of a core", f"stock: {stock.cpu:.1%}",
            ours.cpu / stock.cpu, "<= 2 %", ours.cpu <= MOST_CPU),
        Row(f"{name}: memory", f"{ours.rss / 1e6:.0f} MB", f"stock: {stock.rss / 1e6:.0f} MB",
            ours.rss / stock.rss, "<= 80 MB", ours.rss <= MOST_RSS),
        Row("console, still screen: written", f"{rest.written:.0f} B/s",
            f"stock: {still['stock'].written:.0f} B/s", rest.written / still["stock"].written,
            f"<= {CLOCK} B/s", rest.written <= CLOCK),
        Row("console, still screen: CPU", f"{rest.cpu:.1%} of a core",
            f"stock: {still['stock'].cpu:.1%}", rest.cpu / still["stock"].cpu),
    ]  # fmt: skip


def together(mode: str, seconds: float = SECONDS) -> Mapping[str, Cost]:
    """What each program costs while both run."""
    with ExitStack() as stack:
        terminals = {
            name: stack.enter_context(Terminal([sys.executable, "-m", module, mode]))
            for name, module in PROGRAMS.items()
        }
        for terminal in terminals.values():
            if b"UTC" not in terminal.read_for(60, until=b"UTC"):
                raise RuntimeError(f"{terminal.command} drew nothing: {terminal.output[-300:]!r}")
        _read(terminals, WARM_UP)
        before = {name: terminal.cpu_seconds() for name, terminal in terminals.items()}
        written = _read(terminals, seconds)
        return {
            name: Cost(
                written[name] / seconds,
                (terminal.cpu_seconds() - before[name]) / seconds,
                terminal.rss_bytes(),
            )
            for name, terminal in terminals.items()
        }


def _read(terminals: Mapping[str, Terminal], seconds: float) -> dict[str, int]:
    """Read all of them for that time; the bytes that each wrote."""
    written = dict.fromkeys(terminals, 0)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for name, terminal in terminals.items():
            written[name] += len(terminal.read_for(0.05))
    return written
