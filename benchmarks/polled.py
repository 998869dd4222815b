"""The whole console, polls and all, on fifty services of real servers.

Each of the fifty is one of the embedded fleet's two classifiers under a name of its own: real
slots, route files, registry and Envoy, so that every poll and every scrape costs what it costs.
The GPUs are the simulated ones, four hosts of eight.
"""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path

from benchmarks.common import Row, modeldeck
from benchmarks.console import MOST_BYTES, MOST_CPU, MOST_RSS
from tests.tui.pty_cost import Terminal

SERVICES, MODELS = 50, ("tumor", "digits")
WARM_UP, SECONDS = 30.0, 50.0
"""The first round fills the history; then four rounds of the rhythm of a fleet of this size."""


def rows(config: Path) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fifty.toml"
        path.write_text(fifty(config.read_text(), Path(folder)))
        written, cpu, rss = _measure(path)
    name = f"console, {SERVICES} services polled"
    return [
        Row(f"{name}: written", f"{written:.0f} B/s", "", None, "<= 4 kB/s", written <= MOST_BYTES),
        Row(f"{name}: CPU", f"{cpu:.1%} of a core", "", None, "<= 2 %", cpu <= MOST_CPU),
        Row(f"{name}: memory", f"{rss / 1e6:.0f} MB", "", None, "<= 80 MB", rss <= MOST_RSS),
    ]


def fifty(config: str, folder: Path) -> str:
    """The fleet's config with its classifiers under fifty names."""
    registry = re.search(r"(?m)^\[registry\]\n(?:.+\n)*", config)
    assert registry is not None
    parts = [
        '[environment]\nname = "bench"\n', registry[0],
        f'[journal]\npath = "{folder}/journal.db"\n', '[gpus]\nkind = "simulated"\n',
    ]  # fmt: skip
    tables = re.split(r"(?m)^(?=\[)", config)
    for number in range(SERVICES):
        model = MODELS[number % len(MODELS)]
        for table in tables:
            head = re.match(rf"\[services\.{model}([\].])", table)
            if head is None:
                continue
            renamed = f"[services.{model}-{number:02}{head[1]}{table[head.end() :].rstrip()}\n"
            # The route file knows the service under its own name.
            own = f'route_config = "{model}"\n' if ".router]" in renamed else ""
            parts.append(renamed + own)
    return "\n".join(parts)


def _measure(config: Path) -> tuple[float, float, int]:
    """Bytes and CPU seconds a second, and memory in bytes."""
    with Terminal(modeldeck("--config", str(config))) as terminal:
        if b"UTC" not in terminal.read_for(60, until=b"UTC"):
            raise RuntimeError(f"the console drew nothing: {terminal.output[-300:]!r}")
        _read(terminal, WARM_UP)
        before = terminal.cpu_seconds()
        written = _read(terminal, SECONDS)
        cost = (
            written / SECONDS,
            (terminal.cpu_seconds() - before) / SECONDS,
            terminal.rss_bytes(),
        )
        if b"STALE" in bytes(terminal.output) or b"no answer" in bytes(terminal.output):
            print("(the fleet was too slow to answer all polls in time)")
        terminal.write(b"q")
        terminal.read_for(2)
    return cost


def _read(terminal: Terminal, seconds: float) -> int:
    """The bytes written in that time."""
    deadline, written = time.monotonic() + seconds, 0
    while (left := deadline - time.monotonic()) > 0:
        written += len(terminal.read_for(min(left, 1.0)))
    return written
