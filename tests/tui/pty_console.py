"""A console with fifty services and eight GPUs, to be run in a terminal of its own.

`python -m tests.tui.pty_console moving|still|hang|hostile|plan FILE`
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from core.figures import Figure
from core.gpus import Gpu, GpuReport, HostStatus, judged
from core.history import Event, WaysBack
from core.status import LayerState, ServiceStatus, State, unmeasured
from tests.tui.scripted import Scripted, busy
from tests.tui.scripted_changes import told
from tui.seam import Facts, Instruments, Outcome, Progress, Proposal, ServiceView

SERVICES = tuple(f"service-{number:02}" for number in range(50))
GIB = 1024**3


class Moving:
    """Figures that change with every poll; `still` keeps each of them as it was."""

    def __init__(self, still: bool) -> None:
        self.random = random.Random(7)
        self.still = still
        self.began = datetime.now(UTC)
        self.history: dict[str, list[tuple[float, float]]] = {}
        self.first = self._services()

    def services(self) -> tuple[ServiceView, ...]:
        return self.first if self.still else self._services()

    def _services(self) -> tuple[ServiceView, ...]:
        found = []
        for place, name in enumerate(SERVICES):
            value = self.random.uniform(20, 90)
            state = State.CRITICAL if place < 2 else State.WARNING if place < 5 else State.OK
            said = f"latency p95 {value:.1f} ms"
            layers = unmeasured() | {"system": LayerState(state, said)}
            since = self.began - timedelta(minutes=5) if state is not State.OK else None
            now = datetime.now(UTC)
            found.append(
                ServiceView(
                    ServiceStatus(name, name, "bench", "12", {"12": 0.95, "13": 0.05}, {}, layers,
                                  "r4", None, None, now, {}, since)
                )
            )  # fmt: skip
        return tuple(found)

    def figures(self) -> Instruments:
        found = []
        now = time.time()
        for name in ("latency p50", "latency p95", "latency p99", "requests", "errors", "active"):
            history = self.history.setdefault(
                name, [(now - 900 + i, 50.0 + i % 37) for i in range(900)]
            )
            if not self.still:
                history.append((now, self.random.uniform(20, 90)))
                del history[:-900]
            unit: Any = "per_second" if name == "requests" else "seconds"
            value = history[-1][1] if name == "requests" else history[-1][1] / 1000
            # A still screen has no past either: its sparklines would move on with the time.
            past = () if self.still else tuple(history)
            found.append(Figure(name, name, "system", unit, value, history=past))
        return Instruments(tuple(found), "r4", {("latency p95", None): 0.05})

    def gpus(self) -> GpuReport:
        def one(index: int) -> Gpu:
            use = 0.5 if self.still else self.random.random()
            return judged(
                Gpu("host", index, f"GPU-{index}", "H100", use, int(use * 80 * GIB), 80 * GIB,
                    700 * use, 700.0, 40 + 40 * use, service=SERVICES[index])
            )  # fmt: skip

        gpus = tuple(one(index) for index in range(8))
        return GpuReport(gpus, {"host": HostStatus("host", State.OK, "8 GPUs", seen=8, expected=8)})

    def backend(self) -> Scripted:
        backend = Scripted(Facts("bench", False, False, "ana", SERVICES), every=1.0)
        event = Event(self.began - timedelta(hours=3), SERVICES[0], "prompt 8→9", "ben", "outside")
        backend.reads = {
            "services": self.services,
            "changes": told(*(event,) * 12),
            "gpus": self.gpus,
            "figures": self.figures,
            "ways": WaysBack("r4: v11", True, "no canary running", False),
        }
        return backend


def hanging() -> Scripted:
    """Nothing ever answers; one source even hangs in a thread."""

    async def never() -> None:
        await asyncio.Event().wait()

    async def thread() -> None:
        await asyncio.to_thread(time.sleep, 3600)

    backend = Scripted(Facts("bench", False, False, "ana", SERVICES))
    backend.reads = {"services": never, "changes": never, "gpus": thread, "figures": never}
    backend.close = never  # type: ignore[method-assign]
    return backend


class Slow(Scripted):
    """A plan whose two sets take a while, recorded in a file as they happen."""

    def __init__(self, record: Path) -> None:
        played = busy()
        super().__init__(played.facts, played.reads, 1.0, played.proposals)
        self.record = record

    async def apply(
        self, proposal: Proposal, progress: Callable[[Progress], None], stop: asyncio.Event
    ) -> Outcome:
        for number, item in enumerate(proposal.plan.sets):
            if stop.is_set():
                self._note("put back")
                return Outcome("undone", (), 214, 130)
            progress(Progress(item.ref, "writing"))
            self._note(f"set {number}")
            for step in range(60):
                # Each of these is drawn: a terminal that takes nothing must not hold it up.
                progress(Progress(None, "writing", f"looked {step} times"))
                await asyncio.sleep(0.02)
            progress(Progress(item.ref, "done"))
        self._note("done")
        return Outcome("done", (), 214)

    def _note(self, text: str) -> None:
        with self.record.open("a") as file:
            file.write(text + "\n")


def main() -> int:
    from tui.app import ConsoleApp
    from tui.run import run_console

    mode = sys.argv[1]
    if mode == "hang":
        return run_console(lambda: ConsoleApp(hanging()))
    if mode == "hostile":
        from tests.tui.hostile import hostile_backend

        return run_console(lambda: ConsoleApp(hostile_backend()))
    if mode == "plan":
        return run_console(lambda: ConsoleApp(Slow(Path(sys.argv[2]))))
    moving = Moving(mode == "still")
    return run_console(lambda: ConsoleApp(moving.backend()))


if __name__ == "__main__":
    sys.exit(main())
